/**
 * SQLite connections for a Cenote pool, over `libsql`.
 *
 * ```
 * open   looks at the file, opens it, sets foreign_keys, journal_mode and synchronous, runs `setup`
 * check  SELECT 1
 * reset  waits for an interrupted statement to end, then ROLLBACK if a transaction is open; nothing else costs anything
 * close  waits for what runs, and until the driver has closed the file
 * abort  interrupts what runs; the file is closed when that has ended
 * ```
 *
 * Statements run on the driver's threads, where they can be interrupted. It has no pool and no retry but the wait for a lock, opens no
 * remote database, and does not undo what a user set on a connection other than an open transaction.
 *
 * Two limits of the driver: a text in the database that is not UTF-8 ends the process when it is read, so read such columns with
 * CAST(… AS BLOB); and a text is read up to its first NUL character.
 *
 * @since 0.1.0
 */
import * as Connector from "@cenote/core/Connector"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Handle } from "./internal/sqlite/handle.js"
import { inspect, openDatabase, prepare } from "./internal/sqlite/opening.js"
import { Session } from "./internal/sqlite/session.js"
import type { Settings } from "./internal/sqlite/settings.js"
import { resolve } from "./internal/sqlite/settings.js"
import { timer } from "./internal/timer.js"
import type { SqliteConnection } from "./SqliteConnection.js"
import type { SqliteConnectError } from "./SqliteError.js"
import type { SqliteConnectorConfig } from "./SqliteOptions.js"

/**
 * @since 0.1.0
 */
export * from "./SqliteConnection.js"

/**
 * @since 0.1.0
 */
export * from "./SqliteError.js"

/**
 * @since 0.1.0
 */
export * from "./SqliteOptions.js"

/**
 * Makes a connector. The options may be an Effect: it runs at each opening, for keys and places that change.
 *
 * @example
 * import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
 * import * as Effect from "effect/Effect"
 *
 * const currentTenant = Effect.succeed("tenant-7")
 *
 * export const fixed = SqliteConnector.make({ filename: "shop.db" })
 *
 * export const perTenant = SqliteConnector.make(
 *   Effect.map(currentTenant, (tenant) => ({ filename: `/var/lib/shop/${tenant}.db`, setup: ["PRAGMA cache_size = -8000"] }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  (config: SqliteConnectorConfig): Connector.Connector<SqliteConnection, SqliteConnectError>
  <E, R>(
    config: Effect.Effect<SqliteConnectorConfig, E, R>
  ): Connector.Connector<SqliteConnection, SqliteConnectError | E, Exclude<R, Scope.Scope>>
} = (config: SqliteConnectorConfig | Effect.Effect<SqliteConnectorConfig, any, any>): any =>
  fromOpen(Effect.isEffect(config) ? Effect.flatMap(config, open) : open(config))

const fromOpen = <E, R>(open: Effect.Effect<SqliteConnection, E, R>) =>
  Connector.make({
    name: "sqlite",
    open,
    check: (connection) => session(connection).check,
    reset: (connection) => session(connection).reset,
    needsReset: (connection) => session(connection).needsReset,
    isBroken: (connection) => session(connection).isBroken,
    onLost: (connection, lost) => session(connection).handle.listen(lost),
    abort: (connection) => session(connection).handle.abort(new Error("it was aborted"))
  })

/**
 * A connector whose options are read from the configuration.
 *
 * @example
 * import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
 * import * as Config from "effect/Config"
 *
 * export const connector = SqliteConnector.config({ filename: Config.string("DATABASE_FILE") })
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (
  config: Config.Config.Wrap<SqliteConnectorConfig>
): Config.Config<Connector.Connector<SqliteConnection, SqliteConnectError>> =>
  Config.map(Config.unwrap(config), (config) => make(config))

const open = (config: SqliteConnectorConfig): Effect.Effect<SqliteConnection, SqliteConnectError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* resolve(config)
    yield* inspect(settings)
    // Opened and closed as one: whatever comes of the rest, the file is closed.
    const session = yield* Effect.acquireRelease(opened(settings), (session) => session.close)
    yield* prepare(session, settings)
    return session
  })

const opened = (settings: Settings): Effect.Effect<Session, SqliteConnectError> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const after = yield* timer
    const database = yield* openDatabase(settings)
    const now = () => clock.unsafeCurrentTimeMillis()
    const handle = new Handle(database, settings.isFile, settings.limits, after, now)
    return new Session(handle, settings, () => clock.unsafeCurrentTimeNanos())
  })

/** Every connection that the pool has of this connector was made by `open`. */
const session = (connection: SqliteConnection): Session => connection as Session
