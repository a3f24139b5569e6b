import { TransactionConnection } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Bound } from "./Bound.js"
import { foreignTransaction } from "./failure.js"
import type { TransformRows } from "./transform.js"

/** What a fiber has of a client's transactions: one that has begun, or one that will where somebody asks. */
export interface Held<A, E> extends Connection {
  readonly isEnded: boolean
  /** Whether the fiber is none of those that are in it: it only has what was left of its context. */
  readonly isOutside: (fiber: Fiber.RuntimeFiber<any, any>) => boolean
  /** Goes on with the transaction. `sql` is what it is wanted for. */
  readonly with: <B, E2, R>(
    sql: string,
    f: (bound: Bound<A, E>) => Effect.Effect<B, E2, R>
  ) => Effect.Effect<B, E2 | SqlError, R>
}

/** A transaction that begins where somebody first asks for it. */
export abstract class OnDemand<A, E> implements Held<A, E> {
  abstract readonly isEnded: boolean
  abstract isOutside(fiber: Fiber.RuntimeFiber<any, any>): boolean
  /** It, where it has begun. */
  protected abstract readonly current: Bound<A, E> | undefined
  protected abstract begun(sql: string): Effect.Effect<Bound<A, E>, SqlError>

  with<B, E2, R>(sql: string, f: (bound: Bound<A, E>) => Effect.Effect<B, E2, R>): Effect.Effect<B, E2 | SqlError, R> {
    return Effect.suspend(() => {
      const { current } = this
      return current === undefined ? Effect.flatMap(this.begun(sql), f) : f(current)
    })
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return this.with(sql, (bound) => bound.execute(sql, params, transform))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return this.with(sql, (bound) => bound.executeUnprepared(sql, params, transform))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.with(sql, (bound) => bound.executeValues(sql, params))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.with(sql, (bound) => bound.executeRaw(sql, params))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return Stream.unwrap(this.with(sql, (bound) => Effect.succeed(bound.executeStream(sql, params, transform))))
  }
}

/**
 * What a transaction puts where @effect/sql looks for one: SqlResolver carries it to where it runs a batch. A client of ours finds its own
 * transaction in it, also behind those of other clients. Anybody else would use the connection itself, and is told not to.
 */
export class Handle implements Connection {
  constructor(
    /** The client that it belongs to. */
    readonly owner: object,
    readonly held: Held<any, any>,
    /** What was there before. */
    readonly outer: Connection | undefined
  ) {}

  execute(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeUnprepared(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeValues(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeRaw(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeStream(sql: string) {
    return Stream.fail(foreignTransaction(sql))
  }
}

/** What is there of a transaction where the fiber is. */
export const connectionIn = (context: Context.Context<never>): Connection | undefined =>
  (context.unsafeMap.get(TransactionConnection.key) as Context.Tag.Service<typeof TransactionConnection> | undefined)
    ?.[0]

/** The innermost transaction of this client that the fiber is in, or was in when it was forked. */
export const heldIn = <A, E>(owner: object, fiber: Fiber.RuntimeFiber<any, any>): Held<A, E> | undefined => {
  let innermost: Held<A, E> | undefined
  for (let at = connectionIn(fiber.currentContext); at instanceof Handle; at = at.outer) {
    if (at.owner !== owner) continue
    const held = at.held as Held<A, E>
    if (!held.isEnded) return innermost ?? held
    if (held.isOutside(fiber)) return undefined
    innermost ??= held
  }
  return innermost
}
