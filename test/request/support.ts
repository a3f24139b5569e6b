/** Callers of a pool, and a reader of its events, that a test can lead step by step. */
import type { ConnectionPool, Lease } from "@cenote/core/ConnectionPool"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import type { LeaseOptions } from "@cenote/core/PoolOptions"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { settled } from "../support/pool.js"

/** A caller that has its connection until the test releases it, or ends. */
export interface Holder<A> {
  readonly lease: Lease<A>
  readonly connection: A
  /** The pool's number of the connection. */
  readonly id: number
  readonly release: Effect.Effect<void>
}

/** Takes a connection. */
export const hold = <A, E>(pool: ConnectionPool<A, E>, options?: LeaseOptions) =>
  Effect.gen(function*() {
    const scope = yield* Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential))
    const lease = yield* Scope.extend(pool.lease(options), scope)
    const holder: Holder<A> = {
      lease,
      connection: lease.connection,
      id: lease.id,
      release: Scope.close(scope, Exit.void)
    }
    return holder
  })

/** Takes a connection in a fiber of its own. It stands in the queue, or has got what there is, when this returns. */
export const ask = <A, E>(pool: ConnectionPool<A, E>, options?: LeaseOptions) =>
  Effect.zipLeft(Effect.forkScoped(hold(pool, options)), settled)

/** As `hold`, by a fiber that has ended then: the test's own fiber holds nothing, and may ask again without a deadlock. */
export const occupy = <A, E>(pool: ConnectionPool<A, E>, options?: LeaseOptions) =>
  Effect.flatMap(ask(pool, options), (fiber) => Fiber.join(fiber))

/** Opens connections, and leaves them idle: the first of them longest. */
export const warm = <A, E>(pool: ConnectionPool<A, E>, count: number) =>
  Effect.gen(function*() {
    const holders = yield* Effect.all(Array.from({ length: count }, () => hold(pool)), { concurrency: "unbounded" })
    yield* Effect.forEach(holders, ({ release }) => release, { discard: true })
    yield* settled
  })

/** Whether a fiber still runs, once all have run as far as they can. */
export const isWaiting = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<boolean> =>
  Effect.map(Effect.zipRight(settled, Fiber.poll(fiber)), Option.isNone)

/** What a fiber failed with, if it has ended. */
export const failureOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<E, A> => Effect.flip(Fiber.join(fiber))

/** The pool's events from now on, in a list that grows, until the test's Scope closes. */
export const listen = <A, E>(pool: ConnectionPool<A, E>) =>
  Effect.gen(function*() {
    const seen: Array<PoolEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(pool.events, (event) => Effect.sync(() => seen.push(event))))
    yield* settled
    return seen as ReadonlyArray<PoolEvent>
  })

/** The events of one kind. */
export const only = <K extends PoolEvent["_tag"]>(
  events: ReadonlyArray<PoolEvent>,
  tag: K
): ReadonlyArray<Extract<PoolEvent, { readonly _tag: K }>> =>
  events.filter((event): event is Extract<PoolEvent, { readonly _tag: K }> => event._tag === tag)
