/**
 * MySQL and MariaDB as a SqlClient over a Cenote pool.
 *
 * ```
 * SqlClient    what is written for @effect/sql runs on it
 * MysqlPool    the pool itself: its stats, its events, and connections for what a SqlClient cannot say
 * ```
 *
 * A statement outside of a transaction has a connection for as long as it runs. A transaction has one until it has ended; see
 * SqlTransaction.
 *
 * It has no read/write splitting, and does not retry a statement. A text may be several statements, as for @effect/sql-mysql2: switch
 * `connection.multipleStatements` off where nothing needs that.
 *
 * @since 0.1.0
 */
import * as Pool from "@cenote/core/ConnectionPool"
import type { InvalidOptions } from "@cenote/core/PoolError"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/mysql/client.js"
import type { Client, Options } from "./internal/mysql/models.js"
import type { MysqlConnection } from "./MysqlConnection.js"
import type { MysqlConnectError } from "./MysqlError.js"
import type { MysqlConnectorConfig } from "./MysqlOptions.js"

/**
 * @since 0.1.0
 */
export * from "./internal/mysql/models.js"

/**
 * The pool of a `layer`, in the context.
 *
 * @since 0.1.0
 * @category tags
 */
export class MysqlPool
  extends Pool.Tag("@cenote/sql-adapter/MysqlPool")<MysqlPool, MysqlConnection, MysqlConnectError>()
{}

/**
 * Makes a client, and a pool that is closed with the Scope.
 *
 * Fails with `InvalidOptions`, which names every option of the pool that cannot be; where `startup` is `"probe"` or `"fill"`, also
 * as the first failed opening does. Options of the connection that cannot be are a MysqlConnectError at the first opening.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <E = never, R = never>(
  options: Options<E, R>
) => Effect.Effect<
  Client,
  InvalidOptions | Pool.StartupError<"probe", MysqlConnectError>,
  R | Scope.Scope | Reactivity.Reactivity
> = internal.make

/** What a layer gives. */
type Services = MysqlPool | SqlClient.SqlClient

const contextOf = (client: Client): Context.Context<Services> =>
  Context.add(Context.make(SqlClient.SqlClient, client), MysqlPool, client.pool)

/**
 * A SqlClient and its MysqlPool, closed with the layer.
 *
 * @example
 * import * as MysqlPool from "@cenote/sql-adapter/MysqlPool"
 * import * as SqlClient from "@effect/sql/SqlClient"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const Live = MysqlPool.layer({
 *   connection: { url: Redacted.make("mysql://app:secret@db.example.org/shop") },
 *   maxSize: 20
 * })
 *
 * export const names = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* sql`select name from products where price < ${100}`
 * }).pipe(Effect.provide(Live))
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E = never, R = never>(
  options: Options<E, R>
): Layer.Layer<Services, InvalidOptions | Pool.StartupError<"probe", MysqlConnectError>, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(Effect.map(make(options), contextOf)).pipe(Layer.provide(Reactivity.layer)) as never

/**
 * As `layer`, with the options read from the ConfigProvider.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Omit<Options, "connection"> & { readonly connection: MysqlConnectorConfig }>
): Layer.Layer<Services, ConfigError | InvalidOptions | Pool.StartupError<"probe", MysqlConnectError>> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), (options) => layer(options)))
