/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { ConnectionOptions } from "node:tls"
import type { CustomTypesConfig } from "pg"

/**
 * Where and how to connect. A field beats what `url` says; what neither says comes from the PG* environment variables and
 * then from PostgreSQL's usual defaults.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgConnectorConfig {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`. */
  readonly url?: Redacted.Redacted | undefined
  /** A name, an address, or the directory of a Unix socket. Default: localhost. */
  readonly host?: string | undefined
  /** Default: 5432. */
  readonly port?: number | undefined
  /** Default: the user's name. */
  readonly database?: string | undefined
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** `true` for TLS with a trusted certificate, or the options of `tls.connect`. Default: no TLS. */
  readonly ssl?: boolean | ConnectionOptions | undefined
  /** What the server calls it in `pg_stat_activity`. Default: cenote. */
  readonly applicationName?: string | undefined
  /** Bounds an opening here, besides the pool's own `connectTimeout`. Default: none. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * The server ends statements that take longer. Where it does not answer in that time and `cancelTimeout` either, the
   * connection is given up: such a server cannot be reached. Too short, and slow ones never succeed. A stream has it for each of
   * its reads. Default: the server's, usually none.
   */
  readonly statementTimeout?: Duration.DurationInput | undefined
  /**
   * How long an interrupted query may take to settle before the connection is given up. Too short, and a busy server costs
   * connections; too long, and a dead one holds them. Default: 5 seconds.
   */
  readonly cancelTimeout?: Duration.DurationInput | undefined
  /** How long the socket is silent before TCP asks whether the other side is still there. Default: 30 seconds. */
  readonly keepAliveDelay?: Duration.DurationInput | undefined
  /** Statements that are run, in this order, before the connection is used. One that fails fails the opening. Default: none. */
  readonly setup?: ReadonlyArray<string> | undefined
  /**
   * Gives each lease a session as it was when it was opened: DISCARD ALL and `setup` once more when one comes back. Costs the
   * round trips, and what was prepared. Default: false, only an open transaction is rolled back.
   */
  readonly resetSession?: boolean | undefined
  /**
   * How many statements a client (PgPool) prepares and keeps on each connection, the least recently used goes first. Too many fill the
   * server's memory. Behind PgBouncer in transaction mode it must be able to keep them (`max_prepared_statements`). Default: 0, none
   * is prepared.
   */
  readonly preparedStatements?: number | undefined
  /**
   * Sends a statement before those in front of it are answered, where fibers or leases share the connection (`concurrency`): a round trip
   * costs one of them no longer than all. Only plain ones, that read or write rows and leave nothing in the session; others wait until the
   * connection is empty. Each is a transaction of its own, and fails alone. An interrupted one is told at once; what was sent may run all the same, as
   * a cancel is only sent when nobody waits for any other. Not with `resetSession`. Needs pg 8.23. Default: false.
   */
  readonly pipeline?: boolean | undefined
  /** Command-line options for the session: `-c search_path=tenant`. */
  readonly options?: string | undefined
  /** How values are decoded. Default: `pg`'s own way. */
  readonly types?: CustomTypesConfig | undefined
}
