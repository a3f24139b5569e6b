/** What is done to the server or to the way there. */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Proxy } from "../../support/proxy.js"
import type { Database, Front, Server, ServerError } from "../databases/database.js"
import type { Leftover } from "../limits.js"

/** What a fault can get at. */
export interface World {
  readonly database: Database
  /** It is another one after a failover. */
  server: Server
  /** Where it lives. */
  scope: Scope.CloseableScope
  /** For all that outlives a fault. */
  readonly root: Scope.Scope
  /** What is before the server. */
  readonly front: Front
  /** Between the pool and the server, or what is before it. */
  readonly proxy: Proxy
  /** The password that the application has for its role. */
  readonly secret: { current: Redacted.Redacted }
}

export interface Fault {
  readonly name: string
  /** For a reader, as a sentence. */
  readonly what: string
  /** What it leaves to get over: its bound is made of that. */
  readonly leaves: ReadonlyArray<Leftover>
  /** The Scope is closed when the fault's time is over, before `end`: what `begin` forks in it goes on until then. */
  readonly begin: (world: World) => Effect.Effect<void, ServerError, Scope.Scope>
  /** When it has ended, so has the fault. */
  readonly end: (world: World) => Effect.Effect<void, ServerError>
}
