import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { toSqlError } from "./failure.js"

/** How long a caller waited for a connection, as a span of its own beside that of the statement. */
const traceWait = (fiber: Fiber.RuntimeFiber<any, any>, clock: Clock.Clock, millis: number): void => {
  const tracer = Context.get(fiber.currentDefaultServices, Tracer.Tracer)
  const parent = fiber.currentContext.unsafeMap.get(Tracer.ParentSpan.key) as Tracer.AnySpan | undefined
  const now = clock.unsafeCurrentTimeNanos()
  tracer
    .span(
      "cenote.acquire",
      Option.fromNullable(parent),
      Context.empty(),
      [],
      now - BigInt(Math.round(millis * 1e6)),
      "client"
    )
    .end(now, Exit.void)
}

/** Runs a statement with a connection of the pool. */
export const withConnection = <A, B>(
  pool: ConnectionPool<A, unknown>,
  statement: (connection: A) => Effect.Effect<B, SqlError>
): Effect.Effect<B, SqlError> =>
  Effect.mapError(pool.use(statement), (error) => error instanceof SqlError ? error : toSqlError(error))

/** Tells how long a connection was waited for, from now until it is given to `f`. */
export const timed = <A, B>(fiber: Fiber.RuntimeFiber<any, any>, f: (connection: A) => B): (connection: A) => B => {
  const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
  const since = clock.unsafeCurrentTimeMillis()
  return (connection) => {
    const millis = clock.unsafeCurrentTimeMillis() - since
    if (millis > 0) traceWait(fiber, clock, millis)
    return f(connection)
  }
}

/**
 * Runs `f` with a connection of the pool. What the pool refuses is a SqlError; what `f` fails with is left as it is, even where
 * that is an error of a pool as well.
 */
export const withLease = <A, B, E2, R>(
  pool: ConnectionPool<A, unknown>,
  f: (connection: A) => Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> =>
  Effect.withFiberRuntime((fiber) => {
    let isLeased = false
    const leased = timed(fiber, (connection: A) => {
      isLeased = true
      return f(connection)
    })
    return Effect.mapError(pool.use(leased), (error) => isLeased ? error as E2 : toSqlError(error))
  })
