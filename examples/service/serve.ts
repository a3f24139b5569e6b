/** The application on a server that ends well. It needs the pool, and nothing else. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import * as GracefulServer from "../graceful/GracefulServer.js"
import { Stopping } from "./events.js"
import * as Http from "./http.js"

export interface Options {
  /** 0 is any that is free. */
  readonly port: number
}

/** An event stream ends when the server is told to stop. */
const stopping = Layer.effect(Stopping, Effect.map(GracefulServer.GracefulServer, ({ stopping }) => stopping))

export const serve = ({ port }: Options) =>
  HttpApiBuilder.serve().pipe(
    Layer.provide(Http.layer),
    Layer.provide(stopping),
    Layer.provideMerge(GracefulServer.layer(() => createServer(), { port, host: "127.0.0.1" }))
  )
