/**
 * SQLite as a SqlClient over two Cenote pools: one connection that writes, and several that read.
 *
 * ```
 * SqlClient             what is written for @effect/sql runs on it
 * Writer, Readers       the pools themselves: their stats, their events, and connections for what a SqlClient cannot say
 * ```
 *
 * SQLite lets one connection write at a time. Statements that only read, and transactions that are told to be `readOnly`, have a
 * connection that reads; all else takes turns on the one that writes, in order of arrival. So nobody of this program is told
 * that the database is busy. Another program's lock is waited for, `busyTimeout` long.
 *
 * Which statement only reads is told from its text; what is not certain goes to the one that writes.
 *
 * @since 0.1.0
 */
import * as Pool from "@cenote/core/ConnectionPool"
import type { AcquireError, InvalidOptions } from "@cenote/core/PoolError"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/sqlite/client.js"
import type { Client, Options } from "./internal/sqlite/models.js"
import type { SqliteConnection } from "./SqliteConnection.js"
import type { SqliteConnectError } from "./SqliteError.js"

/**
 * @since 0.1.0
 */
export * from "./internal/sqlite/models.js"

/**
 * The pool of the connection that writes, of a `layer`.
 *
 * @since 0.1.0
 * @category tags
 */
export class Writer
  extends Pool.Tag("@cenote/sql-adapter/SqlitePool/Writer")<Writer, SqliteConnection, SqliteConnectError>()
{}

/**
 * The pool of the connections that read, of a `layer`.
 *
 * @since 0.1.0
 * @category tags
 */
export class Readers
  extends Pool.Tag("@cenote/sql-adapter/SqlitePool/Readers")<Readers, SqliteConnection, SqliteConnectError>()
{}

/**
 * Makes a client, and pools that are closed with the Scope.
 *
 * A file that is written to is opened at once, so that it is there when somebody reads. Fails with `InvalidOptions`, which names every
 * option of the pool that cannot be, and as that opening does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  options: Options
) => Effect.Effect<
  Client,
  AcquireError | InvalidOptions | Pool.StartupError<"probe", SqliteConnectError>,
  Scope.Scope | Reactivity.Reactivity
> = internal.make

/** What a layer gives. */
type Services = Readers | SqlClient.SqlClient | Writer

const contextOf = (client: Client): Context.Context<Services> =>
  Context.make(SqlClient.SqlClient, client as SqlClient.SqlClient).pipe(
    Context.add(Writer, client.writer),
    Context.add(Readers, client.readers)
  )

/**
 * A SqlClient and its pools, closed with the layer.
 *
 * @example
 * import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
 * import * as SqlClient from "@effect/sql/SqlClient"
 * import * as Effect from "effect/Effect"
 *
 * const Live = SqlitePool.layer({ connection: { filename: "shop.db" } })
 *
 * export const names = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* sql`select name from products where price < ${100}`
 * }).pipe(Effect.provide(Live))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<Services, AcquireError | InvalidOptions | Pool.StartupError<"probe", SqliteConnectError>> =>
  Layer.scopedContext(Effect.map(make(options), contextOf)).pipe(Layer.provide(Reactivity.layer))

/**
 * As `layer`, with the options read from the ConfigProvider.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<
  Services,
  AcquireError | ConfigError | InvalidOptions | Pool.StartupError<"probe", SqliteConnectError>
> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), (options) => layer(options)))
