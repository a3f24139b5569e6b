/** SqlResolver: one statement for many requests, in the transaction of those who asked. */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { ResultLengthMismatch } from "@effect/sql/SqlError"
import * as SqlResolver from "@effect/sql/SqlResolver"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ids, insert, table, tagOf } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Dialect, Subject, Test } from "./subject.js"
import { atRest, recorded } from "./subject.js"

const Row = Schema.Struct({ id: Schema.Int, some_text: Schema.String })

/** Finds rows by their ids, with the client of whoever made the resolver. */
const finder = (name: string, withContext: boolean) => {
  const select = (ids: ReadonlyArray<number>) => (sql: SqlClient.SqlClient) =>
    sql<typeof Row.Encoded>`select id, some_text from ${sql(name)} where ${sql.in("id", ids)}`
  const options = { Id: Schema.Int, Result: Row, ResultId: ({ id }: typeof Row.Type) => id }
  return withContext
    ? SqlResolver.findById(`find in ${name}`, {
      ...options,
      withContext: true,
      execute: (ids) => Effect.flatMap(SqlClient.SqlClient, select(ids))
    })
    : Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => SqlResolver.findById(`find in ${name}`, { ...options, execute: (ids) => select(ids)(sql) })
    )
}

/** Does one thing for all requests of a batch. */
const writer = (
  tag: string,
  withContext: boolean,
  write: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, SqlError>
) =>
  withContext
    ? SqlResolver.void(tag, {
      Request: Schema.Int,
      withContext: true,
      execute: () => Effect.flatMap(SqlClient.SqlClient, write)
    })
    : Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => SqlResolver.void(tag, { Request: Schema.Int, execute: () => Effect.map(write(sql), () => []) })
    )

/** How many transactions there may be at the same time: SQLite has one writer. */
const writers = (dialect: Dialect) => dialect === "sqlite" ? 1 : 2

/** Two who wait for each other. */
const meeting = Effect.map(Deferred.make<void>(), (met) => {
  let waiting = 0
  return Effect.suspend(() => ++waiting === 2 ? Deferred.succeed(met, undefined) : Deferred.await(met))
})

/** All at once, in one statement where they may. */
const together = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded", batching: true })

const batched = <P, R>(test: Test<P, R>): void => {
  test(
    "SqlResolver: ordered, grouped, findById and void make one statement of many requests",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const write = yield* SqlResolver.void("write", {
        Request: Row,
        execute: (rows) => sql`insert into ${sql(name)} ${sql.insert(rows)}`
      })
      const nth = yield* SqlResolver.ordered("nth", {
        Request: Schema.Int,
        Result: Row,
        execute: (ids) => sql`select id, some_text from ${sql(name)} where ${sql.in("id", ids)} order by id`
      })
      const named = yield* SqlResolver.grouped("named", {
        Request: Schema.String,
        RequestGroupKey: (text) => text,
        Result: Row,
        ResultGroupKey: ({ some_text }) => some_text,
        execute: (texts) =>
          sql<typeof Row.Encoded>`select id, some_text from ${sql(name)} where ${
            sql.in("some_text", texts)
          } order by id`
      })
      const find = yield* finder(name, false)
      const row = (id: number, some_text: string) => ({ id, some_text })
      const rows = [row(1, "odd"), row(2, "even"), row(3, "odd")]

      const written = yield* recorded(together(rows.map(write.execute)))
      expect(written.texts.length).toBe(1)
      expect(yield* ids(sql, name)).toEqual([1, 2, 3])
      const ordered = yield* recorded(together([1, 2, 3].map(nth.execute)))
      expect(ordered).toMatchObject({ value: rows, texts: [expect.any(String)] })
      const grouped = yield* recorded(together(["odd", "even", "none"].map(named.execute)))
      expect(grouped).toMatchObject({ value: [[rows[0], rows[2]], [rows[1]], []], texts: [expect.any(String)] })
      const found = yield* recorded(together([3, 7, 1].map(find.execute)))
      expect(found.value).toEqual([Option.some(rows[2]), Option.none(), Option.some(rows[0])])
      expect(found.texts.length).toBe(1)
    })
  )

  test(
    "SqlResolver: a batch that fails fails each of its requests, and one that has too few rows says so",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      yield* insert(sql, name, 1)
      const nth = yield* SqlResolver.ordered("nth", {
        Request: Schema.Int,
        Result: Row,
        execute: (ids) => sql`select id, some_text from ${sql(name)} where ${sql.in("id", ids)}`
      })
      const broken = yield* SqlResolver.void("broken", {
        Request: Schema.Int,
        execute: () => sql`select nonsense from nowhere`
      })
      expect(yield* Effect.flip(together([1, 2].map(nth.execute)))).toEqual(
        new ResultLengthMismatch({ expected: 2, actual: 1 })
      )
      const exits = yield* together([1, 2].map((id) => Effect.exit(broken.execute(id))))
      expect(exits.map(tagOf)).toEqual([expect.stringMatching(/QueryError$/), expect.stringMatching(/QueryError$/)])
    })
  )
}

const inTransactions = <P, R>(
  test: Test<P, R>,
  { dialect, isRunningSlow, slow, stats }: Subject<P, R>,
  resolver: string,
  withContext: boolean
): void => {
  test(
    `${resolver}: a batch in a transaction is one statement that sees its rows, and a rollback leaves nothing`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const { execute } = yield* finder(name, withContext)
      const exit = yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        yield* insert(sql, name, 2)
        const { texts, value } = yield* recorded(together([1, 2, 3].map(execute)))
        expect(value.map(Option.isSome)).toEqual([true, true, false])
        expect(texts.length).toBe(1)
        // One by one as well.
        expect(Option.isSome(yield* execute(2))).toBe(true)
        return yield* Effect.fail("no")
      })))
      expect(exit).toMatchObject({ cause: { error: "no" } })
      expect((yield* together([1, 2].map(execute))).map(Option.isSome)).toEqual([false, false])
    })
  )

  test(
    `${resolver}: a batch in a nested transaction is rolled back with it, and the one around it goes on`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const { execute } = yield* finder(name, withContext)
      const seen = Effect.map(together([1, 2].map(execute)), (rows) => rows.map(Option.isSome))
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
          yield* insert(sql, name, 2)
          expect(yield* seen).toEqual([true, true])
          return yield* Effect.fail("no")
        })))
        expect(yield* seen).toEqual([true, false])
      }))
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    `${resolver}: requests in a transaction and beside it are two batches, and only the first sees its rows`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const { execute } = yield* finder(name, withContext)
      const seen = Effect.map(together([1, 2].map(execute)), (rows) => rows.map(Option.isSome))
      const looked = yield* Deferred.make<void>()
      const inside = sql.withTransaction(
        insert(sql, name, 1).pipe(Effect.zipRight(seen), Effect.zipLeft(Deferred.await(looked)))
      )
      const beside = Effect.zipLeft(seen, Deferred.succeed(looked, undefined))
      const { texts, value } = yield* recorded(together([inside, beside]))
      expect(value).toEqual([[true, false], [false, false]])
      expect(texts.filter((text) => text.startsWith("select")).length).toBe(2)
      expect(yield* seen).toEqual([true, false])
    })
  )

  if (writers(dialect) > 1) {
    test(
      `${resolver}: of two transactions at the same time, each sees its own rows`,
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const name = yield* table(sql)
        const { execute } = yield* finder(name, withContext)
        const seen = Effect.map(together([1, 2].map(execute)), (rows) => rows.map(Option.isSome))
        const transactions = Effect.gen(function*() {
          const written = yield* meeting
          const read = yield* meeting
          return [1, 2].map((id) =>
            sql.withTransaction(
              insert(sql, name, id).pipe(
                Effect.zipRight(written),
                Effect.zipRight(seen),
                Effect.zipLeft(read)
              )
            )
          )
        })
        const theirs = [[true, false], [false, true]]
        expect(yield* Effect.all(yield* transactions, { concurrency: 2 })).toEqual(theirs)
        yield* sql`delete from ${sql(name)}`
        // Batched themselves: each waits with its connection until the other one has asked as well.
        expect(yield* together(yield* transactions)).toEqual(theirs)
        expect(yield* seen).toEqual([true, true])
      })
    )
  }

  test(
    `${resolver}: a request in a transaction that is interrupted is stopped`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const { execute } = yield* writer("wait", withContext, (sql) => sql.unsafe(slow))
      const fiber = yield* Effect.fork(sql.withTransaction(Effect.zipRight(insert(sql, name, 1), execute(1))))
      yield* until("it runs", isRunningSlow)
      yield* Fiber.interrupt(fiber)
      yield* until("it was stopped", Effect.map(isRunningSlow, (running) => !running))
      expect(yield* ids(sql, name)).toEqual([])
    })
  )

  test(
    `${resolver}: transactions that are interrupted while they wait for a batch give their connections back`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const asked = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      yield* Effect.addFinalizer(() => Deferred.succeed(go, undefined))
      const { execute } = yield* writer(
        "wait",
        withContext,
        (sql) =>
          sql`select 1`.pipe(Effect.zipRight(Deferred.succeed(asked, undefined)), Effect.zipRight(Deferred.await(go)))
      )
      // Each waits with its connection until all of them have asked.
      const count = writers(dialect)
      const transactions = Array.from({ length: count }, () => sql.withTransaction(together([execute(1), execute(2)])))
      const fiber = yield* Effect.fork(together([...transactions, together([execute(3)])]))
      yield* Deferred.await(asked)
      expect((yield* stats).leased).toBeGreaterThanOrEqual(count)
      // Effect lets a batch end before those who wait for it are interrupted.
      const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Deferred.succeed(go, undefined)
      expect(Exit.isInterrupted(yield* Fiber.join(interruption))).toBe(true)
      yield* atRest(stats)
    })
  )

  test(
    `${resolver}: what was made in a transaction does not reach into another one`,
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const name = yield* table(sql)
      const { execute } = yield* sql.withTransaction(finder(name, withContext))
      const exit = yield* Effect.exit(execute(1))
      // With a context of its own, it has the transaction that it was made in.
      expect(tagOf(exit)).toBe(withContext ? "TransactionEnded" : undefined)
      yield* sql.withTransaction(
        Effect.gen(function*() {
          yield* insert(sql, name, 1)
          expect(Option.isSome(yield* execute(1))).toBe(true)
        })
      )
    })
  )
}

export const resolvers = <P, R>(test: Test<P, R>, subject: Subject<P, R>): void => {
  batched(test)
  inTransactions(test, subject, "SqlResolver", false)
  inTransactions(test, subject, "SqlResolver with a context of its own", true)
}
