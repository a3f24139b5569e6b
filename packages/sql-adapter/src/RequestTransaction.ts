/**
 * A transaction for each HTTP request, with the routers of @effect/platform.
 *
 * ```
 * HttpRouter.use(RequestTransaction.middleware())            all routes of a router; or around one handler
 * RequestTransaction.layerRouter().layer                     the routes that the layer is provided to
 * handlers.pipe(RequestTransaction.handlers())               a group of an HttpApi
 * RequestTransaction.outside(handler)                        a route, or a part of one, that is in no transaction
 * ```
 *
 * - It begins with the first statement: a request that asks nothing has no connection.
 * - Everything that runs in the handler is in it, also what was composed at layer time and captured the client. What the handler forks is
 *   too; statements at the same time take turns; `sql.withTransaction` is a savepoint.
 * - It is committed where the handler succeeds with a status below 400, and rolled back otherwise: 4xx and 5xx, failures, defects,
 *   interruption, a client that has gone.
 * - COMMIT is answered before the head of the response is sent, so that a COMMIT that fails can still be told: `CommitFailed`.
 * - The body comes after it. A stream's statements each have a connection for themselves, and see what was committed.
 * - A fiber that outlives the handler gets `TransactionEnded`, never the connection of somebody else.
 *
 * Nothing is run again by itself, neither a conflict nor a COMMIT whose outcome is unknown. Two clients never share a transaction: two in one
 * request are committed one after the other, and not both or none.
 *
 * @since 0.1.0
 */
import { Unavailable } from "@cenote/core/RequestConnection"
import type * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { outside as outsideOf } from "./internal/request/around.js"
import { withRetryAfter, wrapHandlers } from "./internal/request/endpoint.js"
import type { Failure } from "./internal/request/failure.js"
import { CommitFailed } from "./internal/request/failure.js"
import type { Service } from "./internal/request/handler.js"
import { handle, perform, transactionsOf } from "./internal/request/handler.js"
import type { TransactionOptions } from "./SqlTransaction.js"

export {
  /**
   * What it comes to where a pool had no connection: the error of `RequestConnection`.
   *
   * @since 0.1.0
   * @category errors
   */
  Unavailable
} from "@cenote/core/RequestConnection"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  CommitFailed,
  /**
   * @since 0.1.0
   * @category models
   */
  type CommitFailureReason,
  /**
   * @since 0.1.0
   * @category errors
   */
  Failure,
  /**
   * @since 0.1.0
   * @category errors
   */
  TransactionRefused
} from "./internal/request/failure.js"

export type {
  /**
   * What code that relies on the transaction finds of it.
   *
   * @since 0.1.0
   * @category models
   */
  Service
} from "./internal/request/handler.js"

/**
 * That there is a transaction of the request. Code that relies on it asks for it, so that a route without one does not compile.
 *
 * @since 0.1.0
 * @category tags
 */
export class RequestTransaction
  extends Context.Tag("@cenote/sql-adapter/RequestTransaction")<RequestTransaction, Service>()
{}

/**
 * How the transaction of a request begins, and whose it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<I = SqlClient.SqlClient, S extends SqlClient.SqlClient = SqlClient.SqlClient>
  extends Pick<TransactionOptions, "deferrable" | "isolation" | "readOnly">
{
  /** The client, of PgPool, MysqlPool or SqlitePool. Default: `SqlClient.SqlClient`. */
  readonly client?: Context.Tag<I, S> | undefined
}

const transactionsIn = <I, S extends SqlClient.SqlClient>({ client = SqlClient.SqlClient as any }: Options<I, S>) =>
  Effect.flatMap(client as Context.Tag<I, S>, transactionsOf)

/**
 * Puts the transaction of the request around a handler: for `HttpRouter.use`, or for one route, also one of a router that has it
 * already: then the route's own options hold.
 *
 * Fails as the handler does; with `CommitFailed` where COMMIT fails; with `Unavailable` where the handler lets through that a pool had no
 * connection. An interruption ends the handler at once, and the transaction is rolled back without it.
 *
 * @example
 * import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as SqlClient from "@effect/sql/SqlClient"
 * import * as Effect from "effect/Effect"
 *
 * const pay = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`update accounts set balance = balance - ${5} where id = ${1}`
 *   return HttpServerResponse.empty()
 * })
 *
 * const balances = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* HttpServerResponse.json(yield* sql`select * from accounts`)
 * })
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.post("/payments", pay),
 *   HttpRouter.get("/balances", RequestTransaction.middleware({ readOnly: true })(balances)),
 *   HttpRouter.get("/health", RequestTransaction.outside(HttpServerResponse.text("fine"))),
 *   HttpRouter.use(RequestTransaction.middleware()),
 *   HttpRouter.catchTag("CommitFailed", ({ reason }) =>
 *     HttpServerResponse.empty({ status: reason === "Conflict" ? 409 : 500 }))
 * )
 *
 * @since 0.1.0
 * @category routers
 */
export const middleware = <I = SqlClient.SqlClient, S extends SqlClient.SqlClient = SqlClient.SqlClient>(
  options: Options<I, S> = {}
) =>
<E, R>(
  handler: Effect.Effect<HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse, E | Failure, Exclude<R, RequestTransaction> | I> =>
  Effect.flatMap(transactionsIn(options), (self) => handle(self, RequestTransaction, options, handler))

/**
 * The middleware of an HttpLayerRouter. `.layer` is provided to routes; what `.combine` is given may handle `CommitFailed`. The client is that of
 * the layer.
 *
 * @since 0.1.0
 * @category routers
 */
export const layerRouter = <I = SqlClient.SqlClient, S extends SqlClient.SqlClient = SqlClient.SqlClient>(
  options: Options<I, S> = {}
): HttpLayerRouter.Middleware<{
  readonly provides: RequestTransaction
  readonly handles: never
  readonly error: Failure
  readonly requires: never
  readonly layerError: never
  readonly layerRequires: I
}> =>
  HttpLayerRouter.middleware<{ provides: RequestTransaction }>()(
    Effect.map(transactionsIn(options), (self) => (handler) => handle(self, RequestTransaction, options, handler))
  ) as never

/**
 * Puts the transaction of the request around the handlers of an HttpApi's group. What a handler gives is encoded before COMMIT.
 *
 * It has to be around the handlers: a middleware of an HttpApi sees the response only, and an error may be declared with any status. The group, or
 * the HttpApi, declares what can come of it: `addError(RequestTransaction.Failure)`. Or `toFailure` makes errors of it that are declared.
 *
 * @example
 * import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
 * import * as HttpApi from "@effect/platform/HttpApi"
 * import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
 * import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
 * import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
 * import * as SqlClient from "@effect/sql/SqlClient"
 * import * as Effect from "effect/Effect"
 *
 * const accounts = HttpApiGroup.make("accounts")
 *   .add(HttpApiEndpoint.post("pay", "/payments"))
 *   .addError(RequestTransaction.Failure)
 *
 * const Bank = HttpApi.make("bank").add(accounts)
 *
 * export const AccountsLive = HttpApiBuilder.group(Bank, "accounts", (handlers) =>
 *   handlers.handle("pay", () =>
 *     Effect.gen(function*() {
 *       const sql = yield* SqlClient.SqlClient
 *       yield* Effect.orDie(sql`update accounts set balance = balance - ${5} where id = ${1}`)
 *     })
 *   ).pipe(RequestTransaction.handlers()))
 *
 * @since 0.1.0
 * @category routers
 */
export const handlers = <
  F = Failure,
  I = SqlClient.SqlClient,
  S extends SqlClient.SqlClient = SqlClient.SqlClient
>(
  { toFailure, ...options }: Options<I, S> & {
    /** What is failed with instead. Default: it is left as it is. */
    readonly toFailure?: ((failure: Failure) => F) | undefined
  } = {}
) =>
<E, Provides, R, Endpoints extends HttpApiEndpoint.HttpApiEndpoint.Any = never>(
  self: HttpApiBuilder.Handlers<E, Provides, R, Endpoints> & Declared<F, E>
): HttpApiBuilder.Handlers<E, Provides, Exclude<R, RequestTransaction> | I, Endpoints> =>
  wrapHandlers(self, (handler) => {
    const handled = withRetryAfter(middleware(options)(handler))
    return toFailure === undefined
      ? handled
      : Effect.mapError(handled, (error) => isFailure(error) ? toFailure(error) : error)
  })

const isFailure = (error: unknown): error is Failure => error instanceof CommitFailed || error instanceof Unavailable

type Declared<F, E> = [F] extends [E] ? unknown
  : "Declare what can come of the transaction: addError(RequestTransaction.Failure) on the group or the HttpApi"

/**
 * Puts a transaction around work that belongs to no request, a job or a test: it begins with the first statement, and is committed where the
 * work succeeds.
 *
 * Fails as the work does, and with `CommitFailed`. An interruption ends the work at once, and the transaction is rolled back without it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const provide = <I = SqlClient.SqlClient, S extends SqlClient.SqlClient = SqlClient.SqlClient>(
  options: Options<I, S> = {}
) =>
<A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | CommitFailed, Exclude<R, RequestTransaction> | I> =>
  Effect.flatMap(transactionsIn(options), (self) => perform(self, RequestTransaction, options, work))

/**
 * Runs an effect in no transaction, though the request has one: its statements each have a connection for themselves, and are done
 * when they are done. What relies on the transaction does not compile in it.
 *
 * In a handler that has used its transaction, it needs a second connection while the first one is held: with a small pool and many requests,
 * they wait for each other until `acquireTimeout`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const outside = <A, E, R>(effect: Effect.Effect<A, E, R> & Independent<R>): Effect.Effect<A, E, R> =>
  outsideOf(effect, RequestTransaction)

type Independent<R> = [RequestTransaction] extends [R] ? "What relies on the transaction cannot be outside of it"
  : unknown

/**
 * For tests whose services rely on the transaction and whose database is a fake: there is none.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest: Layer.Layer<RequestTransaction> = Layer.succeed(RequestTransaction, {
  rollbackOnly: Effect.void
})
