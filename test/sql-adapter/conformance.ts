/** What every SQL client here must do, whatever the database. Each adapter runs all of it. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import type { TransactionOptions } from "@cenote/sql-adapter/SqlTransaction"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Vitest } from "@effect/vitest"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as String from "effect/String"
import { until } from "./harness.js"

export interface Client extends SqlClient.SqlClient {
  readonly pool: ConnectionPool<any, any>
  readonly transaction: (
    options: TransactionOptions
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
}

export interface Options extends Tuning {
  readonly transformResultNames?: (name: string) => string
  readonly transformQueryNames?: (name: string) => string
}

/** A database that the suite is run on. */
export interface Subject<R> {
  readonly make: (options?: Options) => Effect.Effect<Client, unknown, Scope.Scope | Reactivity.Reactivity | R>
  /** A statement that takes at least ten seconds. */
  readonly slow: string
  /** Whether the server is running `slow` for anybody. */
  readonly isRunningSlow: Effect.Effect<boolean, unknown, R>
  /** How many sessions of these clients the server knows of. */
  readonly sessions: Effect.Effect<number, unknown, R>
  /** Ends the sessions of a client from outside: nothing that it has will work. */
  readonly killSessions: Effect.Effect<unknown, unknown, R>
  /** The rows 1 to n, in a column n. */
  readonly series: (n: number) => string
}

let tables = 0

/** A table that nobody else uses. */
const table = (sql: SqlClient.SqlClient) =>
  Effect.gen(function*() {
    const name = `conformance_${tables++}`
    yield* sql`drop table if exists ${sql(name)}`
    yield* sql`create table ${sql(name)} (id integer primary key, some_text varchar(100))`
    yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table if exists ${sql(name)}`))
    return name
  })

const ids = (sql: SqlClient.SqlClient, name: string) =>
  Effect.map(sql<{ id: number }>`select id from ${sql(name)} order by id`, (rows) => rows.map(({ id }) => Number(id)))

const insert = (sql: SqlClient.SqlClient, name: string, id: number) =>
  sql`insert into ${sql(name)} ${sql.insert({ id, some_text: `row ${id}` })}`

const causeOf = <E>(exit: Exit.Exit<unknown, E>): unknown =>
  Exit.isFailure(exit) ? (Cause.squash(exit.cause) as SqlError).cause : undefined

const tagOf = <E>(exit: Exit.Exit<unknown, E>): unknown =>
  (causeOf(exit) as { readonly _tag?: string } | undefined)?._tag

/** Nobody has a connection any more, and nothing is being done with one. */
const rests = ({ pool }: Client) =>
  until(
    "the pool is at rest",
    Effect.map(pool.stats, ({ checking, closing, leased, opening, resetting, waiting }) =>
      checking + closing + leased + opening + resetting + waiting === 0)
  )

export const conformance = <R>(
  it: Vitest.MethodsNonLive<R, boolean>,
  { isRunningSlow, killSessions, make, series, sessions, slow }: Subject<R>
): void => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Reactivity.Reactivity | R>) =>
    it.scoped(name, () => Effect.provide(run, Reactivity.layer) as Effect.Effect<unknown, unknown, Scope.Scope | R>)

  test(
    "builds statements with the helpers of @effect/sql",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql`insert into ${sql(name)} ${sql.insert([{ id: 1, some_text: "a" }, { id: 2, some_text: "b" }])}`
      yield* insert(sql, name, 3)
      yield* sql`update ${sql(name)} set ${sql.update({ some_text: "c" })} where id = ${2}`
      const rows = yield* sql`select id, some_text from ${sql(name)} where ${
        sql.and([sql`id > ${1}`, sql.in("id", [1, 2, 3])])
      } order by id`
      expect(rows.map((row) => ({ ...row }))).toEqual([{ id: 2, some_text: "c" }, { id: 3, some_text: "row 3" }])
    })
  )

  test(
    "gives values as arrays, and what the driver answered",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* insert(sql, name, 1)
      expect(yield* sql`select id, some_text from ${sql(name)}`.values).toEqual([[1, "row 1"]])
      expect(yield* sql`select id from ${sql(name)}`.unprepared).toEqual([{ id: 1 }])
      expect(yield* sql`select id from ${sql(name)}`.raw).toBeTypeOf("object")
    })
  )

  test(
    "transforms names in both directions, unless it is told not to",
    Effect.gen(function*() {
      const sql = yield* make({
        transformQueryNames: String.camelToSnake,
        transformResultNames: String.snakeToCamel
      })
      const name = yield* table(sql.withoutTransforms())
      yield* sql`insert into ${sql(name)} ${sql.insert({ id: 1, someText: "a" })}`
      expect(yield* sql`select * from ${sql(name)}`).toEqual([{ id: 1, someText: "a" }])
      expect(yield* sql`select * from ${sql(name)}`.withoutTransform).toEqual([{ id: 1, some_text: "a" }])
      const plain = sql.withoutTransforms()
      expect(yield* plain`select some_text from ${plain(name)}`).toEqual([{ some_text: "a" }])
      expect([...(yield* Stream.runCollect(sql`select some_text from ${sql(name)}`.stream))]).toEqual([{
        someText: "a"
      }])
    })
  )

  test(
    "fails with a SqlError that has the driver's error in it, and the connection stays good",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const exit = yield* Effect.exit(sql`select nonsense from nowhere`)
      expect((Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as SqlError)._tag).toBe("SqlError")
      expect(tagOf(exit)).toMatch(/QueryError$/)
      yield* sql`select 1`
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "commits what succeeds and rolls back what fails, dies or is interrupted",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(insert(sql, name, 1))
      const failed = yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 2), Effect.fail("no"))))
      expect(failed).toEqual(Exit.fail("no"))
      yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 3), Effect.die("no"))))
      const inside = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        sql.withTransaction(
          insert(sql, name, 4).pipe(
            Effect.zipRight(Deferred.succeed(inside, undefined)),
            Effect.zipRight(Effect.never)
          )
        )
      )
      yield* Deferred.await(inside)
      yield* Fiber.interrupt(fiber)
      yield* rests(sql)
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    "rolls back a nested transaction that fails, and commits the one around it",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 2), Effect.fail("no"))))
        yield* sql.withTransaction(insert(sql, name, 3))
        yield* Effect.exit(
          sql.withTransaction(Effect.zipRight(sql.withTransaction(insert(sql, name, 4)), Effect.fail("no")))
        )
      }))
      expect(yield* ids(sql, name)).toEqual([1, 3])
    })
  )

  test(
    "S6: nested transactions of one transaction that run at the same time end each for itself",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(
        Effect.forEach(Array.from({ length: 8 }, (_, id) => id), (id) =>
          Effect.exit(sql.withTransaction(
            insert(sql, name, id).pipe(
              Effect.zipRight(Effect.yieldNow()),
              Effect.zipRight(id % 2 === 0 ? Effect.void : Effect.fail("no"))
            )
          )), { concurrency: "unbounded" })
      )
      expect(yield* ids(sql, name)).toEqual([0, 2, 4, 6])
    })
  )

  test(
    "statements beside a nested transaction wait until it has ended, and are not rolled back with it",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        const nested = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(sql.withTransaction(
          Deferred.succeed(nested, undefined).pipe(
            Effect.zipRight(Effect.yieldNow()),
            Effect.zipRight(insert(sql, name, 1)),
            Effect.zipRight(Effect.fail("no"))
          )
        ))
        yield* Deferred.await(nested)
        yield* insert(sql, name, 2)
        expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("no"))
      }))
      expect(yield* ids(sql, name)).toEqual([2])
    })
  )

  test(
    "an interrupted nested transaction is undone, and the one around it goes on",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        const inside = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(sql.withTransaction(
          insert(sql, name, 2).pipe(
            Effect.zipRight(Deferred.succeed(inside, undefined)),
            Effect.zipRight(sql.unsafe(slow))
          )
        ))
        yield* Deferred.await(inside)
        yield* Fiber.interrupt(fiber)
        yield* insert(sql, name, 3)
      }))
      expect(yield* ids(sql, name)).toEqual([1, 3])
    })
  )

  test(
    "S7: a daemon that outlives its transaction is told so",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const go = yield* Deferred.make<void>()
      const daemon = yield* sql.withTransaction(
        Effect.zipRight(
          insert(sql, name, 1),
          Effect.forkDaemon(Effect.zipRight(Deferred.await(go), insert(sql, name, 2)))
        )
      )
      yield* Deferred.succeed(go, undefined)
      expect(tagOf(yield* Fiber.await(daemon))).toBe("TransactionEnded")
      const nested = yield* sql.withTransaction(Effect.forkDaemon(
        Effect.zipRight(Effect.yieldNow(), Effect.exit(sql.withTransaction(insert(sql, name, 3))))
      ))
      const exit = yield* Fiber.join(nested)
      expect([undefined, "TransactionEnded"]).toContain(tagOf(exit))
      expect(yield* ids(sql, name)).toEqual(Exit.isSuccess(exit) ? [1, 3] : [1])
    })
  )

  test(
    "S5: a client's statements inside another client's transaction are not in it",
    Effect.gen(function*() {
      const a = yield* make()
      const b = yield* make()
      const name = yield* table(a)
      yield* Effect.exit(a.withTransaction(Effect.gen(function*() {
        expect(yield* ids(b, name)).toEqual([])
        yield* insert(a, name, 1)
        expect(yield* ids(b, name)).toEqual([])
        expect(yield* ids(a, name)).toEqual([1])
        // Inside of both, each finds its own.
        yield* b.withTransaction(Effect.gen(function*() {
          expect(yield* ids(a, name)).toEqual([1])
          expect(yield* ids(b, name)).toEqual([])
        }))
        return yield* Effect.fail("no")
      })))
      expect(yield* ids(b, name)).toEqual([])
    })
  )

  test(
    "S5: another library's client is refused inside of a transaction, instead of running on its connection",
    Effect.gen(function*() {
      const sql = yield* make()
      const foreign = yield* SqlClient.make({
        acquirer: Effect.dieMessage("It has no connection of its own"),
        compiler: (yield* Effect.succeed(sql`select 1` as unknown as { compiler: any })).compiler,
        spanAttributes: []
      })
      const exit = yield* Effect.exit(sql.withTransaction(foreign`select 1`))
      expect(tagOf(exit)).toBe("ForeignTransaction")
    })
  )

  test(
    "S2: a transaction that waits for a connection can be interrupted",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        sql.withTransaction(Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
      )
      yield* Deferred.await(held)
      const result = yield* sql.withTransaction(Effect.succeed("got one")).pipe(Effect.timeoutOption(50))
      expect(result._tag).toBe("None")
      expect((yield* sql.pool.stats).waiting).toBe(0)
      yield* Fiber.interrupt(holder)
      expect(yield* sql.withTransaction(Effect.succeed("got one"))).toBe("got one")
    })
  )

  test(
    "S1: a reservation that is interrupted leaks nothing, wherever it is",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 2 })
      for (let i = 0; i < 40; i++) {
        const fiber = yield* Effect.fork(Effect.scoped(Effect.zipRight(sql.reserve, Effect.yieldNow())))
        for (let yields = 0; yields < i % 10; yields++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
      }
      yield* rests(sql)
      const connection = yield* Effect.scoped(
        Effect.tap(sql.reserve, (connection) => connection.execute("select 1", [], undefined))
      )
      // It is somebody else's now.
      expect(tagOf(yield* Effect.exit(connection.execute("select 1", [], undefined)))).toBe("TransactionEnded")
    })
  )

  test(
    "S4: BEGIN on a dead connection is a typed failure, and the next transaction has a new connection",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1, checkAfterIdle: "1 hour" })
      yield* sql`select 1`
      const exit = yield* sql.withTransaction(Effect.zipRight(killSessions, sql`select 1`)).pipe(Effect.exit)
      expect(Exit.isFailure(exit)).toBe(true)
      expect((Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as SqlError)._tag).toBe("SqlError")
      expect(yield* sql.withTransaction(Effect.succeed(1))).toBe(1)
    })
  )

  test(
    "a statement that is interrupted is stopped, and its connection is used again",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const fiber = yield* Effect.fork(sql.unsafe(slow))
      yield* until("it runs", isRunningSlow)
      yield* Fiber.interrupt(fiber)
      yield* sql`select 1`
      yield* until("it was stopped", Effect.map(isRunningSlow, (running) => !running))
      yield* rests(sql)
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "streams any number of rows, and gives the connection back when the stream has ended",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const sum = yield* Stream.runFold(
        sql.unsafe<{ n: number }>(series(5000)).stream,
        0,
        (sum, { n }) => sum + Number(n)
      )
      expect(sum).toBe(5000 * 5001 / 2)
      yield* sql`select 1`
    })
  )

  test(
    "a stream that is cut short gives the connection back, and stops the server",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      for (let i = 0; i < 5; i++) {
        const rows = yield* Stream.runCollect(Stream.take(sql.unsafe<{ n: number }>(series(1_000_000)).stream, 3))
        expect([...rows].map(({ n }) => Number(n))).toEqual([1, 2, 3])
      }
      yield* sql`select 1`
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "a stream that fails at its start or is interrupted leaves the connection good",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const failed = yield* Effect.exit(Stream.runDrain(sql`select nonsense from nowhere`.stream))
      expect(tagOf(failed)).toMatch(/QueryError$/)
      const fiber = yield* Effect.fork(Stream.runDrain(sql.unsafe(slow).stream))
      yield* until("it runs", isRunningSlow)
      yield* Fiber.interrupt(fiber)
      yield* sql`select 1`
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "a stream in a transaction has the turn: other statements of it come after",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        const order: Array<string> = []
        const first = yield* Deferred.make<void>()
        const beside = yield* Effect.fork(
          Deferred.await(first).pipe(
            Effect.zipRight(insert(sql, name, 1)),
            Effect.zipRight(Effect.sync(() => order.push("statement")))
          )
        )
        yield* sql.unsafe(series(2000)).stream.pipe(
          Stream.tap(() => Deferred.succeed(first, undefined)),
          Stream.runDrain
        )
        order.push("stream")
        yield* Fiber.join(beside)
        expect(order).toEqual(["stream", "statement"])
      }))
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    "comes back after an outage without help",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 4 })
      yield* Effect.all(Array.from({ length: 4 }, () => sql`select 1`), { concurrency: "unbounded" })
      yield* killSessions
      yield* Effect.retry(sql`select 1`, { times: 5 })
      yield* rests(sql)
    })
  )

  test(
    "a storm of statements, transactions and streams with interruptions leaves nothing behind",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 4 })
      const name = yield* table(sql)
      let written = 0
      const one = (id: number) =>
        Effect.gen(function*() {
          const kind = yield* Random.nextIntBetween(0, 4)
          switch (kind) {
            case 0:
              return yield* sql`select ${id} as n`
            case 1:
              return yield* Stream.runDrain(Stream.take(sql.unsafe(series(1000)).stream, 10))
            case 2:
              return yield* Effect.exit(
                sql.withTransaction(Effect.zipRight(insert(sql, name, id), Effect.fail("no")))
              )
            default:
              yield* sql.withTransaction(Effect.zipRight(insert(sql, name, id), sql.withTransaction(sql`select 1`)))
              written++
          }
        })
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, id) => id),
        (id) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(one(id))
            if (id % 3 === 0) {
              for (let yields = id % 40; yields > 0; yields--) yield* Effect.yieldNow()
              yield* Fiber.interrupt(fiber)
            } else {
              yield* Fiber.join(fiber)
            }
          }),
        { concurrency: 16, discard: true }
      ).pipe(Effect.withRandom(Random.make(7)))
      yield* rests(sql)
      // A COMMIT that was sent when its fiber was interrupted may have succeeded.
      expect((yield* ids(sql, name)).length).toBeGreaterThanOrEqual(written)
      const { idle } = yield* sql.pool.stats
      expect(idle).toBeLessThanOrEqual(4)
      yield* until("the server knows as many", Effect.map(sessions, (count) => count === idle))
    })
  )
}
