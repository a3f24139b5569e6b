/** Chaos of PostgreSQL behind PgBouncer. */
import * as Effect from "effect/Effect"
import * as PgBouncer from "../../support/pgbouncer.js"
import * as Postgres from "../../support/postgres.js"
import * as Proxy from "../../support/proxy.js"
import { limits } from "../limits.js"
import type { Database } from "./database.js"
import { postgres } from "./postgres.js"

/** Fewer than the pool has connections. Or as many, and as many again for clients that have gone and of which PgBouncer has not been told. */
const poolSize: Record<PgBouncer.Mode, number> = {
  transaction: limits.maxSize / 2,
  session: limits.maxSize * 2
}

const seconds = (millis: number): string => String(millis / 1000)

const settings = {
  query_wait_timeout: seconds(limits.bouncer.queryWait),
  server_login_retry: seconds(limits.bouncer.loginRetry),
  server_connect_timeout: seconds(limits.bouncer.serverConnect),
  ignore_startup_parameters: "statement_timeout"
}

const behind = (mode: PgBouncer.Mode): Database => ({
  ...postgres,
  name: `pgbouncer-${mode}`,
  front: (server) =>
    Effect.gen(function*() {
      const address = yield* Proxy.make(server)
      const bouncer = yield* PgBouncer.before({ ...server, ...Postgres.administrator }, {
        mode,
        poolSize: poolSize[mode],
        address,
        settings
      })
      return { _tag: "PgBouncer", bouncer, address }
    }),
  // PgBouncer does not pass it on.
  createRole: (server, role) =>
    Effect.zipRight(
      postgres.createRole(server, role),
      Effect.asVoid(server.query(`alter role ${role} set statement_timeout = ${limits.statementTimeout}`))
    )
})

export const session = behind("session")
export const transaction = behind("transaction")
