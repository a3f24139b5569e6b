/**
 * A page to watch pools, and to operate them, for an application that has an HTTP server of @effect/platform.
 *
 * ```
 * GET  /                      the page: charts of now, leases, waiters, events, configuration, what the server says
 * GET  /pools                 the names of the pools, and whether they may be operated
 * GET  /pools/:pool           one pool as JSON
 * GET  /pools/:pool/server    how its server sees it
 * GET  /events                samples and events of all pools, as server-sent events
 * GET  /metrics               Prometheus' text format
 * POST /pools/:pool/actions   clear, recycle, suspend, resume, resize: only where `authorize` is given
 * ```
 *
 * Pools are looked at once a second while somebody watches, however many do, and not at all while nobody does. Who does not read is cut off.
 *
 * It needs @effect/platform, and is not part of the package's index: who imports the pool does not load it. The page comes from the package, and
 * loads nothing from elsewhere.
 *
 * What it refuses to do: be built without a word on who may read it; act where nobody said who may; do what another site's page makes a browser ask.
 *
 * @since 0.1.0
 */
import type * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as internal from "./console/make.js"
import type { Options } from "./console/model.js"
import type { InvalidOptions } from "./model/errors.js"

/**
 * @since 0.1.0
 */
export * from "./console/model.js"

/**
 * A router with the console's routes, to be mounted: `HttpRouter.mount("/console", router)`.
 *
 * Fails with `InvalidOptions` where an option cannot be: where `read` is not given, too.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolConsole from "@cenote/core/PoolConsole"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as Effect from "effect/Effect"
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, string>() {}
 *
 * export const router = Effect.gen(function*() {
 *   const console = yield* PoolConsole.make({ pools: { db: yield* Db }, read: "anyone" })
 *   return HttpRouter.empty.pipe(HttpRouter.mount("/console", console))
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(
  options: Options<R>
): Effect.Effect<HttpRouter.HttpRouter<never, HttpRouter.HttpRouter.ExcludeProvided<R>>, InvalidOptions> =>
  // What a router provides is not left out of an R that is not known yet.
  internal.router(options) as Effect.Effect<HttpRouter.HttpRouter<never, any>, InvalidOptions>

/**
 * The same routes in a HttpLayerRouter, under a path.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolConsole from "@cenote/core/PoolConsole"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, string>() {}
 *
 * export const ConsoleLive = Layer.unwrapEffect(
 *   Effect.map(Db, (db) => PoolConsole.layer("/console", { pools: { db }, read: "anyone" }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(
  path: `/${string}`,
  options: Options<R>
): Layer.Layer<
  never,
  InvalidOptions,
  HttpLayerRouter.HttpRouter | HttpLayerRouter.Request.From<"Requires", HttpRouter.HttpRouter.ExcludeProvided<R>>
> => internal.layer(path, options) as Layer.Layer<never, InvalidOptions, any>
