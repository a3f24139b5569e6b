import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { isPlain } from "../../packages/sql-adapter/src/internal/pg/plain.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { isRunning, open, optionsOf, steps, until } from "./harness.js"
import { all } from "./pgClientHarness.js"

describe("A plain statement", () => {
  it.each([
    "select 1",
    "  SELECT n from t where a = 'begin'",
    "(select 1) union (select 2);",
    "/* a route */ select 1",
    "-- a route\nupdate t set n = 1",
    "with t as (select 1) select * from t",
    "insert into t values (1) returning n",
    "select pg_advisory_xact_lock(1)",
    "explain analyze select 1"
  ])("shares a connection: %j", (sql) => expect(isPlain(sql)).toBe(true))

  it.each([
    "begin",
    "start transaction",
    "commit",
    "set search_path = tenant",
    "listen channel",
    "create temp table t (n int)",
    "lock table t",
    "copy t from stdin",
    "call work()",
    "declare c cursor for select 1",
    "select 1; begin",
    "select ';' as uncertain",
    "select set_config('app.tenant', '1', false)",
    "select currval('numbers')",
    "select lastval()",
    "select setseed(0.5)",
    "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)",
    "select * into temp t from u",
    "/* /* */ select 1 */ begin",
    "select 1 \0",
    ""
  ])("is not one that leaves something behind, or is not alone: %j", (sql) => expect(isPlain(sql)).toBe(false))
})

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A pipelined connection", (it) => {
  it.scoped("refuses what it cannot be with, before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(open({ pipeline: true, resetSession: true }))
      expect(error).toMatchObject({ reason: "Configuration" })
      expect(error.message).toContain("resetSession")
    }))

  it.scoped("says of what it was never given to send that it has not run", () =>
    Effect.gen(function*() {
      const connection = yield* open({ pipeline: true })
      const ask = (sql: string) => Effect.fork(Effect.flip(connection.query(sql)))
      const sent = [yield* ask("select pg_sleep(600)"), yield* ask("select 1")]
      const waits = [yield* ask("vacuum"), yield* ask("select 2")]
      yield* isRunning(connection.processId, "pg_sleep")
      yield* (yield* Postgres).terminateBackend(connection.processId)
      const lost = { reason: "ConnectionLost", sqlState: "57P01" }
      for (const fiber of sent) expect(yield* Fiber.join(fiber)).toMatchObject({ ...lost, mayHaveRun: true })
      for (const fiber of waits) expect(yield* Fiber.join(fiber)).toMatchObject({ ...lost, mayHaveRun: false })
      expect(yield* Effect.flip(connection.query("select 3"))).toMatchObject({ ...lost, mayHaveRun: false })
    }))

  it.scoped("is not to be reset because of what others have it do", () =>
    Effect.gen(function*() {
      const connection = yield* open({ pipeline: true })
      const slow = yield* Effect.fork(connection.query("select pg_sleep(0.2)"))
      const left = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* isRunning(connection.processId, "pg_sleep")
      expect(steps.needsReset(connection)).toBe(false)
      yield* Fiber.interrupt(left)
      expect(steps.needsReset(connection)).toBe(true)
      yield* Fiber.join(slow)
      // What was left is cancelled when nobody waits for what was in front of it.
      yield* until("it has settled", Effect.sync(() => !steps.needsReset(connection)))
    }))

  it.scoped("a value that cannot be decoded fails its own statement", () =>
    Effect.gen(function*() {
      const connection = yield* open({
        pipeline: true,
        types: {
          getTypeParser: (oid: number) => (text: string) => {
            if (oid === 23) throw new Error("no such type")
            return text
          }
        } as never
      })
      const answers = yield* all(20, (n) =>
        Effect.match(n % 4 === 1 ? connection.query("select 1") : connection.query("select $1::text as n", [n]), {
          onFailure: ({ reason }): string =>
            reason,
          onSuccess: ({ rows }) => String(rows[0]!.n)
        }))
      expect(answers).toEqual(Array.from({ length: 20 }, (_, n) =>
        n % 4 === 1 ? "Client" : String(n)))
    }))

  it.scoped("its own transactions fail where others have statements under way, and not where it was taken alone", () =>
    Effect.gen(function*() {
      const pool = yield* ConnectionPool.make({
        connector: PgConnector.make({ ...optionsOf(yield* Postgres), pipeline: true }),
        maxSize: 1,
        concurrency: 10
      })
      const begin = (exclusive: boolean) =>
        pool.use((connection) => connection.withTransaction(connection.query("select 1 as one")), { exclusive })
      const slow = yield* Effect.fork(pool.use((connection) => connection.query("select pg_sleep(0.2)")))
      yield* until("it is on it", Effect.map(pool.stats, ({ leases }) => leases === 1))
      expect(yield* Effect.flip(begin(false))).toMatchObject({ reason: "Client" })
      expect((yield* begin(true)).rows).toEqual([{ one: 1 }])
      yield* Fiber.join(slow)
    }))

  it.scoped("asked for a cursor, answers all that is in front of it first", () =>
    Effect.gen(function*() {
      const connection = yield* open({ pipeline: true })
      const { unsafeClient } = connection
      const before = yield* Effect.fork(all(10, (n) => connection.query("select $1::int as n", [n])))
      const rows = yield* Effect.fork(Stream.runCount(connection.stream("select n from generate_series(1, 1000) n")))
      const after = yield* Effect.fork(all(10, (n) => connection.query("select $1::int as n", [n])))
      expect(yield* Fiber.join(before)).toHaveLength(10)
      expect(yield* Fiber.join(rows)).toBe(1000)
      expect(yield* Fiber.join(after)).toHaveLength(10)
      expect(unsafeClient.pipeline).toBe(false)
    }))
})
