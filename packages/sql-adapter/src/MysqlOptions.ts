/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { TypeCast } from "mysql2"
import type { ConnectionOptions } from "node:tls"

/**
 * Where and how to connect, and how values are decoded. A field beats what `url` says. Nothing is taken from the environment.
 *
 * @since 0.1.0
 * @category models
 */
export interface MysqlConnectorConfig {
  /**
   * `mysql://user:password@host:port/database`, with what is special in its parts percent-encoded. It may have the parameters
   * `ssl` (`true`, `false`, or options of `tls.connect` as JSON), `socketPath`, `charset` and `timezone`.
   */
  readonly url?: Redacted.Redacted | undefined
  /** A name or an address. A name is resolved at each opening. Default: localhost. */
  readonly host?: string | undefined
  /** Default: 3306. */
  readonly port?: number | undefined
  /** Default: none is selected. */
  readonly database?: string | undefined
  /** Default: the anonymous user. */
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** The path of a Unix socket, which beats host and port. Default: none. */
  readonly socketPath?: string | undefined
  /**
   * `true` for TLS with a trusted certificate for the host, or the options of `tls.connect`. Without it, whoever stands between
   * can read and change everything, and may learn the password. With it, a server may ask for the password in clear text, as some
   * do for tokens. Default: no TLS.
   */
  readonly ssl?: boolean | ConnectionOptions | undefined
  /** What the server calls it: the connection attribute `program_name`. Default: cenote. */
  readonly applicationName?: string | undefined
  /** Bounds an opening here, besides the pool's own `connectTimeout`. Default: none. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * The server ends statements that take longer: all of them on MariaDB (`max_statement_time`), SELECT on MySQL
   * (`max_execution_time`). A statement that is not answered in that time and `cancelTimeout` besides is given up with its
   * connection; a stream has it for each of its reads. Too short, and slow ones never succeed. Default: the server's, usually none.
   */
  readonly statementTimeout?: Duration.DurationInput | undefined
  /**
   * How long an interrupted query may take to settle before the connection is given up. Too short, and a busy server costs
   * connections; too long, and a dead one holds them. Default: 5 seconds.
   */
  readonly cancelTimeout?: Duration.DurationInput | undefined
  /** How long the socket is silent before TCP asks whether the other side is still there. Default: 30 seconds. */
  readonly keepAliveDelay?: Duration.DurationInput | undefined
  /** `utf8mb4`, or a collation of it. Default: utf8mb4_unicode_ci. */
  readonly charset?: string | undefined
  /**
   * The time zone of DATETIME and TIMESTAMP values, as `Date` has none of its own: "local" for that of this process, "Z", or an
   * offset such as "+01:00". For TIMESTAMP it has to be the session's: see `setup`. Default: "local".
   */
  readonly timezone?: "local" | "Z" | `${"+" | "-"}${string}` | undefined
  /**
   * Statements that are run, in this order, before the connection is used: `SET time_zone = '+00:00'`. One that fails fails the
   * opening. Default: none.
   */
  readonly setup?: ReadonlyArray<string> | undefined
  /**
   * Takes several statements in one text, where it is not prepared. Then who can put something into a text can put any statement
   * there. Default: false; true for the connections of MysqlPool, as what is written for @effect/sql needs it.
   */
  readonly multipleStatements?: boolean | undefined
  /**
   * How many prepared statements a connection keeps, the least recently used goes first. Too few, and they are prepared again
   * and again; too many, and they fill the server's `max_prepared_stmt_count`. Default: 100.
   */
  readonly preparedStatements?: number | undefined
  /**
   * Decodes values: calls `next` for the usual way, or one of the field's readers, once. `false` gives bytes. What it throws fails
   * the query alone. Default: mysql2's way.
   */
  readonly typeCast?: TypeCast | undefined
  /** DECIMAL as numbers, which loses digits, instead of strings. Default: false. */
  readonly decimalNumbers?: boolean | undefined
  /**
   * BIGINT always as strings. Else it is a number where that is exact, and a string where it would lose digits. Integers inside of
   * JSON are read as JSON.parse reads them: see `jsonStrings`. Default: false.
   */
  readonly bigintStrings?: boolean | undefined
  /** DATE, DATETIME and TIMESTAMP as the server's text, or those of them that are named. Default: false. */
  readonly dateStrings?: boolean | ReadonlyArray<"DATE" | "DATETIME" | "TIMESTAMP"> | undefined
  /** JSON as its text. Default: false, it is parsed. */
  readonly jsonStrings?: boolean | undefined
}
