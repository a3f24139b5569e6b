import * as PgPool from "@cenote/sql-adapter/PgPool"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { bridges } from "./bridges/index.js"
import type { Subject } from "./bridges/subject.js"
import { optionsOf } from "./harness.js"

const applicationName = "bridges"

const ask = (sql: string) => Effect.flatMap(Postgres, (server) => server.query(sql, [applicationName]))

const subject: Subject<PgPool.PgPool, Postgres> = {
  dialect: "pg",
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(
        Postgres,
        (server) => PgPool.layer({ ...options, connection: { ...optionsOf(server), applicationName } })
      )
    ),
  stats: PgPool.PgPool.stats,
  slow: "select pg_sleep(10)",
  isRunningSlow: Effect.map(
    ask("select 1 from pg_stat_activity where application_name = $1 and state = 'active' and query like '%pg_sleep%'"),
    (rows) => rows.length > 0
  ),
  killSessions: ask("select pg_terminate_backend(pid, 60000) from pg_stat_activity where application_name = $1"),
  sessionLocks: {
    holders: Effect.map(
      ask(
        "select distinct pid from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and application_name = $1 order by pid"
      ),
      (rows) => rows.map((row) => (row as { pid: number }).pid)
    ),
    kill: (session) => Effect.flatMap(Postgres, (server) => server.terminateBackend(session))
  }
}

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("On PgPool,", (it) => bridges(it, subject))
