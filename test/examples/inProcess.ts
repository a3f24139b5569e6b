/** The application without a server: requests go straight to it, and nothing of them leaves the process. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Db } from "../../examples/service/connection.js"
import * as Http from "../../examples/service/http.js"

export const url = "http://bank.test"

/** An HttpClient that asks the application. It runs with the clock and the loggers of who builds the layer. */
export const layer = Layer.unwrapScoped(Effect.gen(function*() {
  const runtime = yield* Layer.toRuntime(
    Layer.mergeAll(Http.layer, HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext)
  )
  const app = yield* Effect.provide(HttpApiBuilder.httpApp, runtime)
  const handle = HttpApp.toWebHandlerRuntime(runtime)(app)
  const ask: typeof fetch = (input, init) =>
    handle(new Request(input as string | URL, { ...init, duplex: "half" } as RequestInit))
  return Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, ask))
})) satisfies Layer.Layer<any, never, Db>
