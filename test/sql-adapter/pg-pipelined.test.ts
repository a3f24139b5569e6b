import type { SqlError } from "@effect/sql/SqlError"
import { expect, layer } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { isRunning, until } from "./harness.js"
import type { Client } from "./pgClientHarness.js"
import { all, pid, pipelined as client } from "./pgClientHarness.js"

/** What a statement failed with. */
const failure = <A>(effect: Effect.Effect<A, SqlError>) =>
  Effect.map(Effect.flip(effect), ({ cause }) => cause as Record<string, unknown>)

const table = (sql: Client, name: string) =>
  Effect.acquireRelease(
    sql.unsafe(`create table ${name} (n int primary key)`),
    () => Effect.ignore(sql.unsafe(`drop table ${name}`))
  )

const rowsOf = (sql: Client, name: string) =>
  Effect.map(sql.unsafe<{ n: number }>(`select n from ${name} order by n`), (rows) => rows.map(({ n }) => n))

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A pipelined PgPool", (it) => {
  it.scoped("sends statements of many fibers over one connection without waiting for answers", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const processId = yield* pid(sql)
      const slow = yield* Effect.fork(sql`select pg_sleep(0.2)`)
      yield* isRunning(processId, "pg_sleep(0.2)")
      const behind = yield* Effect.fork(all(99, (n) => sql<{ n: number }>`select ${n}::int as n, pg_backend_pid() pid`))
      yield* until("all are on it", Effect.map(sql.pool.stats, ({ leases }) => leases === 100))
      yield* Fiber.join(slow)
      expect(yield* Fiber.join(behind)).toEqual(Array.from({ length: 99 }, (_, n) => [{ n, pid: processId }]))
    }))

  it.scoped("a statement that fails neither fails nor reorders those beside it, nor undoes what they did", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      yield* table(sql, "beside")
      const wrong = [
        sql`select ${0}::int as n, 1 / ${0}::int`,
        sql`select 1 / 0`,
        sql`selekt`,
        sql`select n from not_there where n = ${1}`,
        sql`insert into beside values (0)`
      ]
      yield* sql`insert into beside values (0)`
      const answers = yield* all(
        100,
        (n) => Effect.either(n % 3 === 1 ? wrong[n % 5]! : sql`insert into beside values (${n + 1}) returning n`)
      )
      answers.forEach((answer, n) => {
        if (n % 3 === 1) expect(Either.isLeft(answer)).toBe(true)
        else expect(answer).toMatchObject({ right: [{ n: n + 1 }] })
      })
      expect(yield* rowsOf(sql, "beside")).toEqual(
        [0, ...Array.from({ length: 100 }, (_, n) => n + 1).filter((n) => (n - 1) % 3 !== 1)]
      )
      expect(yield* sql.pool.stats).toMatchObject({ opened: 1, closed: 0 })
    }))

  it.scoped("a statement with too few or too many parameters fails alone, though PostgreSQL calls it a fault of the protocol", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const before = yield* pid(sql)
      const [sleeps, few, many, ...rest] = yield* Effect.all([
        Effect.either(sql`select pg_sleep(0.1), ${"first"} as answer`),
        Effect.either(sql.unsafe("select $1::int, $2::int", [1])),
        Effect.either(sql.unsafe("select 1", Array.from({ length: 70_000 }, () => 1))),
        ...Array.from({ length: 20 }, (_, n) => Effect.either(sql`select ${n}::int as n`))
      ], { concurrency: "unbounded" })
      expect(sleeps).toMatchObject({ right: [{ answer: "first" }] })
      expect(few).toMatchObject({ left: { cause: { sqlState: "08P01" } } })
      expect(many).toMatchObject({ left: { cause: { reason: "Client" } } })
      rest.forEach((answer, n) => expect(answer).toMatchObject({ right: [{ n }] }))
      // A connection of which somebody said that is not used again.
      expect(yield* pid(sql)).not.toBe(before)
    }))

  it.scoped.each([true, false])(
    "values that cannot be written fail alone, and do not spoil what is prepared",
    (pipeline) =>
      Effect.gen(function*() {
        const sql = yield* client({ pipeline, maxSize: 1, connection: { preparedStatements: 10 } })
        const circular: Record<string, unknown> = {}
        circular.self = circular
        const ask = (value: unknown) => Effect.either(sql.unsafe("select $1::json as value", [value]))
        for (let round = 0; round < 3; round++) {
          const answers = yield* all(10, (n) => ask(n % 4 === 0 ? circular : { n }))
          answers.forEach((answer, n) =>
            expect(answer).toMatchObject(
              n % 4 === 0 ? { left: { cause: { reason: "Client" } } } : { right: [{ value: { n } }] }
            )
          )
        }
      })
  )

  it.scoped("an interrupted statement that runs returns at once; those behind it are not cancelled", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const processId = yield* pid(sql)
      const running = yield* Effect.fork(sql`select pg_sleep(0.4), 'left'`)
      yield* isRunning(processId, "left")
      const behind = yield* Effect.fork(all(10, (n) => sql`select pg_sleep(0.01), ${n}::int as n`))
      yield* until("all have it", Effect.map(sql.pool.stats, ({ leases }) => leases === 11))
      const [time] = yield* Effect.timed(Fiber.interrupt(running))
      expect(Duration.toMillis(time)).toBeLessThan(200)
      expect(yield* Fiber.join(behind)).toMatchObject(Array.from({ length: 10 }, (_, n) => [{ n }]))
      expect(yield* pid(sql)).toBe(processId)
    }))

  it.scoped("an interrupted statement that waits behind another takes its answer with it, and may have run", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      yield* table(sql, "queued")
      const processId = yield* pid(sql)
      const running = yield* Effect.fork(sql`select pg_sleep(0.3), 'first' as answer`)
      yield* isRunning(processId, "pg_sleep(0.3)")
      const queued = yield* Effect.fork(sql`insert into queued values (1) returning 'second'`)
      const last = yield* Effect.fork(sql`select 'third' as answer`)
      yield* until("all have it", Effect.map(sql.pool.stats, ({ leases }) => leases === 3))
      const [time] = yield* Effect.timed(Fiber.interrupt(queued))
      expect(Duration.toMillis(time)).toBeLessThan(200)
      expect(yield* Fiber.join(running)).toMatchObject([{ answer: "first" }])
      expect(yield* Fiber.join(last)).toEqual([{ answer: "third" }])
      expect(yield* rowsOf(sql, "queued")).toEqual([1])
    }))

  it.scoped("statements that are all interrupted are all cancelled, and the connection is used again", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const processId = yield* pid(sql)
      const fibers = yield* Effect.fork(all(5, () => sql`select pg_sleep(600)`))
      yield* isRunning(processId, "pg_sleep")
      yield* until("all have it", Effect.map(sql.pool.stats, ({ leases }) => leases === 5))
      const [time] = yield* Effect.timed(Fiber.interrupt(fibers))
      expect(Duration.toMillis(time)).toBeLessThan(200)
      expect(yield* pid(sql)).toBe(processId)
    }))

  it.scoped("a connection that still has an interrupted statement takes nobody new until that has settled", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const processId = yield* pid(sql)
      const first = yield* Effect.fork(sql`select pg_sleep(0.3), 'first' as answer`)
      yield* isRunning(processId, "first")
      const left = yield* Effect.fork(sql`select pg_sleep(600)`)
      yield* until("both are on it", Effect.map(sql.pool.stats, ({ leases }) => leases === 2))
      yield* Fiber.interrupt(left)
      const next = yield* Effect.fork(pid(sql))
      yield* until("it waits", Effect.map(sql.pool.stats, ({ waiting }) => waiting === 1))
      expect(yield* Fiber.join(first)).toMatchObject([{ answer: "first" }])
      // What was left is cancelled once nobody waits for another one.
      expect(yield* Fiber.join(next)).toBe(processId)
    }))

  it.scoped(
    "interruptions at any time give nobody another one's answer, nor another one's cancel",
    () =>
      Effect.gen(function*() {
        const sql = yield* client({ maxSize: 3 })
        let answered = 0
        yield* all(60, (fiber) =>
          Effect.gen(function*() {
            for (let round = 0; round < 20; round++) {
              const key = fiber * 100 + round
              const ask = sql<{ key: number }>`select pg_sleep(${(key % 4) / 1000}), ${key}::int as key`
              const rows = yield* key % 3 === 0 ? Effect.timeoutOption(ask, key % 11) : Effect.asSome(ask)
              if (rows._tag === "None") continue
              answered++
              expect(rows.value[0]!.key).toBe(key)
            }
          }))
        expect(answered).toBeGreaterThanOrEqual(800)
        yield* until("it is at rest", Effect.map(sql.pool.stats, ({ leased, resetting }) => leased + resetting === 0))
        expect(yield* sql.pool.stats).toMatchObject({ opened: 3, closed: 0 })
      }),
    30_000
  )

  it.scoped("rows are streamed while others are sent, each over connections of the same pool", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 2 })
      const [sums, answers] = yield* Effect.all([
        all(
          4,
          () =>
            Stream.runFold(
              sql<{ n: number }>`select n from generate_series(1, 1000) n`.stream,
              0,
              (sum, { n }) => sum + n
            )
        ),
        all(200, (n) => sql`select ${n}::int as n`)
      ], { concurrency: 2 })
      expect(sums).toEqual(Array.from({ length: 4 }, () => 500_500))
      answers.forEach((rows, n) => expect(rows).toEqual([{ n }]))
      expect((yield* sql.pool.stats).opened).toBeLessThanOrEqual(2)
    }))

  it.scoped("a stream that nobody reads on keeps nobody else waiting", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 2 })
      const next = yield* Stream.toPull(sql<{ n: number }>`select n from generate_series(1, 1000) n`.stream)
      yield* next
      const answers = yield* all(100, (n) => sql`select ${n}::int as n`)
      answers.forEach((rows, n) => expect(rows).toEqual([{ n }]))
      expect(Chunk.size(yield* next)).toBe(128)
    }))

  it.scoped("a connection that is lost fails all that were on it, and says whether each may have run", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const server = yield* Postgres
      const processId = yield* pid(sql)
      const first = yield* Effect.fork(failure(sql`select pg_sleep(600)`))
      yield* isRunning(processId, "pg_sleep")
      const sent = yield* Effect.fork(all(49, (n) => failure(sql`select ${n}::int as n`)))
      yield* until("all are on it", Effect.map(sql.pool.stats, ({ leases }) => leases === 50))
      // One that is not plain waits on this side.
      const unsent = yield* Effect.fork(failure(sql.unsafe("select 1; select 2")))
      yield* until("it waits", Effect.map(sql.pool.stats, ({ waiting }) => waiting === 1))
      yield* server.terminateBackend(processId)
      const lost = { _tag: "PgQueryError", reason: "ConnectionLost", sqlState: "57P01", mayHaveRun: true }
      expect(yield* Fiber.join(first)).toMatchObject(lost)
      for (const error of yield* Fiber.join(sent)) expect(error).toMatchObject(lost)
      // It was not on it, and has the next connection.
      expect((yield* Effect.exit(Fiber.join(unsent)))._tag).toBe("Failure")
      expect(yield* pid(sql)).not.toBe(processId)
    }))

  it.scoped("a connection that is invalidated while many are on it serves them, takes nobody else, and is closed", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const processId = yield* pid(sql)
      const answers = yield* Effect.fork(all(20, (n) => sql`select pg_sleep(0.01), ${n}::int as n`))
      yield* isRunning(processId, "pg_sleep")
      yield* sql.pool.use((connection) => sql.pool.invalidate(connection))
      expect(yield* pid(sql)).not.toBe(processId)
      expect(yield* Fiber.join(answers)).toMatchObject(Array.from({ length: 20 }, (_, n) => [{ n }]))
    }))

  it.scoped("what is heard on a channel is heard as ever", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      const heard = yield* Effect.fork(Stream.runHead(sql.listen("pipelined")))
      yield* until(
        "it is heard",
        Effect.zipRight(sql.notify("pipelined", "hello"), Effect.map(Fiber.poll(heard), Option.isSome))
      )
      expect(yield* Fiber.join(heard)).toMatchObject({ value: "hello" })
    }))
})
