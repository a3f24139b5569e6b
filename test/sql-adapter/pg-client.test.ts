import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect, layer } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { optionsOf } from "./harness.js"

import { client, failureOf } from "./pgClientHarness.js"
import { recording } from "./tracing.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("PgPool", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => run)

  test(
    "is a SqlClient, a PgClient and the pool itself, in the context",
    Effect.gen(function*() {
      const server = yield* Postgres
      const { host, port, database, password, user } = optionsOf(server)
      const provider = ConfigProvider.fromMap(
        new Map([["DB", `postgres://${user}:${Redacted.value(password!)}@${host}:${port}/${database}`], ["MAX", "3"]])
      )
      const fixed = PgPool.layer({ connection: optionsOf(server), name: "fixed" })
      const configured = PgPool.layerConfig({
        connection: { url: Config.redacted("DB") },
        maxSize: Config.integer("MAX")
      }).pipe(Layer.provide(Layer.setConfigProvider(provider)))
      for (const live of [fixed, configured]) {
        const stats = yield* Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const pg = yield* PgClient.PgClient
          expect(yield* sql`select ${1}::int as n`).toEqual([{ n: 1 }])
          expect(yield* pg`select ${pg.json({ a: 1 })}::json as j`).toEqual([{ j: { a: 1 } }])
          const pid = yield* PgPool.PgPool.use((connection) => Effect.succeed(connection.processId))
          expect(pid).toBeGreaterThan(0)
          return yield* PgPool.PgPool.stats
        }).pipe(Effect.provide(live))
        expect(stats.opened).toBe(1)
        expect(stats.maxSize).toBe(live === fixed ? 10 : 3)
      }
    })
  )

  test(
    "writes the trace into a comment, where it is told to",
    Effect.gen(function*() {
      const sql = yield* client({ traceComments: true })
      const text = sql<{ query: string }>`select query from pg_stat_activity where pid = pg_backend_pid()`
      const { spans, tracer } = recording()
      const [row] = yield* text.pipe(Effect.withSpan("request"), Effect.withTracer(tracer))
      expect(row!.query).toContain(`/*traceparent='00-${spans[0]!.traceId}-${spans[0]!.spanId}-01'*/`)
      const rows = yield* Stream.runCollect(text.stream).pipe(Effect.withSpan("request"))
      expect([...rows][0]!.query).toContain("traceparent")
      // There is nothing to say where it belongs to nothing.
      expect((yield* text)[0]!.query).not.toContain("traceparent")
    })
  )

  test(
    "a million rows take little memory",
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      let count = 0
      let most = 0
      const before = process.memoryUsage().rss
      yield* sql`select n, repeat('x', 100) as text from generate_series(1, 1000000) n`.stream.pipe(
        Stream.runForEachChunk((rows) =>
          Effect.sync(() => {
            count += rows.length
            if (count % 12_800 === 0) most = Math.max(most, process.memoryUsage().rss - before)
          })
        )
      )
      expect(count).toBe(1_000_000)
      // All of them are more than 300 MB.
      expect(most).toBeLessThan(200e6)
    })
  )

  test(
    "options that an Effect gives are asked for at each opening, and its failure is a typed one",
    Effect.gen(function*() {
      const server = yield* Postgres
      let asked = 0
      const sql = yield* PgPool.make({
        connection: Effect.suspend(() => asked++ === 0 ? Effect.fail("no token") : Effect.succeed(optionsOf(server)))
      }).pipe(Effect.provide(Reactivity.layer))
      const exit = yield* Effect.exit(sql`select 1`)
      expect(failureOf(exit)).toMatchObject({ _tag: "PgConnectError", reason: "Configuration" })
      expect(failureOf(exit).message).toContain("no token")
      yield* sql`select 1`
      expect(asked).toBe(2)
    })
  )
})
