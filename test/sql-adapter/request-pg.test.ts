import * as PgPool from "@cenote/sql-adapter/PgPool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { testOf } from "./conformance/subject.js"
import { optionsOf } from "./harness.js"
import { behaviour } from "./request/behaviour.js"
import { bodies } from "./request/bodies.js"
import { choices } from "./request/choices.js"
import { outcomes } from "./request/outcomes.js"
import { routers } from "./request/routers.js"
import { servers } from "./request/servers.js"
import type { RouterName, ServerName, Subject } from "./request/subject.js"

const applicationName = "request"

const count = (where: string) =>
  Effect.flatMap(Postgres, (server) =>
    Effect.map(
      server.query(`select count(*) n from pg_stat_activity where application_name = $1 and ${where}`, [
        applicationName
      ]),
      ([row]) => Number((row as { n: string }).n)
    ))

const subject: Subject<Postgres> = {
  make: (options) =>
    Effect.gen(function*() {
      const client = yield* PgPool.make({ ...options, connection: { ...optionsOf(yield* Postgres), applicationName } })
      return Object.assign(client, { pools: [client.pool] })
    }),
  slow: "select pg_sleep(10)",
  isRunningSlow: () => Effect.map(count("state = 'active' and query like '%pg_sleep%'"), (n) => n > 0),
  open: count("xact_start is not null"),
  deferred: "create table $ (id int primary key, other int references $ deferrable initially deferred)",
  series: (n) => `select n from generate_series(1, ${n}) n`,
  isPrivate: false
}

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("RequestTransaction on PostgreSQL:", (it) => {
  const test = testOf(it)
  behaviour(test, subject)
  choices(test, subject)
  for (const router of Object.keys(routers) as Array<RouterName>) {
    for (const server of Object.keys(servers) as Array<ServerName>) {
      outcomes(test, subject, router, server)
      bodies(test, subject, router, server)
    }
  }
})
