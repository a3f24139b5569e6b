/** What the requests' transactions must do, whatever the database, the router and the server. */
import type * as Reactivity from "@effect/experimental/Reactivity"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { expect } from "vitest"
import type { Client, Options } from "../conformance/subject.js"
import { rests } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Route } from "./routers.js"
import { routers } from "./routers.js"
import type { Server } from "./servers.js"
import { servers } from "./servers.js"

/** A database that the suite is run on. */
export interface Subject<R> {
  readonly make: (options?: Options) => Effect.Effect<Client, unknown, Scope.Scope | Reactivity.Reactivity | R>
  /** A statement that takes at least ten seconds. */
  readonly slow: string
  readonly isRunningSlow: (client: Client) => Effect.Effect<boolean, unknown, R>
  /** How many transactions of these clients the server has open; where there is a server. */
  readonly open: Effect.Effect<number, unknown, R> | undefined
  /** A table whose rows point to others, of the name `$`, that is only checked at COMMIT; where there are such tables. */
  readonly deferred: string | undefined
  /** The rows 1 to n, in a column n. */
  readonly series: (n: number) => string
  /** Whether each client has a database of its own. */
  readonly isPrivate: boolean
}

export type RouterName = keyof typeof routers
export type ServerName = keyof typeof servers

export const serve = (
  sql: Client,
  routes: ReadonlyArray<Route>,
  router: RouterName = "HttpRouter",
  server: ServerName = "Node's server"
): Effect.Effect<Server, never, Scope.Scope> =>
  // What goes wrong here is meant to.
  Logger.withMinimumLogLevel(Effect.flatMap(routers[router](routes, sql), servers[server]), LogLevel.None)

/** The pool is at rest, and the server has no transaction of it open. */
export const allRests = <R>(sql: Client, { open }: Subject<R>) =>
  Effect.gen(function*() {
    yield* rests(sql)
    if (open === undefined) return
    yield* until("no transaction is open", Effect.map(open, (n) => n === 0))
    expect(yield* open).toBe(0)
  })
