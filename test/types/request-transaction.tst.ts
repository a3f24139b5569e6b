import type { Unavailable } from "@cenote/core/RequestConnection"
import type * as PgPool from "@cenote/sql-adapter/PgPool"
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"

type CommitFailed = RequestTransaction.CommitFailed

class Reports extends Context.Tag("types/Reports")<Reports, PgPool.Client>() {}

/** Code that relies on the transaction. */
const relies = Effect.as(RequestTransaction.RequestTransaction, HttpServerResponse.empty())

const ignores = Effect.succeed(HttpServerResponse.empty())

/** What a router's routes can fail with, and what they need. */
type Of<R> = R extends HttpRouter.HttpRouter<infer E, infer R> ? readonly [E, R] : never

describe("a route that relies on the transaction", () => {
  test("needs it where it is not provided", () => {
    const router = HttpRouter.empty.pipe(HttpRouter.get("/", relies))
    expect<Of<typeof router>>().type.toBe<readonly [never, RequestTransaction.RequestTransaction]>()
  })

  test("needs a client, and may fail with CommitFailed and Unavailable, where it is", () => {
    const router = HttpRouter.empty.pipe(
      HttpRouter.get("/", relies),
      HttpRouter.use(RequestTransaction.middleware())
    )
    expect<Of<typeof router>>().type.toBe<readonly [CommitFailed | Unavailable, SqlClient]>()
    const mapped = router.pipe(HttpRouter.catchTags({
      CommitFailed: () => HttpServerResponse.empty(),
      Unavailable: () => HttpServerResponse.empty()
    }))
    expect<Of<typeof mapped>>().type.toBe<readonly [never, SqlClient]>()
  })

  test("needs the client that it names", () => {
    expect(RequestTransaction.middleware({ client: Reports, readOnly: true })(relies)).type.toBe<
      Effect.Effect<HttpServerResponse.HttpServerResponse, CommitFailed | Unavailable, Reports>
    >()
  })

  test("cannot be outside of it", () => {
    expect(RequestTransaction.outside(ignores)).type.toBe<Effect.Effect<HttpServerResponse.HttpServerResponse>>()
    expect(RequestTransaction.outside).type.not.toBeCallableWith(relies)
  })
})

describe("the routes of a HttpLayerRouter", () => {
  const routes = HttpLayerRouter.add("GET", "/", relies)

  test("need it, and have it of the layer, whose client is known when it is built", () => {
    expect(routes).type.toBe<
      Layer.Layer<
        never,
        never,
        HttpLayerRouter.HttpRouter | HttpLayerRouter.Request<"Requires", RequestTransaction.RequestTransaction>
      >
    >()
    expect(Layer.provide(routes, RequestTransaction.layerRouter().layer)).type.toBe<
      Layer.Layer<
        never,
        never,
        | HttpLayerRouter.HttpRouter
        | SqlClient
        | HttpLayerRouter.Request<"Error", CommitFailed>
        | HttpLayerRouter.Request<"Error", Unavailable>
      >
    >()
  })

  test("fail with nothing of it any more where what is combined handles that", () => {
    const handled = HttpLayerRouter.middleware<{ handles: RequestTransaction.Failure }>()((handler) =>
      Effect.catchTags(handler as Effect.Effect<HttpServerResponse.HttpServerResponse, RequestTransaction.Failure>, {
        CommitFailed: () => HttpServerResponse.empty(),
        Unavailable: () => HttpServerResponse.empty()
      }) as Effect.Effect<HttpServerResponse.HttpServerResponse, HttpLayerRouter.unhandled>
    )
    expect(Layer.provide(routes, RequestTransaction.layerRouter().combine(handled).layer)).type.toBe<
      Layer.Layer<never, never, HttpLayerRouter.HttpRouter | SqlClient>
    >()
  })
})

describe("the handlers of an HttpApi", () => {
  class Conflict extends Schema.TaggedError<Conflict>()("Conflict", {}) {}

  const bare = HttpApiGroup.make("group").add(HttpApiEndpoint.post("pay", "/"))
  const Bare = HttpApi.make("api").add(bare)
  const Declared = HttpApi.make("api").add(bare.addError(RequestTransaction.Failure))
  const Mapped = HttpApi.make("api").add(bare).addError(Conflict)
  const pay = () => Effect.asVoid(RequestTransaction.RequestTransaction)

  test("need it where it is not around them", () => {
    expect(HttpApiBuilder.group(Declared, "group", (handlers) => handlers.handle("pay", pay))).type.toBe<
      Layer.Layer<HttpApiGroup.ApiGroup<"api", "group">, never, RequestTransaction.RequestTransaction>
    >()
  })

  test("need a client where it is, and the API declares what can come of it", () => {
    expect(
      HttpApiBuilder.group(
        Declared,
        "group",
        (handlers) => handlers.handle("pay", pay).pipe(RequestTransaction.handlers())
      )
    ).type.toBe<Layer.Layer<HttpApiGroup.ApiGroup<"api", "group">, never, SqlClient>>()
  })

  test("may make an error of it that the API declares", () => {
    expect(
      HttpApiBuilder.group(
        Mapped,
        "group",
        (handlers) => handlers.handle("pay", pay).pipe(RequestTransaction.handlers({ toFailure: () => new Conflict() }))
      )
    ).type.toBe<Layer.Layer<HttpApiGroup.ApiGroup<"api", "group">, never, SqlClient>>()
  })

  test("do not compile where the API declares none of that", () => {
    HttpApiBuilder.group(Bare, "group", (handlers) => {
      const all = handlers.handle("pay", pay)
      expect(RequestTransaction.handlers()).type.not.toBeCallableWith(all)
      return all
    })
  })
})

test("work that belongs to no request needs a client and no transaction", () => {
  expect(RequestTransaction.provide()(relies)).type.toBe<
    Effect.Effect<HttpServerResponse.HttpServerResponse, CommitFailed, SqlClient>
  >()
  expect(Effect.provide(relies, RequestTransaction.layerTest)).type.toBe<
    Effect.Effect<HttpServerResponse.HttpServerResponse>
  >()
})
