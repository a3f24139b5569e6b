import type { SqlError } from "@effect/sql/SqlError"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { isRunning, until } from "./harness.js"
import { all, pid, pipelined as client } from "./pgClientHarness.js"

const causeOf = <A>(answer: Either.Either<A, SqlError>) =>
  Either.isLeft(answer) ? answer.left.cause as Record<string, unknown> : undefined

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("In a pipelined PgPool", (it) => {
  it.scoped("a transaction among 100 fibers that share has its connection to itself, and takes nothing of theirs back", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 2 })
      const server = yield* Postgres
      yield* server.query("create table among (n int primary key, by text, xid text, pid int)")
      const insert = (n: number, by: string) =>
        sql`insert into among values (${n}, ${by}, pg_current_xact_id()::text, pg_backend_pid())`
      const plain = yield* Effect.fork(
        all(
          100,
          (fiber) => Effect.forEach([0, 1, 2, 3, 4], (round) => insert(fiber * 10 + round, "plain"), { discard: true })
        )
      )
      const transactions = yield* all(6, (n) =>
        Effect.either(sql.withTransaction(Effect.gen(function*() {
          for (let round = 0; round < 5; round++) yield* insert(10_000 + n * 10 + round, `transaction ${n}`)
          const mine = yield* sql`select distinct xid, pid from among where by = ${`transaction ${n}`}`
          expect(mine).toHaveLength(1)
          if (n % 2 === 1) yield* Effect.fail("roll back")
        }))))
      yield* Fiber.join(plain)
      expect(transactions.map(Either.isRight)).toEqual([true, false, true, false, true, false])
      const byWhom = yield* server.query(
        "select by, count(*)::int n, count(distinct xid)::int xids from among group by by order by by"
      )
      expect(byWhom).toEqual([
        { by: "plain", n: 500, xids: 500 },
        ...[0, 2, 4].map((n) => ({ by: `transaction ${n}`, n: 5, xids: 1 }))
      ])
    }))

  it.scoped("what changes the session has a connection to itself: BEGIN in a statement undoes nothing of others", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      yield* (yield* Postgres).query("create table unbegun (n int primary key)")
      yield* all(60, (n) =>
        n % 20 === 7
          ? sql.unsafe("begin")
          : n % 20 === 9
          ? sql.unsafe("set statement_timeout = '10min'; select 1")
          : sql`insert into unbegun values (${n})`)
      expect(yield* sql`select count(*)::int n from unbegun`).toEqual([{ n: 54 }])
    }))

  it.scoped("the server never has more than maxSize sessions, whatever becomes of them", () =>
    Effect.gen(function*() {
      const applicationName = "bounded"
      const sql = yield* client({ maxSize: 3, maxConnecting: 3, connection: { applicationName } })
      const server = yield* Postgres
      const sessions = Effect.map(
        server.query("select pid from pg_stat_activity where application_name = $1", [applicationName]),
        (rows) => rows.map(({ pid }) => Number(pid))
      )
      let most = 0
      const watched = yield* Effect.fork(Effect.forever(Effect.map(sessions, ({ length }) => {
        most = Math.max(most, length)
      })))
      yield* all(100, (fiber) =>
        Effect.forEach([0, 1, 2, 3, 4, 5], (round) => {
          switch ((fiber + round) % 25) {
            case 0:
              return sql.pool.use((connection) => sql.pool.invalidate(connection))
            case 5:
              return Effect.flatMap(pid(sql), server.terminateBackend).pipe(Effect.ignore)
            case 10:
              return Effect.ignore(sql.withTransaction(sql`select pg_sleep(0.002)`))
            case 15:
              return Effect.timeoutOption(Effect.ignore(sql`select pg_sleep(0.01)`), 5)
            default:
              return Effect.ignore(sql`select pg_sleep(0.001), ${fiber}::int`)
          }
        }, { discard: true }))
      yield* Fiber.interrupt(watched)
      expect(most).toBeGreaterThan(0)
      expect(most).toBeLessThanOrEqual(3)
      yield* until("it is at rest", Effect.map(sql.pool.stats, ({ leases }) => leases === 0))
      expect(yield* sql`select 1 as one`).toEqual([{ one: 1 }])
    }), 30_000)

  it.scoped("prepared statements are prepared once, and no more of them are kept than is said", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1, connection: { preparedStatements: 5 } })
      for (let round = 0; round < 5; round++) {
        const answers = yield* all(100, (n) => sql.unsafe(`select $1::int as n, ${n % (round + 4)} as text`, [n]))
        answers.forEach((rows, n) => expect(rows).toEqual([{ n, text: n % (round + 4) }]))
      }
      const prepared = yield* sql.unsafe("select count(*)::int n from pg_prepared_statements").unprepared
      expect((prepared as ReadonlyArray<{ n: number }>)[0]!.n).toBeLessThanOrEqual(5)
    }))

  it.scoped("a statement that cannot be prepared gives each that asks for it the same error", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1, connection: { preparedStatements: 5 } })
      const answers = yield* all(30, (n) => Effect.either(sql`select ${n}::int as n from not_there`))
      for (const answer of answers) expect(causeOf(answer)).toMatchObject({ sqlState: "42P01" })
      yield* (yield* Postgres).query("create table not_there ()")
      expect(yield* sql`select ${1}::int as n from not_there`).toEqual([])
    }))

  it.scoped("one whose preparing is ended by the server does not end those that ask for the same", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      yield* server.query("create table locked (n int)")
      const sql = yield* client({ maxSize: 1, connection: { preparedStatements: 5, statementTimeout: "300 millis" } })
      const other = yield* client({ pipeline: false })
      const processId = yield* pid(sql)
      const answers = yield* other.withTransaction(Effect.gen(function*() {
        yield* other`lock table locked`
        const first = yield* Effect.fork(Effect.either(sql`select ${1}::int as n from locked`))
        yield* isRunning(processId, "locked")
        const same = yield* Effect.fork(all(5, (n) => Effect.either(sql`select ${n}::int as n from locked`)))
        yield* until("all are on it", Effect.map(sql.pool.stats, ({ leases }) => leases === 6))
        expect(causeOf(yield* Fiber.join(first))).toMatchObject({ sqlState: "57014" })
        return same
      }))
      for (const answer of yield* Fiber.join(answers)) {
        if (Either.isLeft(answer)) expect(causeOf(answer)).toMatchObject({ sqlState: "57014" })
        else expect(answer.right).toEqual([])
      }
      expect(yield* sql`select ${1}::int as n from locked`).toEqual([])
    }))

  it.scoped("the server's timeout ends one statement, and many short ones do not add up to it", () =>
    Effect.gen(function*() {
      const connection = { statementTimeout: "150 millis", cancelTimeout: "150 millis" } as const
      const sql = yield* client({ maxSize: 1, connection })
      const answers = yield* all(
        12,
        (n) => Effect.either(n === 3 ? sql`select pg_sleep(600)` : sql`select pg_sleep(0.08), ${n}::int as n`)
      )
      answers.forEach((answer, n) => {
        if (n === 3) expect(causeOf(answer)).toMatchObject({ sqlState: "57014", reason: "Server" })
        else expect(answer).toMatchObject({ right: [{ n }] })
      })
      expect(yield* sql.pool.stats).toMatchObject({ opened: 1, closed: 0 })
    }))

  it.scoped("all that a server was sent that cannot be reached any more fail, where statements are bounded", () =>
    Effect.gen(function*() {
      const { host, port, setMode } = yield* Proxy.make(yield* Postgres)
      const connection = { host, port, statementTimeout: "100 millis", cancelTimeout: "100 millis" } as const
      const sql = yield* client({ maxSize: 1, connection })
      yield* pid(sql)
      setMode(Proxy.blackHole)
      const answers = yield* all(20, () => Effect.either(sql`select 1`))
      for (const answer of answers) {
        expect(causeOf(answer)).toMatchObject({ reason: "ConnectionLost", mayHaveRun: true })
      }
    }))
})
