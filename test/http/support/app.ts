/** The same routes in each of the three routers, as one HttpApp. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Db } from "./pool.js"
import { RequestDb } from "./pool.js"

/** What a handler fails with when a test says so. */
export class Boom extends Schema.TaggedError<Boom>()("Boom", {}) {}

export interface Route {
  readonly method: "GET" | "POST"
  readonly path: `/${string}`
  readonly handler: Effect.Effect<
    HttpServerResponse,
    Boom | Effect.Effect.Error<ReturnType<typeof RequestDb.use>>,
    RequestDb | HttpServerRequest | Scope.Scope
  >
  readonly uninterruptible?: boolean
}

export type App = HttpApp.Default<unknown, Db | Scope.Scope>

const httpRouter = (routes: ReadonlyArray<Route>): Effect.Effect<App> =>
  Effect.succeed(
    HttpRouter.fromIterable(
      routes.map(({ handler, method, path, uninterruptible }) =>
        HttpRouter.makeRoute(method, path, handler, { uninterruptible })
      )
    ).pipe(HttpRouter.use(RequestDb.middleware)) as App
  )

const httpLayerRouter = (routes: ReadonlyArray<Route>): Effect.Effect<App, never, Db | Scope.Scope> =>
  HttpLayerRouter.toHttpEffect(
    HttpLayerRouter.addAll(
      routes.map(({ handler, method, path, uninterruptible }) =>
        HttpLayerRouter.route(method, path, handler, { uninterruptible })
      )
    ).pipe(Layer.provide(RequestDb.layerRouter))
  ) as Effect.Effect<App, never, Db | Scope.Scope>

/** `on` says where the API has the middleware. */
const httpApi =
  (on: "endpoint" | "group" | "api") => (routes: ReadonlyArray<Route>): Effect.Effect<App, never, Db | Scope.Scope> => {
    const endpoints = routes.map(({ method, path }) => {
      const endpoint = HttpApiEndpoint.make(method)(`${method} ${path}`, path).addSuccess(Schema.Unknown).addError(Boom)
      return on === "endpoint" ? endpoint.middleware(RequestDb.Api) : endpoint
    })
    // Made in a loop, the endpoints have no names in the types: what the types say is tested elsewhere.
    const bare: any = endpoints.reduce<any>((group, endpoint) => group.add(endpoint), HttpApiGroup.make("routes"))
    const group = on === "group" ? bare.middleware(RequestDb.Api) : bare
    const named: any = HttpApi.make("api").add(group)
    const api = on === "api" ? named.middleware(RequestDb.Api) : named
    const handlers = HttpApiBuilder.group(api as never, "routes" as never, (handlers: any) =>
      routes.reduce(
        (handlers, { handler, method, path, uninterruptible }) =>
          handlers.handleRaw(`${method} ${path}`, () => handler, { uninterruptible }),
        handlers
      )) as unknown as Layer.Layer<never, never, Db>
    const layer = Layer.mergeAll(
      HttpApiBuilder.api(api).pipe(Layer.provide(handlers as never)) as Layer.Layer<HttpApi.Api, never, Db>,
      HttpApiBuilder.Middleware.layer
    ).pipe(
      Layer.provideMerge(HttpApiBuilder.Router.Live),
      Layer.provideMerge(RequestDb.layerApi),
      Layer.provideMerge(HttpServer.layerContext)
    )
    return Effect.gen(function*() {
      const context = yield* Layer.build(layer)
      const app = yield* Effect.provide(HttpApiBuilder.httpApp, context)
      return Effect.mapInputContext(app as App, (input: Context.Context<any>) => Context.merge(context, input)) as App
    })
  }

/** Routes that nothing is provided to: something around them must. */
const bare = (routes: ReadonlyArray<Route>): Effect.Effect<App> =>
  Effect.succeed(
    HttpRouter.fromIterable(
      routes.map(({ handler, method, path, uninterruptible }) =>
        HttpRouter.makeRoute(method, path, handler, { uninterruptible })
      )
    ) as unknown as App
  )

/** Each way of providing the connection that the documentation names. */
export const routers = {
  HttpRouter: httpRouter,
  HttpLayerRouter: httpLayerRouter,
  "HttpApi endpoint": httpApi("endpoint"),
  "HttpApi group": httpApi("group"),
  "HttpApi as a whole": httpApi("api")
}

export const otherRouters = { bare }

export type RouterName = keyof typeof routers | keyof typeof otherRouters
