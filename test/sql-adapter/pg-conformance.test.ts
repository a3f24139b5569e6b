import * as PgPool from "@cenote/sql-adapter/PgPool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { conformance } from "./conformance/index.js"
import type { Subject } from "./conformance/subject.js"
import { optionsOf } from "./harness.js"

const applicationName = "conformance"

const ask = (sql: string) => Effect.flatMap(Postgres, (server) => server.query(sql, [applicationName]))

const count = (sql: string) => Effect.map(ask(sql), ([row]) => Number((row as { n: string }).n))

const subject = (pipeline: boolean): Subject<Postgres> => ({
  make: (options) =>
    Effect.gen(function*() {
      const connection = { ...optionsOf(yield* Postgres), applicationName }
      const client = yield* PgPool.make({ ...options, connection, pipeline })
      return Object.assign(client, { pools: [client.pool] })
    }),
  slow: "select pg_sleep(10)",
  isRunningSlow: () =>
    Effect.map(
      count(
        "select count(*) n from pg_stat_activity where application_name = $1 and state = 'active' and query like '%pg_sleep%'"
      ),
      (n) => n > 0
    ),
  server: {
    sessions: count("select count(*) n from pg_stat_activity where application_name = $1"),
    kill: ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1")
  },
  others: "write",
  deferred: "create table $ (id int primary key, other int references $ deferrable initially deferred)",
  series: (n) => `select n from generate_series(1, ${n}) n`
})

const options = { excludeTestServices: true, timeout: 60_000 }

layer(postgres(), options)("PgPool conforms:", (it) => conformance(it, subject(false)))
layer(postgres(), options)("PgPool, pipelined, conforms:", (it) => conformance(it, subject(true)))
