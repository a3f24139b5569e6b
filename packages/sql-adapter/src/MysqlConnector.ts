/**
 * MySQL and MariaDB connections for a Cenote pool, over `mysql2`.
 *
 * ```
 * open   TCP, TLS or a Unix socket, authentication; the host's name is resolved and the options are evaluated at each opening
 * check  a ping
 * reset  waits for a cancelled query to settle, then ROLLBACK if a transaction is open or may be; nothing else costs a round trip
 * close  goodbye to a healthy one; a broken one is hung up on
 * abort  KILL for what runs, and the socket is destroyed
 * ```
 *
 * It has no pool, no retry and no queue that outlives a lease, and it does not undo what a user set on a session other than an
 * open transaction. It runs one statement at a time, and gives a server no file of this machine.
 *
 * @since 0.1.0
 */
import * as Connector from "@cenote/core/Connector"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connectTimeout } from "./internal/mysql/failure.js"
import { Session } from "./internal/mysql/session.js"
import { resolve } from "./internal/mysql/settings.js"
import { timer } from "./internal/timer.js"
import type { MysqlConnection } from "./MysqlConnection.js"
import type { MysqlConnectError } from "./MysqlError.js"
import type { MysqlConnectorConfig } from "./MysqlOptions.js"

/**
 * @since 0.1.0
 */
export * from "./MysqlConnection.js"

/**
 * @since 0.1.0
 */
export * from "./MysqlError.js"

/**
 * @since 0.1.0
 */
export * from "./MysqlOptions.js"

/**
 * Makes a connector. The options may be an Effect: it runs at each opening, for passwords that change.
 *
 * A query is stopped over another connection to the same address, with what the connection was opened with. Where the server
 * does not let that in, because it has no place left or the password has expired, an interrupted query runs on, and costs its
 * connection if it takes longer than `cancelTimeout`. Where a balancer has several servers behind the address, nothing is stopped
 * on another one.
 *
 * @example
 * import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const currentToken = Effect.succeed("a token of now")
 *
 * export const fixed = MysqlConnector.make({ url: Redacted.make("mysql://app:secret@db.example.org/shop") })
 *
 * export const rotated = MysqlConnector.make(
 *   Effect.map(currentToken, (token) => ({ host: "db.example.org", user: "app", password: Redacted.make(token), ssl: true }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  (config: MysqlConnectorConfig): Connector.Connector<MysqlConnection, MysqlConnectError>
  <E, R>(
    config: Effect.Effect<MysqlConnectorConfig, E, R>
  ): Connector.Connector<MysqlConnection, MysqlConnectError | E, Exclude<R, Scope.Scope>>
} = (config: MysqlConnectorConfig | Effect.Effect<MysqlConnectorConfig, any, any>): any =>
  fromOpen(Effect.isEffect(config) ? Effect.flatMap(config, open) : open(config))

const fromOpen = <E, R>(open: Effect.Effect<MysqlConnection, E, R>) =>
  Connector.make({
    name: "mysql",
    open,
    check: (connection) => session(connection).check,
    reset: (connection) => session(connection).reset,
    needsReset: (connection) => session(connection).needsReset,
    isBroken: (connection) => session(connection).isBroken,
    onLost: (connection, lost) => session(connection).wire.listen(lost),
    onCritical: (connection, critical) => session(connection).wire.listenCritical(critical),
    abort: (connection) => session(connection).wire.abort(new Error("it was aborted"))
  })

/**
 * A connector whose options are read from the configuration.
 *
 * @example
 * import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
 * import * as Config from "effect/Config"
 *
 * export const connector = MysqlConnector.config({ url: Config.redacted("DATABASE_URL") })
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (
  config: Config.Config.Wrap<MysqlConnectorConfig>
): Config.Config<Connector.Connector<MysqlConnection, MysqlConnectError>> =>
  Config.map(Config.unwrap(config), (config) => make(config))

/** Whatever comes of the opening, its finalizer is there before anything is opened. */
const open = (config: MysqlConnectorConfig): Effect.Effect<MysqlConnection, MysqlConnectError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* resolve(config)
    const session = new Session(settings, yield* timer)
    yield* Effect.addFinalizer(() => session.close)
    yield* settings.connectTimeout === undefined ? session.connect : Effect.timeoutFail(session.connect, {
      duration: settings.connectTimeout,
      onTimeout: () => connectTimeout(settings.place, settings.connectTimeout!)
    })
    return session
  })

/** Every connection that the pool has of this connector was made by `open`. */
const session = (connection: MysqlConnection): Session => connection as Session
