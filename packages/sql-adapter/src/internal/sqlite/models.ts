/**
 * What a client of SQLite is, and what it is made of.
 *
 * @since 0.1.0
 */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Effect from "effect/Effect"
import type { SqliteConnection } from "../../SqliteConnection.js"
import type { SqliteConnectError } from "../../SqliteError.js"
import type { SqliteConnectorConfig } from "../../SqliteOptions.js"
import type { TransactionOptions } from "../../SqlTransaction.js"
import type { ClientOptions } from "../client/models.js"

/**
 * The pool's options are those of the connections that read. `maxSize` is how many of them there are at most.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<Tuning, "concurrency">, ClientOptions {
  /** Which file, and how it is opened. */
  readonly connection: SqliteConnectorConfig
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Client extends SqlClient.SqlClient {
  /** The one connection that writes. */
  readonly writer: ConnectionPool<SqliteConnection, SqliteConnectError>
  /** Those that only read. The writer, where the database is in memory, or is only read. */
  readonly readers: ConnectionPool<SqliteConnection, SqliteConnectError>
  /**
   * As `withTransaction`, with options. One that is `readOnly` has a connection that only reads, and waits for no writer. Inside of
   * a transaction they mean nothing: it is a savepoint.
   */
  readonly transaction: (
    options: TransactionOptions
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
}
