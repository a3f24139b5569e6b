import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"

import { until } from "./harness.js"
import { client, failureOf } from "./pgClientHarness.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A session of PgPool", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => run)

  test(
    "prepares no more statements than it is told, and forgets the least recently used",
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1, connection: { preparedStatements: 3 } })
      const prepared = Effect.map(
        sql<{ statement: string }>`select statement from pg_prepared_statements order by prepare_time`.unprepared,
        (rows) => rows.map(({ statement }) => statement)
      )
      for (const n of [1, 2, 3, 4, 5]) {
        yield* sql.unsafe(`select ${n} as n where $1::int > 0`, [1])
        yield* sql.unsafe("select 0 as n where $1::int > 0", [1])
      }
      expect(yield* prepared).toEqual(
        expect.arrayContaining(["select 0 as n where $1::int > 0", "select 5 as n where $1::int > 0"])
      )
      expect((yield* prepared).length).toBe(3)
      // In a transaction that failed nothing can be forgotten by a statement.
      yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        yield* Effect.exit(sql.unsafe("select 1 / $1::int", [0]))
        yield* Effect.exit(sql.unsafe("select 7 where $1::int > 0", [1]))
      })))
      expect(yield* sql.unsafe("select 8 as n where $1::int > 0", [1])).toEqual([{ n: 8 }])
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "prepares nothing where it is not told to",
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      yield* sql`select ${1}::int`
      expect(yield* sql`select * from pg_prepared_statements`).toEqual([])
    })
  )

  test(
    "a session that is reset has what setup said, and nothing of the lease before",
    Effect.gen(function*() {
      const sql = yield* client({
        maxSize: 1,
        connection: { resetSession: true, setup: ["set statement_timeout = '7s'"], preparedStatements: 10 }
      })
      yield* sql`set statement_timeout = '3s'`
      yield* sql`create temporary table left_behind (id int)`
      expect(yield* sql`show statement_timeout`).toEqual([{ statement_timeout: "7s" }])
      expect(yield* sql`select to_regclass('left_behind') as t`).toEqual([{ t: null }])
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "a statement of setup that fails is a typed failure to connect",
    Effect.gen(function*() {
      const sql = yield* client({ connection: { setup: ["select 1", "select nonsense"] } })
      const exit = yield* Effect.exit(sql`select 1`)
      expect(failureOf(exit)).toMatchObject({ _tag: "PgConnectError", reason: "Setup" })
      expect(failureOf(exit).message).toContain("select nonsense")
    })
  )

  test(
    "a statement that the server bounds is ended on this side where the server cannot be reached",
    Effect.gen(function*() {
      const server = yield* Postgres
      const proxy = yield* Proxy.make(server)
      const sql = yield* client({
        maxSize: 1,
        connection: { host: proxy.host, port: proxy.port, statementTimeout: 100, cancelTimeout: 100 }
      })
      const late = yield* Effect.exit(sql`select pg_sleep(10)`)
      expect(failureOf(late)).toMatchObject({ sqlState: "57014" })
      // An error comes before the end of the answer.
      yield* until("the connection is idle", Effect.map(sql.pool.stats, ({ idle }) => idle === 1))
      proxy.setMode(Proxy.blackHole)
      const lost = yield* Effect.exit(sql`select 1`)
      expect(failureOf(lost)).toMatchObject({ reason: "ConnectionLost" })
      proxy.setMode(Proxy.pass)
      expect(yield* sql`select 1 as n`).toEqual([{ n: 1 }])
    })
  )
})
