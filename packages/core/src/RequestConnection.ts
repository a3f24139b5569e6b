/**
 * A connection for each HTTP request, in the routers of @effect/platform.
 *
 * ```
 * class RequestDb extends RequestConnection.Tag("app/RequestDb")<RequestDb>()(Db) {}
 *
 * RequestDb.use(f)            in a handler, in a service, in the stream of a response
 *
 * RequestDb.middleware        provides it to the routes of a HttpRouter,
 * RequestDb.layerRouter       of a HttpLayerRouter,
 * RequestDb.Api, .layerApi    to the endpoints of a HttpApi
 * ```
 *
 * A request has one connection at most. Its first use leases it, all uses in the handler have the same one, and it goes back
 * when the handler has returned its response, has failed, or was interrupted: before anything is sent. While the response's
 * stream is sent, and in a WebSocket, each use leases for as long as it runs. So no client, however slow, and no event stream
 * holds a connection.
 *
 * A route that asks for it where nothing provides it does not compile. It needs @effect/platform, and is not part of the
 * package's index: who imports the pool does not load it.
 *
 * What it refuses to do: hold a connection for a stream of server-sent events or a WebSocket; tell a client why there was no
 * connection, beyond what a client can do something about.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type { TagClass } from "./http/model.js"
import * as internal from "./http/tag.js"
import type { AcquireOptions } from "./model/options.js"
import type { ConnectionPool } from "./model/pool.js"

/**
 * @since 0.1.0
 */
export * from "./http/errors.js"

/**
 * @since 0.1.0
 */
export * from "./http/model.js"

/**
 * A service that is the connection of the request: a Context.Tag whose static members are its operations, and what provides it
 * in each router. `pool` is the tag of the pool that it leases from. `acquireTimeout` is how long a request waits for its
 * connection; default: the pool's.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as RequestConnection from "@cenote/core/RequestConnection"
 * import * as HttpApp from "@effect/platform/HttpApp"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * class Connection {
 *   readonly query = (sql: string) => Effect.succeed(`rows of ${sql}`)
 * }
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, Connection>() {}
 *
 * class RequestDb extends RequestConnection.Tag("app/RequestDb")<RequestDb>()(Db) {}
 *
 * const orders = RequestDb.use((connection) => connection.query("select * from orders"))
 *
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.get("/orders", Effect.map(orders, (rows) => HttpServerResponse.text(rows))),
 *   HttpRouter.use(RequestDb.middleware)
 * )
 *
 * const { dispose, handler } = HttpApp.toWebHandlerLayer(
 *   router,
 *   Db.layer({ connector: Effect.succeed(new Connection()), maxSize: 10 })
 * )
 *
 * export const program = Effect.promise(async () => {
 *   const response = await handler(new Request("http://localhost/orders"))
 *   const text = await response.text()
 *   await dispose()
 *   return text
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag: <const Id extends string>(
  id: Id
) => <Self>() => <Pool, A, E>(
  pool: Context.Tag<Pool, ConnectionPool<A, E>>,
  options?: AcquireOptions | undefined
) => TagClass<Self, Id, Pool, A> = internal.Tag
