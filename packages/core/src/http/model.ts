/**
 * @since 0.1.0
 */
import type * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { RequestEnded, Unavailable } from "./errors.js"

/**
 * The connection of one request, at most one at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestConnection<in out A> {
  /**
   * Runs `f` with the request's connection.
   *
   * In the handler it is the same one each time, in fibers that the handler has forked too. The first use leases it; others
   * that come meanwhile wait for the same one. It goes back when the handler has returned, has failed, or was interrupted.
   * While the response's stream is sent, and in a WebSocket, it is leased for the use, and goes back when the last of those
   * that share it has ended. A use that still runs when the connection should go back keeps it until it has ended.
   *
   * Uses at the same time share the connection. What must not be mixed, put into one use.
   *
   * Fails as `f` does; with `Unavailable` where the pool has none; with `RequestEnded` after the request. Interrupting it ends
   * the wait, or `f`, at once, and costs other fibers that wait for the same connection nothing. A caller that cannot be
   * interrupted waits for the `acquireTimeout` at most.
   */
  readonly use: <B, E, R>(
    f: (connection: A) => Effect.Effect<B, E, R>
  ) => Effect.Effect<B, E | Unavailable | RequestEnded, R>
  /**
   * A stream that `f` makes of the request's connection: a use that lasts for as long as the stream runs. In the handler, and
   * in the response's stream where the route keeps its connection. Elsewhere it would hold a connection for a slow client: it
   * dies with `KeepRefused`.
   */
  readonly stream: <B, E, R>(
    f: (connection: A) => Stream.Stream<B, E, R>
  ) => Stream.Stream<B, E | Unavailable | RequestEnded, R>
  /**
   * Says, in the handler, that the connection is kept until the response's stream has ended or the client has gone. In a
   * WebSocket it dies with `KeepRefused`; where the handler returns server-sent events, or a body that is neither a Stream nor
   * there as a whole, the request dies with it.
   */
  readonly keep: Effect.Effect<void>
}

/**
 * The middleware's name in the types of an HttpApi. It says what it provides, and which errors it adds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Api<Self, Error> {
  readonly [HttpApiMiddleware.TypeId]: {
    readonly provides: Self
    readonly failure: Error
    readonly failureContext: never
  }
}

/**
 * The middleware of an HttpApi: a Context.Tag, as `HttpApiMiddleware.Tag` gives.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiTag<Self, Service, Failure extends Schema.Schema.All> extends
  Context.Tag<
    Api<Self, Schema.Schema.Type<Failure>>,
    HttpApiMiddleware.HttpApiMiddleware<Service, Schema.Schema.Type<Failure>>
  >
{
  readonly [HttpApiMiddleware.TypeId]: HttpApiMiddleware.TypeId
  readonly optional: false
  readonly failure: Failure
  readonly provides: Context.Tag<Self, Service>
}

/**
 * What provides a service to each request, in each of the routers. `R` is what that needs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Provider<Self, Service, R, Failure extends Schema.Schema.All> {
  /** For `HttpRouter.use`, or around the handler of a single route. */
  readonly middleware: <E, R1>(
    handler: HttpApp.Default<E, R1>
  ) => HttpApp.Default<E, R | Exclude<R1, Self> | Scope.Scope>
  /** For HttpLayerRouter: provide it to the layer of the routes. */
  readonly layerRouter: Layer.Layer<HttpLayerRouter.Request.From<"Requires", Self>, never, R>
  /** For HttpApi: give it to `middleware` of an endpoint, of a group, or of the whole, and provide `layerApi`. */
  readonly Api: ApiTag<Self, Service, Failure>
  /** What `Api` does. */
  readonly layerApi: Layer.Layer<Api<Self, Schema.Schema.Type<Failure>>, never, R>
}

/**
 * What an HttpApi with a request's connection can fail with because of it.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = Schema.Union<[typeof Unavailable, typeof RequestEnded]>

/**
 * The class that `Tag` gives: a Context.Tag with the operations as static members, and what provides it in each router.
 *
 * @since 0.1.0
 * @category models
 */
export interface TagClass<Self, Id extends string, Pool, A>
  extends Context.TagClass<Self, Id, RequestConnection<A>>, Provider<Self, RequestConnection<A>, Pool, Failure>
{
  /** `use` of the request's connection in the context. */
  readonly use: <B, E, R>(
    f: (connection: A) => Effect.Effect<B, E, R>
  ) => Effect.Effect<B, E | Unavailable | RequestEnded, R | Self>
  /** `stream` of the request's connection in the context. */
  readonly stream: <B, E, R>(
    f: (connection: A) => Stream.Stream<B, E, R>
  ) => Stream.Stream<B, E | Unavailable | RequestEnded, R | Self>
  /** Around a route's handler: the connection is kept until the response's stream has ended. See `keep`. */
  readonly keepThroughBody: <B, E, R>(handler: Effect.Effect<B, E, R>) => Effect.Effect<B, E, R | Self>
  /**
   * Runs work that belongs to no request, a job or a test, with a connection as a handler has it: leased on first use, given
   * back when the work has ended.
   */
  readonly provide: <B, E, R>(work: Effect.Effect<B, E, R>) => Effect.Effect<B, E, Exclude<R, Self> | Pool>
}
