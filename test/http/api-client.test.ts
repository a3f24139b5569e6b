/** What a client that is derived from the HttpApi is told: typed, and with the time to wait. */
import * as RequestConnection from "@cenote/core/RequestConnection"
import { FakeConnector } from "@cenote/core/testing"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpServer from "@effect/platform/HttpServer"
import * as OpenApi from "@effect/platform/OpenApi"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Db, makeSubject, RequestDb } from "./support/pool.js"

class Api extends HttpApi.make("api").add(
  HttpApiGroup.make("connections").add(
    HttpApiEndpoint.get("current", "/current").addSuccess(Schema.Struct({ id: Schema.Number }))
  ).middleware(RequestDb.Api)
) {}

const handlers = HttpApiBuilder.group(
  Api,
  "connections",
  (handlers) => handlers.handle("current", () => RequestDb.use(({ id }) => Effect.succeed({ id })))
)

/** A client of the API over a pool, without a network. */
const make = Effect.gen(function*() {
  const subject = yield* makeSubject()
  const { dispose, handler } = HttpApiBuilder.toWebHandler(
    Layer.mergeAll(
      HttpApiBuilder.api(Api).pipe(
        Layer.provide(handlers),
        Layer.provide(RequestDb.layerApi),
        Layer.provide(Layer.succeed(Db, subject.pool))
      ),
      HttpServer.layerContext,
      Logger.remove(Logger.defaultLogger)
    )
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))
  const fetch: typeof globalThis.fetch = (input, init) => handler(new Request(input, init))
  const client = yield* HttpApiClient.make(Api, { baseUrl: "http://localhost" }).pipe(
    Effect.provide(FetchHttpClient.layer),
    Effect.provideService(FetchHttpClient.Fetch, fetch)
  )
  return { current: Effect.provideService(client.connections.current(), FetchHttpClient.Fetch, fetch), subject }
})

describe("a derived client", () => {
  it.scopedLive("gets what the handler answers with the request's connection", () =>
    Effect.gen(function*() {
      const { current, subject } = yield* make
      expect(yield* current).toEqual({ id: 0 })
      expect((yield* subject.pool.stats).leased).toBe(0)
    }))

  it.scopedLive("gets Unavailable as a typed error", () =>
    Effect.gen(function*() {
      const { current, subject } = yield* make
      yield* subject.fake.set("open", FakeConnector.fail("down"))
      const error = yield* Effect.flip(current)
      expect(error).toEqual(new RequestConnection.Unavailable({ reason: "Down", retryAfter: 1 }))
    }))
})

it("the API's description has the 503", () => {
  const { paths } = OpenApi.fromApi(Api)
  expect(Object.keys(paths["/current"]!.get!.responses)).toContain("503")
})
