import { CommitUnknown } from "@cenote/sql-adapter/SqlTransaction"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"

import { client, failureOf } from "./pgClientHarness.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A transaction of PgPool", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => run)

  test(
    "a transaction that goes on after a failed statement is told that it was rolled back",
    Effect.gen(function*() {
      const sql = yield* client()
      const exit = yield* Effect.exit(sql.withTransaction(Effect.exit(sql`select nonsense`)))
      expect(failureOf(exit)._tag).toBe("RolledBack")
    })
  )

  test(
    "a connection that is lost during COMMIT is a CommitUnknown, and is not run again",
    Effect.gen(function*() {
      const server = yield* Postgres
      const proxy = yield* Proxy.make(server)
      const sql = yield* client({
        maxSize: 1,
        connection: { host: proxy.host, port: proxy.port }
      })
      let runs = 0
      const exit = yield* Effect.exit(
        sql.transaction({ retry: Schedule.recurs(3) })(
          Effect.gen(function*() {
            runs++
            yield* sql`select 1`
            // The next answer, COMMIT's, never comes.
            for (const connection of proxy.connections()) connection.setMode(Proxy.cutAfter(1))
          })
        )
      )
      expect(failureOf(exit)).toBeInstanceOf(CommitUnknown)
      expect(runs).toBe(1)
    })
  )

  test(
    "retries a transaction that lost against another, where it is told to",
    Effect.gen(function*() {
      const sql = yield* client()
      yield* sql`create table counters (id int primary key, n int)`
      yield* sql`insert into counters values (1, 0)`
      let runs = 0
      const increment = sql.transaction({ isolation: "serializable", retry: Schedule.recurs(50) })(
        Effect.gen(function*() {
          runs++
          const [row] = yield* sql<{ n: number }>`select n from counters where id = 1`
          yield* sql`select pg_sleep(0.01)`
          yield* sql`update counters set n = ${row!.n + 1} where id = 1`
        })
      )
      yield* Effect.all(Array.from({ length: 8 }, () => increment), { concurrency: "unbounded", discard: true })
      expect(yield* sql`select n from counters`).toEqual([{ n: 8 }])
      expect(runs).toBeGreaterThan(8)
      const once = yield* Effect.exit(Effect.all(
        Array.from({ length: 8 }, () =>
          sql.transaction({ isolation: "serializable" })(Effect.gen(function*() {
            yield* sql`select n from counters where id = 1`
            yield* sql`select pg_sleep(0.05)`
            yield* sql`update counters set n = n + 1 where id = 1`
          }))),
        { concurrency: "unbounded", discard: true }
      ))
      expect(failureOf(once)).toMatchObject({ sqlState: "40001" })
    })
  )

  test(
    "refuses writes in a transaction that is read only, and the connection takes writes afterwards",
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      yield* sql`create table readings (id int)`
      const exit = yield* Effect.exit(sql.transaction({ readOnly: true })(sql`insert into readings values (1)`))
      expect(failureOf(exit)).toMatchObject({ sqlState: "25006" })
      yield* sql`insert into readings values (2)`
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "withSession sets what only its transaction sees",
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const tenant = sql<{ tenant: string | null }>`select current_setting('app.tenant', true) as tenant`
      const name = "it's \\ \"quoted\""
      expect(yield* sql.withSession({ "app.tenant": name, "app.role": "x" })(tenant)).toEqual([{ tenant: name }])
      yield* Effect.exit(sql.withSession({ "app.tenant": "b" })(Effect.fail("no")))
      expect((yield* tenant)[0]?.tenant || null).toBe(null)
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )
})
