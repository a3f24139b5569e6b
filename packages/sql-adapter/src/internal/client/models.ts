/**
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type * as Effect from "effect/Effect"
import type { TransactionOptions } from "../../SqlTransaction.js"

/**
 * What the clients of all databases can be told.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  /** Turns the names of a result's columns into those of a row's fields: `String.snakeToCamel`. Default: as they are. */
  readonly transformResultNames?: ((name: string) => string) | undefined
  /** Turns names in a statement into the database's: `String.camelToSnake`. Default: as they are. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** What the spans of statements have besides what the client knows. */
  readonly spanAttributes?: Record<string, unknown> | undefined
  /**
   * Writes the trace that a statement belongs to into a comment behind it, for the server's logs (`traceparent`). Each text is then
   * another one: a server that counts or prepares by text has no use of that. Default: false.
   */
  readonly traceComments?: boolean | undefined
}

/**
 * What all SQL clients have besides what @effect/sql asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transactional {
  /** As `withTransaction`, with options. Inside of a transaction they mean nothing: it is a savepoint. */
  readonly transaction: (
    options: TransactionOptions
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
}
