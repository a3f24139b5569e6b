/** The same routes in each of the three routers, each with its transaction as the documentation says, as one app. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { App } from "./servers.js"

/** What a handler fails with when a test says so. As a failure it is answered with 418. */
export class Teapot extends Schema.TaggedError<Teapot>()("Teapot", {}, HttpApiSchema.annotations({ status: 418 })) {}

/** What a COMMIT that failed is made into, each time in the way of the router. */
export class NotDone extends Schema.TaggedError<NotDone>()("NotDone", {
  reason: Schema.String
}, HttpApiSchema.annotations({ status: 409 })) {}

export interface Route {
  readonly method: "GET" | "POST"
  readonly path: `/${string}`
  readonly handler: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    unknown,
    RequestTransaction.RequestTransaction | SqlClient.SqlClient | Scope.Scope
  >
}

type Make = (routes: ReadonlyArray<Route>, sql: SqlClient.SqlClient) => Effect.Effect<App, never, Scope.Scope>

const teapot = HttpServerResponse.empty({ status: 418 })

const notDone = ({ reason }: RequestTransaction.CommitFailed) =>
  HttpServerResponse.text(JSON.stringify({ reason, _tag: "NotDone" }), { status: 409 })

const answered = <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.catchAll(
    handler,
    (error): Effect.Effect<HttpServerResponse.HttpServerResponse, E> => {
      if (error instanceof Teapot) return Effect.succeed(teapot)
      if (error instanceof RequestTransaction.CommitFailed) return Effect.succeed(notDone(error))
      return Effect.fail(error)
    }
  )

const httpRouter: Make = (routes, sql) =>
  Effect.succeed(
    HttpRouter.fromIterable(routes.map(({ handler, method, path }) => HttpRouter.makeRoute(method, path, handler)))
      .pipe(
        HttpRouter.use(RequestTransaction.middleware()),
        HttpRouter.use(answered),
        HttpRouter.provideService(SqlClient.SqlClient, sql)
      ) as App
  )

const httpLayerRouter: Make = (routes, sql) => {
  const errors = HttpLayerRouter.middleware<{ handles: RequestTransaction.Failure }>()((handler) =>
    answered(handler) as Effect.Effect<HttpServerResponse.HttpServerResponse, HttpLayerRouter.unhandled>
  )
  const provided = HttpLayerRouter.middleware<{ provides: SqlClient.SqlClient }>()((handler) =>
    Effect.provideService(handler, SqlClient.SqlClient, sql)
  )
  const added = HttpLayerRouter.addAll(
    routes.map(({ handler, method, path }) => HttpLayerRouter.route(method, path, handler))
  )
  return HttpLayerRouter.toHttpEffect(
    added.pipe(
      Layer.provide(RequestTransaction.layerRouter().combine(errors).combine(provided).layer),
      Layer.provide(Layer.succeed(SqlClient.SqlClient, sql))
    )
  ) as Effect.Effect<App, never, Scope.Scope>
}

const httpApi: Make = (routes, sql) => {
  // Made in a loop, the endpoints have no names in the types: what the types say is tested elsewhere.
  const group: any = routes.reduce<any>(
    (group, { method, path }) =>
      group.add(HttpApiEndpoint.make(method)(`${method} ${path}`, path).addSuccess(Schema.Unknown)),
    HttpApiGroup.make("routes").addError(Teapot).addError(NotDone).addError(RequestTransaction.Failure)
  )
  const api: any = HttpApi.make("api").add(group)
  const transactions: any = RequestTransaction.handlers<NotDone | RequestTransaction.Failure>({
    toFailure: (failure) => failure._tag === "CommitFailed" ? new NotDone({ reason: failure.reason }) : failure
  })
  const handlers: any = HttpApiBuilder.group(api as never, "routes" as never, (handlers: any) =>
    transactions(
      routes.reduce(
        (handlers, { handler, method, path }) => handlers.handleRaw(`${method} ${path}`, () => handler),
        handlers
      )
    ))
  const layer: Layer.Layer<any> = HttpApiBuilder.api(api).pipe(
    Layer.provide(handlers),
    Layer.provideMerge(HttpApiBuilder.Middleware.layer),
    Layer.provideMerge(HttpApiBuilder.Router.Live),
    Layer.provideMerge(HttpServer.layerContext),
    Layer.provide(Layer.succeed(SqlClient.SqlClient, sql))
  ) as any
  return Effect.gen(function*() {
    const context = yield* Layer.build(layer)
    const app = yield* Effect.provide(HttpApiBuilder.httpApp, context)
    return Effect.mapInputContext(app as App, (input: Context.Context<any>) => Context.merge(context, input)) as App
  })
}

export const routers = { HttpRouter: httpRouter, HttpLayerRouter: httpLayerRouter, HttpApi: httpApi }
