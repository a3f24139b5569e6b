/**
 * What a client of PostgreSQL is, and what it is made of.
 *
 * @since 0.1.0
 */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import type * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { PgConnection } from "../../PgConnection.js"
import type { PgConnectError } from "../../PgError.js"
import type { Heard } from "../../PgNotification.js"
import type { PgConnectorConfig } from "../../PgOptions.js"
import type { ClientOptions, Transactional } from "../client/models.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never, R = never> extends Tuning, ClientOptions {
  /** Where and how to connect. An Effect runs at each opening, for passwords that change. */
  readonly connection: PgConnectorConfig | Effect.Effect<PgConnectorConfig, E, R>
  /**
   * Statements share connections, and each is sent without a wait for the answers of those in front of it: `concurrency` of them at a time on
   * one, 100 unless it says otherwise. For many small statements. A transaction, a stream, a reservation, and each statement that is not
   * plain (`SET`, `LOCK`, `CREATE`, `CALL`, several in one text, session-level advisory locks) has a connection for itself, and
   * waits for one to be empty. What a long statement costs is paid by those behind it: a transaction keeps it from them.
   *
   * A statement that fails, fails alone. One that is interrupted returns at once; the server may run it all the same, as it is cancelled
   * only where nobody waits for another one on that connection. A connection that is lost fails all that were on it, each
   * with whether it may have run. Needs pg 8.23. Default: false, one statement at a time on each connection.
   */
  readonly pipeline?: boolean | undefined
  /** Whether the names in json values are transformed as well. Default: true. */
  readonly transformJson?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Client extends PgClient.PgClient, Transactional {
  /** The pool that its connections are from. */
  readonly pool: ConnectionPool<PgConnection, PgConnectError>
  /**
   * Runs an effect in a transaction that begins with settings of its own, `{ "app.tenant": "42" }`, for row-level security. They are
   * gone when it has ended, so nobody else ever sees them.
   */
  readonly withSession: (
    settings: Readonly<Record<string, string>>
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
  /**
   * What is notified on a channel, and the gaps: `listen` leaves these out. On a connection of its own, besides the pool's, that all
   * listeners of this client share, and that connects and listens again when it was lost. Fails where the first
   * connection cannot be had.
   */
  readonly heard: (channel: string) => Stream.Stream<Heard, SqlError>
}
