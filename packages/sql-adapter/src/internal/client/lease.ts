import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { refused } from "./failure.js"

/** Runs a statement with a connection of the pool. */
export const withConnection = <A, B>(
  pool: ConnectionPool<A, unknown>,
  statement: (connection: A) => Effect.Effect<B, SqlError>
): Effect.Effect<B, SqlError> =>
  Effect.mapError(pool.use(statement), (error) => error instanceof SqlError ? error : refused(pool, error))

/**
 * Runs `f` with a connection of the pool. What the pool refuses is a SqlError; what `f` fails with is left as it is, even where
 * that is an error of a pool as well.
 */
export const withLease = <A, B, E2, R>(
  pool: ConnectionPool<A, unknown>,
  f: (connection: A) => Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | SqlError, R> =>
  Effect.suspend(() => {
    let isLeased = false
    const leased = (connection: A) => {
      isLeased = true
      return f(connection)
    }
    return Effect.mapError(pool.use(leased), (error) => isLeased ? error as E2 : refused(pool, error))
  })

/** A connection of the pool until the Scope closes. */
export const lease = <A>(pool: ConnectionPool<A, unknown>): Effect.Effect<A, SqlError, Scope.Scope> =>
  Effect.mapError(pool.get, (error) => refused(pool, error))
