/** A server with PgBouncer before it, and clients of both. */
import type { PgConnectorConfig } from "@cenote/sql-adapter/PgConnector"
import type { Client, Options } from "@cenote/sql-adapter/PgPool"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as PgBouncer from "../../support/pgbouncer.js"
import type { Server } from "../../support/postgres.js"
import type { Target } from "../../support/proxy.js"
import { optionsOf } from "../harness.js"

interface Given extends Partial<Omit<Options, "connection">> {
  readonly connection?: PgConnectorConfig
  /** Default: PgBouncer. */
  readonly to?: Target
}

export interface Place {
  readonly mode: PgBouncer.Mode
  readonly server: Server
  readonly bouncer: PgBouncer.PgBouncer
  /** A PgBouncer of one's own. */
  readonly another: (options: PgBouncer.Options) => ReturnType<typeof PgBouncer.before>
  /** A client of one connection. */
  readonly client: (given?: Given) => Effect.Effect<Client, unknown, Scope.Scope>
}

/** What those wait for a session of the server at most who do not get one, in seconds. */
export const queryWait = 1

/** In session mode each connection has a session of the server for itself; in transaction mode there is one for all of them. */
const poolSize: Record<PgBouncer.Mode, number> = { session: 5, transaction: 1 }

export const place = (server: Server, mode: PgBouncer.Mode) =>
  Effect.gen(function*() {
    const another: Place["another"] = ({ settings, ...options }) =>
      PgBouncer.before(server, {
        mode,
        poolSize: poolSize[mode],
        settings: { query_wait_timeout: String(queryWait), server_login_retry: "1", ...settings },
        ...options
      })
    const bouncer = yield* another({})
    const client: Place["client"] = ({ connection, to = bouncer, ...options } = {}) =>
      PgPool.make({
        maxSize: 1,
        ...options,
        connection: { ...optionsOf(server), host: to.host, port: to.port, ...connection }
      }).pipe(Effect.provide(Reactivity.layer))
    return { mode, server, bouncer, another, client } satisfies Place
  })
