import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlResolver from "@effect/sql/SqlResolver"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { optionsOf, until } from "./harness.js"

const ask = (sql: string) => Effect.flatMap(Postgres, (server) => server.query(sql))
const isRunningSlow = Effect.map(
  ask("select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()"),
  (rows) => rows.length > 0
)
const together = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded", batching: true })

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("x", (it) => {
  for (const kind of ["cenote", "effect"] as const) {
    for (const how of ["single", "tx-one", "tx-batch", "batched-tx"] as const) {
      it.scoped(`${kind} ${how}`, () =>
        Effect.gen(function*() {
          const server = yield* Postgres
          const live = kind === "cenote"
            ? PgPool.layer({ connection: optionsOf(server), maxSize: 3 })
            : PgClient.layer({ url: server.url, maxConnections: 3 })
          const t0 = Date.now()
          const log = (s: string) => Effect.sync(() => console.log(kind, how, Date.now() - t0, s))
          yield* Effect.gen(function*() {
            const sql = yield* SqlClient.SqlClient
            const { execute } = yield* SqlResolver.void("wait", {
              Request: Schema.Int,
              execute: () => sql.unsafe("select pg_sleep(5)")
            })
            const running = how === "single"
              ? together([execute(1), execute(2)])
              : how === "tx-one"
              ? sql.withTransaction(execute(1))
              : how === "tx-batch"
              ? sql.withTransaction(together([execute(1), execute(2)]))
              : together([sql.withTransaction(execute(1)), Effect.asVoid(execute(2))])
            const fiber = yield* Effect.fork(running as Effect.Effect<unknown, unknown>)
            yield* until("it runs", isRunningSlow)
            yield* log("runs")
            yield* Fiber.interrupt(fiber)
            yield* log("interrupted")
            yield* until("it was stopped", Effect.map(isRunningSlow, (running) => !running))
            yield* log("stopped")
            if (kind === "cenote") yield* until("idle", Effect.map((sql as any).pool.stats, (s: any) => s.leased === 0))
            yield* log("rest")
          }).pipe(Effect.provide(live as any)) as any
          yield* log("closed")
        }) as any, 60000)
    }
  }
})
