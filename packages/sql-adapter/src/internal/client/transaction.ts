import { TransactionConnection } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { TransactionOptions } from "../../SqlTransaction.js"
import { Bound } from "./Bound.js"
import type { Dialect, Pools } from "./dialect.js"
import { commitUnknown, rolledBack, toSqlError, transactionEnded } from "./failure.js"
import { connectionIn, Handle, heldIn } from "./Handle.js"
import { withLease } from "./lease.js"
import type { TurnsOf } from "./Turns.js"

/** What a client's transactions are made of. It is the client for `Handle`. */
export interface Transactions<A extends object, E> {
  readonly dialect: Dialect<A, E>
  readonly pools: Pools<A>
  readonly turns: TurnsOf<A>
  /** What its spans have. */
  readonly attributes: ReadonlyArray<readonly [string, unknown]>
}

/** Where a client has them. */
export const Internals: unique symbol = Symbol.for("@cenote/sql-adapter/internal/Transactions")

/** A connection for longer than a statement, at a level of nesting. */
export const bind = <A extends object, E>(
  { dialect, turns }: Transactions<A, E>,
  connection: A,
  level: number,
  discard: Effect.Effect<void>
): Effect.Effect<Bound<A, E>> =>
  Effect.suspend(() => {
    const all = turns.of(connection)
    return Effect.map(all.at(level), (turns) => new Bound(dialect, connection, level, turns, all, discard))
  })

/** How a transaction, or a savepoint, begins and ends. */
export interface Frame {
  readonly begin: Effect.Effect<unknown, SqlError>
  /** Asked for when it is run. */
  readonly commit: Effect.Effect<void, SqlError>
  /** Asked for at once, when it is called; what it gives only waits. */
  readonly rollback: () => Effect.Effect<void>
}

/**
 * BEGIN and the effect are one region that can be interrupted, so whatever ends it other than a success is followed by a rollback.
 * COMMIT and ROLLBACK are asked for before the fiber can be interrupted again, and run on without it: what follows them on this
 * connection is outside of the transaction. An interrupted fiber does not wait for its ROLLBACK.
 */
const run = <B, E2, R>(
  owner: Transactions<any, any>,
  bound: Bound<any, any>,
  frame: Frame,
  effect: Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.useSpan(
      "sql.transaction",
      { kind: "client", captureStackTrace: false },
      (span) =>
        Effect.withFiberRuntime<B, E2 | SqlError, R>((fiber) => {
          for (const [key, value] of owner.attributes) span.attribute(key, value)
          const context = fiber.currentContext
          const handle = new Handle(owner, bound, connectionIn(context))
          let hasBegun = false
          const begun = Effect.tap(frame.begin, () => Effect.sync(() => hasBegun = true))
          const inside = Effect.locally(
            effect,
            FiberRef.currentContext,
            context.pipe(
              Context.add(TransactionConnection, [handle, bound.level]),
              Context.add(Tracer.ParentSpan, span)
            ) as Context.Context<never>
          )
          return Effect.matchCauseEffect(restore(Effect.zipRight(begun, inside)), {
            onSuccess: (value) => {
              if (bound.isEnded) return Effect.fail(transactionEnded("COMMIT"))
              bound.end()
              return Effect.as(restore(frame.commit), value)
            },
            onFailure: (cause) => {
              // One that the transaction around it has ended is undone or done with that.
              if (bound.isEnded) return Effect.failCause(cause)
              bound.end()
              // A BEGIN that failed has begun nothing; one that was interrupted may have.
              if (!hasBegun && !Cause.isInterrupted(cause)) return Effect.failCause(cause)
              return Effect.zipRight(restore(frame.rollback()), Effect.failCause(cause))
            }
          })
        })
    )
  )

export const transaction = <A extends object, E>(bound: Bound<A, E>, options: TransactionOptions): Frame => {
  const { connection, dialect, discard } = bound
  const rollback = () => Effect.catchAll(Effect.asVoid(dialect.finish(connection, "ROLLBACK")), () => discard)
  return {
    begin: bound.turn("BEGIN", Effect.mapError(dialect.begin(connection, options), toSqlError)),
    commit: Effect.suspend(() => dialect.finish(connection, "COMMIT")).pipe(
      Effect.matchEffect({
        onSuccess: (outcome) => outcome === "RolledBack" ? Effect.fail(rolledBack()) : Effect.void,
        onFailure: (error) =>
          dialect.isLost(error)
            ? Effect.zipRight(discard, Effect.fail(commitUnknown(error)))
            : Effect.zipRight(rollback(), Effect.fail(toSqlError(error)))
      })
    ),
    rollback
  }
}

let savepoints = 0

/**
 * Asks for nothing once the transaction around it has ended: the connection may be somebody else's. Going back to a savepoint that is not
 * there would end the whole transaction: so what is asked for runs on when the fiber is interrupted, and it is known whether it was.
 */
const savepoint = <A extends object, E>({ connection, dialect, discard }: Bound<A, E>, outer: Bound<A, E>): Frame => {
  const name = `cenote_${savepoints++}`
  const finish = (sql: string) => dialect.finish(connection, sql)
  let wasAsked = false
  const ask = (sql: string) =>
    Effect.suspend(() => {
      if (outer.isEnded) return Effect.fail(transactionEnded(sql))
      wasAsked = true
      return Effect.mapError(finish(sql), toSqlError)
    })
  return {
    begin: ask(`SAVEPOINT ${name}`),
    commit: Effect.asVoid(ask(`RELEASE SAVEPOINT ${name}`)),
    rollback: () => {
      if (outer.isEnded || !wasAsked) return Effect.void
      const rolledBack = finish(`ROLLBACK TO SAVEPOINT ${name}`)
      const released = finish(`RELEASE SAVEPOINT ${name}`)
      return Effect.catchAll(
        Effect.asVoid(Effect.zipRight(rolledBack, released)),
        () => discard
      )
    }
  }
}

const root = <A extends object, E, B, E2, R>(
  self: Transactions<A, E>,
  options: TransactionOptions,
  effect: Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> => {
  const pool = self.pools.forTransaction(options)
  return withLease(pool, (connection) =>
    Effect.flatMap(
      bind(self, connection, 0, pool.invalidate(connection)),
      (bound) => run(self, bound, transaction(bound, options), effect)
    ))
}

/** Has the turn of the level above until it has ended: what is beside it waits. */
const nested = <A extends object, E, B, E2, R>(
  self: Transactions<A, E>,
  outer: Bound<A, E>,
  effect: Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> =>
  outer.turn(
    "SAVEPOINT",
    Effect.flatMap(
      bind(self, outer.connection, outer.level + 1, outer.discard),
      (bound) => outer.nesting(bound, run(self, bound, savepoint(bound, outer), effect))
    )
  )

/** Runs an effect in a transaction, or in a savepoint where the fiber is in a transaction of this client. */
export const withTransaction = <A extends object, E, B, E2, R>(
  self: Transactions<A, E>,
  options: TransactionOptions,
  effect: Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> =>
  Effect.withFiberRuntime<B, E2 | SqlError, R>((fiber) => {
    const held = heldIn<A, E>(self, fiber)
    if (held !== undefined) return held.with("SAVEPOINT", (outer) => nested(self, outer, effect))
    const { retry } = options
    const once = root(self, options, effect)
    return retry === undefined ? once : Effect.retry(once, {
      schedule: retry,
      while: (error) => error instanceof SqlError && self.dialect.isConflict(error.cause)
    })
  })
