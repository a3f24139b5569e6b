/**
 * What a client of MySQL and MariaDB is, and what it is made of.
 *
 * @since 0.1.0
 */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import type * as SqlClient from "@effect/sql/SqlClient"
import type * as Effect from "effect/Effect"
import type { MysqlConnection } from "../../MysqlConnection.js"
import type { MysqlConnectError } from "../../MysqlError.js"
import type { MysqlConnectorConfig } from "../../MysqlOptions.js"
import type { ClientOptions, Transactional } from "../client/models.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never, R = never> extends Omit<Tuning, "concurrency">, ClientOptions {
  /** Where and how to connect. An Effect runs at each opening, for passwords that change. */
  readonly connection: MysqlConnectorConfig | Effect.Effect<MysqlConnectorConfig, E, R>
  /**
   * Prepares statements, and sends their parameters apart from the text. Each connection keeps `connection.preparedStatements`
   * of them. Default: false.
   */
  readonly prepare?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Client extends SqlClient.SqlClient, Transactional {
  /** The pool that its connections are from. */
  readonly pool: ConnectionPool<MysqlConnection, MysqlConnectError>
}
