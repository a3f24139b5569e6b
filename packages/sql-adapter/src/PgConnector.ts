/**
 * PostgreSQL connections for a Cenote pool, over `pg`.
 *
 * ```
 * open   TCP or TLS, authentication; the host's name is resolved and the options are evaluated at each opening
 * check  an empty query
 * reset  waits for a cancelled query to settle, then ROLLBACK if a transaction is open; nothing else costs a round trip
 * close  goodbye to a healthy one; a broken one is hung up on
 * abort  a CancelRequest for what runs, and the socket is destroyed
 * ```
 *
 * It has no pool, no retry and no queue that outlives a lease, and it does not undo what a user set on a session other than an
 * open transaction.
 *
 * @since 0.1.0
 */
import * as Connector from "@cenote/core/Connector"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connectTimeout } from "./internal/pg/failure.js"
import { Session } from "./internal/pg/session.js"
import { resolve } from "./internal/pg/settings.js"
import { timer } from "./internal/timer.js"
import type { PgConnection } from "./PgConnection.js"
import type { PgConnectError } from "./PgError.js"
import type { PgConnectorConfig } from "./PgOptions.js"

/**
 * @since 0.1.0
 */
export * from "./PgConnection.js"

/**
 * @since 0.1.0
 */
export * from "./PgError.js"

/**
 * @since 0.1.0
 */
export * from "./PgOptions.js"

/**
 * Makes a connector. The options may be an Effect: it runs at each opening, for passwords that change.
 *
 * @example
 * import * as PgConnector from "@cenote/sql-adapter/PgConnector"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const currentToken = Effect.succeed("a token of now")
 *
 * export const fixed = PgConnector.make({ url: Redacted.make("postgres://app:secret@db.example.org/shop") })
 *
 * export const rotated = PgConnector.make(
 *   Effect.map(currentToken, (token) => ({ host: "db.example.org", user: "app", password: Redacted.make(token), ssl: true }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  (config: PgConnectorConfig): Connector.Connector<PgConnection, PgConnectError>
  <E, R>(
    config: Effect.Effect<PgConnectorConfig, E, R>
  ): Connector.Connector<PgConnection, PgConnectError | E, Exclude<R, Scope.Scope>>
} = (config: PgConnectorConfig | Effect.Effect<PgConnectorConfig, any, any>): any =>
  fromOpen(Effect.isEffect(config) ? Effect.flatMap(config, open) : open(config))

const fromOpen = <E, R>(open: Effect.Effect<PgConnection, E, R>) =>
  Connector.make({
    name: "postgresql",
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
 * import * as PgConnector from "@cenote/sql-adapter/PgConnector"
 * import * as Config from "effect/Config"
 *
 * export const connector = PgConnector.config({ url: Config.redacted("DATABASE_URL") })
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (
  config: Config.Config.Wrap<PgConnectorConfig>
): Config.Config<Connector.Connector<PgConnection, PgConnectError>> =>
  Config.map(Config.unwrap(config), (config) => make(config))

/** Whatever comes of the opening, its finalizer is there before anything is opened. */
const open = (config: PgConnectorConfig): Effect.Effect<PgConnection, PgConnectError, Scope.Scope> =>
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
const session = (connection: PgConnection): Session => connection as Session
