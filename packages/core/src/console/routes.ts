/** The routes of a console, for any router. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ConnectionPool } from "../model/pool.js"
import { act } from "./actions.js"
import * as assets from "./assets.js"
import type { Feed } from "./Feed.js"
import { allowed, guarded, refusal } from "./guard.js"
import type { Options } from "./model.js"
import { format } from "./prometheus.js"
import { lineOf, viewOf } from "./view.js"

export type Handler<R> = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  R | HttpServerRequest.HttpServerRequest
>

export interface Route<R> {
  readonly method: "GET" | "POST"
  readonly path: `/${string}`
  /** Parameters are those of the path. */
  readonly handler: (parameters: { readonly [name: string]: string | undefined }) => Handler<R>
}

const json = (value: unknown) =>
  guarded(HttpServerResponse.text(JSON.stringify(value), { contentType: "application/json" }))

/** The page refers to what is beside it, so its address must end as a folder's. */
const page = Effect.map(HttpServerRequest.HttpServerRequest, ({ originalUrl }) => {
  const path = originalUrl.split(/[?#]/)[0]!
  return path.endsWith("/")
    ? guarded(HttpServerResponse.text(assets.page, { contentType: "text/html; charset=utf-8" }))
    : guarded(HttpServerResponse.empty({ status: 308, headers: { location: `${path.split("/").at(-1)}/` } }))
})

const encoder = new TextEncoder()

const events = (feed: Feed, stopping: Effect.Effect<unknown, unknown>) =>
  guarded(HttpServerResponse.stream(
    feed.messages.pipe(
      Stream.map((message) => encoder.encode(`data: ${message}\n\n`)),
      Stream.interruptWhen(Effect.ignore(stopping))
    ),
    { contentType: "text/event-stream", headers: { "x-accel-buffering": "no" } }
  ))

/** How long a server may take to say how it is: the page asks every second. */
const PATIENCE = Duration.seconds(2)

/** The view of a server may fail, or the server may not answer, and the rest is shown. */
const serverOf = <R>(view: Effect.Effect<unknown, unknown, R> | undefined) =>
  view === undefined ? Effect.succeed(null) : Effect.matchCause(Effect.timeout(Effect.disconnect(view), PATIENCE), {
    onFailure: (cause) => ({ error: lineOf(cause) }),
    onSuccess: (rows) => ({ rows })
  })

export const routesOf = <R>(
  { authorize, pools, read, server = {}, stopping = Effect.never }: Options<R>,
  feed: Feed
): ReadonlyArray<Route<R>> => {
  const reading = (path: `/${string}`, handler: Route<R>["handler"]): Route<R> => ({
    method: "GET",
    path,
    handler: (parameters) => allowed(read, handler(parameters))
  })
  const of = (name: string | undefined, next: (name: string, pool: ConnectionPool<any, any>) => Handler<R>) => {
    const pool = name !== undefined && Object.hasOwn(pools, name) ? pools[name] : undefined
    return name === undefined || pool === undefined
      ? Effect.succeed(
        refusal(404, "UnknownPool", `There is no such pool. There are: ${Object.keys(pools).join(", ")}.`)
      )
      : next(name, pool)
  }
  const asset = (path: `/${string}`, text: string, contentType: string): Route<R> =>
    reading(path, () => Effect.succeed(guarded(HttpServerResponse.text(text, { contentType }))))
  return [
    reading("/", () => page),
    asset("/console.js", assets.script, "text/javascript; charset=utf-8"),
    asset("/console.css", assets.style, "text/css; charset=utf-8"),
    asset("/uplot.js", assets.uplot, "text/javascript; charset=utf-8"),
    asset("/uplot.css", assets.uplotStyle, "text/css; charset=utf-8"),
    reading("/pools", () => Effect.succeed(json({ pools: Object.keys(pools), canAct: authorize !== undefined }))),
    reading("/pools/:pool", ({ pool }) => of(pool, (name, pool) => Effect.map(viewOf(name, pool), json))),
    reading(
      "/pools/:pool/server",
      ({ pool }) =>
        of(pool, (name) => Effect.map(serverOf(Object.hasOwn(server, name) ? server[name] : undefined), json))
    ),
    reading("/events", () => Effect.sync(() => events(feed, stopping))),
    reading("/metrics", () =>
      Effect.map(
        Effect.forEach(Object.entries(pools), ([name, pool]) =>
          Effect.map(pool.stats, (stats) => [name, stats] as const)),
        (all) =>
          guarded(HttpServerResponse.text(format(all), { contentType: "text/plain; version=0.0.4; charset=utf-8" }))
      )),
    ...authorize === undefined ? [] : [
      {
        method: "POST" as const,
        path: "/pools/:pool/actions" as const,
        handler: ({ pool }) => allowed(read, of(pool, (name, pool) => act(name, pool, authorize)))
      } satisfies Route<R>
    ]
  ]
}
