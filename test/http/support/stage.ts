/** A pool, an app over it, a server, and the log that it writes. */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import type { App, Route, RouterName } from "./app.js"
import { otherRouters, routers } from "./app.js"
import type { Subject } from "./pool.js"
import { atRest, Db, makeSubject } from "./pool.js"
import type { Server, ServerName } from "./servers.js"
import { servers } from "./servers.js"

export const routerNames = Object.keys(routers) as ReadonlyArray<RouterName>
export const serverNames = Object.keys(servers) as ReadonlyArray<ServerName>

export interface Stage {
  readonly subject: Subject
  readonly server: Server
  readonly serverName: ServerName
  /** What was logged so far, with the causes. */
  readonly log: ReadonlyArray<string>
}

export interface Setting {
  readonly router?: RouterName
  readonly server: ServerName
  readonly tuning?: PoolOptions.Tuning
  /** What is done around the router. */
  readonly around?: (app: App) => App
  /** What the server is given as middleware. */
  readonly middleware?: HttpMiddleware.HttpMiddleware
}

/**
 * Plays a scene, and looks at the pool before and after the server is gone: it is at rest, and when it is closed, so is everything
 * that was opened.
 */
export const play = <E>(
  { around = (app) => app, middleware, router = "HttpRouter", server: serverName, tuning = {} }: Setting,
  routes: ReadonlyArray<Route>,
  scene: (stage: Stage) => Effect.Effect<void, E, Scope.Scope>
) => {
  const log: Array<string> = []
  const logger = Logger.make(({ cause, message }) => {
    log.push([message].flat().map(String).join(" ") + (Cause.isEmpty(cause) ? "" : ` ${Cause.pretty(cause)}`))
  })
  return Effect.gen(function*() {
    const subject = yield* makeSubject({ maxSize: 3, shutdownTimeout: "2 seconds", ...tuning })
    yield* Effect.scoped(Effect.gen(function*() {
      const app = yield* Effect.provideService({ ...routers, ...otherRouters }[router](routes), Db, subject.pool)
      const server = yield* servers[serverName](around(app), subject, middleware)
      yield* scene({ subject, server, serverName, log })
      yield* atRest(subject)
    }))
    yield* atRest(subject)
    yield* subject.close
    const { closed, opened } = yield* subject.pool.stats
    expect(closed).toBe(opened)
    expect((yield* subject.fake.counts).alive).toBe(0)
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
}
