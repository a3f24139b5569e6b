import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import type { PgConnection } from "@cenote/sql-adapter/PgConnector"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"

class Db extends ConnectionPool.Tag("types/Db")<Db, Connection, Refused>() {}
class RequestDb extends RequestConnection.Tag("types/RequestDb")<RequestDb>()(Db) {}

class Numbers extends ConnectionPool.Tag("types/Numbers")<Numbers, number>() {}
class RequestNumber extends RequestConnection.Tag("types/RequestNumber")<RequestNumber>()(Numbers) {}

class RequestPg extends RequestConnection.Tag("types/RequestPg")<RequestPg>()(PgPool.PgPool, {
  acquireTimeout: "2 seconds"
}) {}

type Failure = RequestConnection.Unavailable | RequestConnection.RequestEnded

const host = RequestDb.use((connection) => Effect.succeed(connection.host))
const handler = Effect.map(host, HttpServerResponse.text)

describe("a tag", () => {
  test("takes connection and errors from the pool's tag, and from a class that extends one", () => {
    expect(host).type.toBe<Effect.Effect<string, Failure, RequestDb>>()
    expect(RequestNumber.use((n) => Effect.succeed(n))).type.toBe<Effect.Effect<number, Failure, RequestNumber>>()
    expect(RequestPg.use((connection) => Effect.succeed(connection))).type.toBe<
      Effect.Effect<PgConnection, Failure, RequestPg>
    >()
  })

  test("use adds its errors and the service to the body's own, and not what the pool fails with", () => {
    expect(RequestDb.use(() => ({} as Effect.Effect<number, "oops", Network>))).type.toBe<
      Effect.Effect<number, "oops" | Failure, Network | RequestDb>
    >()
  })

  test("stream is a use", () => {
    expect(RequestDb.stream((connection) => ({} as Stream.Stream<typeof connection, "oops", Network>))).type.toBe<
      Stream.Stream<Connection, "oops" | Failure, Network | RequestDb>
    >()
  })

  test("gives the request's connection in the context, for where nothing can be required", () => {
    expect(Effect.map(RequestDb, (db) => db)).type.toBe<
      Effect.Effect<RequestConnection.RequestConnection<Connection>, never, RequestDb>
    >()
    const db = {} as RequestConnection.RequestConnection<Connection>
    expect(db.use((connection) => Effect.succeed(connection.host))).type.toBe<Effect.Effect<string, Failure>>()
  })

  test("keepThroughBody needs the service", () => {
    expect(RequestDb.keepThroughBody({} as Effect.Effect<1, "oops", Network>)).type.toBe<
      Effect.Effect<1, "oops", Network | RequestDb>
    >()
  })

  test("provide needs the pool instead", () => {
    expect(RequestDb.provide(Effect.zipRight(host, RequestNumber.use(Effect.succeed)))).type.toBe<
      Effect.Effect<number, Failure, Db | RequestNumber>
    >()
  })

  test("is made of a pool's tag only", () => {
    class Other extends Effect.Service<Other>()("types/Other", { succeed: { n: 1 } }) {}
    expect(RequestConnection.Tag("types/X")<RequestDb>()).type.not.toBeCallableWith(Other)
    expect(RequestConnection.Tag("types/X")<RequestDb>()).type.not.toBeCallableWith(Db, { acquireTimeout: true })
  })
})

describe("HttpRouter", () => {
  const router = HttpRouter.empty.pipe(HttpRouter.get("/", handler))

  test("with the middleware needs the pool and no connection", () => {
    const provided = HttpRouter.use(router, RequestDb.middleware)
    expect(provided).type.toBe<HttpRouter.HttpRouter<Failure, Db>>()
    expect(RequestDb.middleware(handler)).type.toBe<HttpApp.Default<Failure, Db | Scope.Scope>>()
  })

  test("without it a route that asks for the connection cannot be served", () => {
    expect(router).type.toBe<HttpRouter.HttpRouter<Failure, RequestDb>>()
    expect(HttpApp.toWebHandler).type.not.toBeCallableWith(router)
    expect(HttpApp.toWebHandlerLayer).type.not.toBeCallableWith(router, {} as Layer.Layer<Db>)
    expect(HttpApp.toWebHandlerLayer).type.toBeCallableWith(
      HttpRouter.use(router, RequestDb.middleware),
      {} as Layer.Layer<Db>
    )
  })

  test("with another's middleware, or added after it, a route is not provided for", () => {
    expect(HttpRouter.use(router, RequestNumber.middleware)).type.toBe<
      HttpRouter.HttpRouter<Failure, RequestDb | Numbers>
    >()
    expect(
      HttpRouter.empty.pipe(HttpRouter.use(RequestDb.middleware), HttpRouter.get("/", handler))
    ).type.toBe<HttpRouter.HttpRouter<Failure, RequestDb | Db>>()
  })
})

describe("HttpLayerRouter", () => {
  const routes = HttpLayerRouter.add("GET", "/", handler)

  test("with the layer needs the pool and no connection", () => {
    expect(routes.pipe(Layer.provide(RequestDb.layerRouter))).type.toBe<
      Layer.Layer<never, never, HttpLayerRouter.HttpRouter | Db | HttpLayerRouter.Request.From<"Error", Failure>>
    >()
    const { handler } = HttpLayerRouter.toWebHandler(
      routes.pipe(Layer.provide(RequestDb.layerRouter), Layer.provide({} as Layer.Layer<Db>))
    )
    expect(handler).type.toBeCallableWith({} as Request)
  })

  test("without it a route that asks for the connection cannot be served", () => {
    const { handler } = HttpLayerRouter.toWebHandler(routes.pipe(Layer.provide({} as Layer.Layer<Db>)))
    expect(handler).type.not.toBeCallableWith({} as Request)
    const served = HttpLayerRouter.serve(routes)
    expect(served).type.toBe<Layer.Layer<never, never, HttpServer.HttpServer | RequestDb>>()
  })
})

describe("HttpApi", () => {
  const endpoint = HttpApiEndpoint.get("host", "/").addSuccess(Schema.String)
  const withEndpoint = HttpApi.make("api").add(HttpApiGroup.make("group").add(endpoint.middleware(RequestDb.Api)))
  const withGroup = HttpApi.make("api").add(HttpApiGroup.make("group").add(endpoint).middleware(RequestDb.Api))
  const withApi = HttpApi.make("api").add(HttpApiGroup.make("group").add(endpoint)).middleware(RequestDb.Api)
  const without = HttpApi.make("api").add(
    HttpApiGroup.make("group").add(
      endpoint.addError(RequestConnection.Unavailable).addError(RequestConnection.RequestEnded)
    )
  )

  test("with the middleware on the endpoint, the group or the whole, a handler has the connection and its errors", () => {
    type Group = HttpApiGroup.ApiGroup<"api", "group">
    const byEndpoint = HttpApiBuilder.group(withEndpoint, "group", (handlers) => handlers.handle("host", () => host))
    const byGroup = HttpApiBuilder.group(withGroup, "group", (handlers) => handlers.handle("host", () => host))
    const byApi = HttpApiBuilder.group(withApi, "group", (handlers) => handlers.handle("host", () => host))
    expect(byEndpoint.pipe(Layer.provide(RequestDb.layerApi))).type.toBe<Layer.Layer<Group, never, Db>>()
    expect(byGroup.pipe(Layer.provide(RequestDb.layerApi))).type.toBe<Layer.Layer<Group, never, Db>>()
    expect(byApi.pipe(Layer.provide(RequestDb.layerApi))).type.toBe<Layer.Layer<Group, never, Db>>()
  })

  test("without it a handler that asks for the connection leaves a layer that needs one, which no layer gives", () => {
    const bare = HttpApiBuilder.group(without, "group", (handlers) => handlers.handle("host", () => host))
    expect<Layer.Layer.Context<typeof bare>>().type.toBe<RequestDb>()
    expect(bare.pipe(Layer.provide(RequestDb.layerApi))).type.toBe<
      Layer.Layer<HttpApiGroup.ApiGroup<"api", "group">, never, RequestDb | Db>
    >()
    expect(HttpApiBuilder.toWebHandler).type.not.toBeCallableWith(
      HttpApiBuilder.api(without).pipe(Layer.provide(bare), Layer.provide({} as Layer.Layer<Db>))
    )
  })
})

describe("Unavailable", () => {
  test("says no more than a reason and when to ask again", () => {
    expect<typeof RequestConnection.Unavailable.Encoded>().type.toBe<{
      readonly _tag: "Unavailable"
      readonly reason: "Busy" | "Down" | "Closed"
      readonly retryAfter: number
    }>()
  })
})
