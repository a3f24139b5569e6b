/** A queue: all connections are held, and then many ask at once. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { PromisePool, Use } from "../model.js"

export const holders = 10

export interface Queue {
  readonly waiters: ReadonlyArray<Fiber.RuntimeFiber<void, unknown>>
  /** The holders give their connections back. */
  readonly open: Effect.Effect<void>
}

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.zipRight(Effect.yieldNow(), until(condition)))

/** When it ends, all waiters are in the queue. */
export const queue = (use: Use, waiters: number): Effect.Effect<Queue> =>
  Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    let held = 0
    const hold = use(() => Effect.suspend(() => (held++, Deferred.await(gate))))
    for (let i = 0; i < holders; i++) yield* Effect.forkDaemon(hold)
    yield* until(() => held === holders)

    let asked = 0
    const ask = Effect.suspend(() => (asked++, use(() => Effect.void)))
    const fibers: Array<Fiber.RuntimeFiber<void, unknown>> = []
    for (let i = 0; i < waiters; i++) fibers.push(yield* Effect.forkDaemon(ask))
    yield* until(() => asked === waiters)
    // Whoever was stopped in between by the scheduler has its turn.
    yield* Effect.yieldNow()
    yield* Effect.yieldNow()
    return { waiters: fibers, open: Effect.asVoid(Deferred.succeed(gate, undefined)) }
  })

/** Until all have ended, however they did. */
export const ended = ({ waiters }: Queue): Effect.Effect<void> =>
  Effect.forEach(waiters, (fiber) => Fiber.await(fiber), { discard: true })

/** Until all have had a connection. */
export const served = ({ waiters }: Queue): Effect.Effect<void, unknown> =>
  Effect.forEach(waiters, (fiber) => Fiber.join(fiber), { discard: true })

export interface PromiseQueue {
  readonly waiters: ReadonlyArray<Promise<void>>
  readonly open: () => void
}

export const promiseQueue = async (
  { acquire, release }: PromisePool,
  waiters: number
): Promise<PromiseQueue> => {
  const held = await Promise.all(Array.from({ length: holders }, () => acquire()))
  const asked = Array.from({ length: waiters }, () => acquire().then(release))
  return {
    waiters: asked,
    open: () => {
      for (const connection of held) void release(connection)
    }
  }
}
