import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { until } from "./harness.js"
import { handlesOf, isIdle, isRunning, look, newFile, shop, slowRead, slowWrite } from "./sqliteHarness.js"

type Pool = ConnectionPool.ConnectionPool<SqliteConnector.SqliteConnection, SqliteConnector.SqliteConnectError>

const makePool = (filename: string, tuning: PoolOptions.Tuning = {}, options: object = {}) =>
  ConnectionPool.make({
    ...tuning,
    startup: "lazy",
    connector: SqliteConnector.make({ filename, ...options })
  })

const one = (pool: Pool) => pool.use((connection) => connection.query("select 1 as one"))

const rests = (pool: Pool, size: number) =>
  until(`${size} are idle`, Effect.map(pool.stats, (stats) => stats.idle === size && stats.leased === 0))

it.scopedLive(
  "A pool keeps the connection of an interrupted statement, and hands it out when that has ended",
  () =>
    Effect.gen(function*() {
      const { filename } = yield* shop()
      const pool = yield* makePool(filename, { maxSize: 1 })
      const first = yield* pool.use(Effect.succeed)
      for (let round = 0; round < 40; round++) {
        yield* Effect.timeoutOption(pool.use((connection) => connection.query(slowRead)), round % 8)
        const answer = yield* pool.use((connection) =>
          Effect.map(connection.query("select ? as round", [round]), ({ rows }) => ({ connection, rows }))
        )
        expect(answer.connection).toBe(first)
        expect(answer.rows).toEqual([{ round }])
      }
    }),
  30_000
)

it.scopedLive("A pool does not keep an interrupted caller waiting", () =>
  Effect.gen(function*() {
    const { filename } = yield* shop()
    const pool = yield* makePool(filename, { maxSize: 1 })
    const fiber = yield* Effect.fork(pool.use((connection) => connection.query(slowWrite)))
    yield* isRunning(filename)
    const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
    expect(Duration.toMillis(time)).toBeLessThan(500)
    expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    yield* rests(pool, 1)
    expect((yield* pool.stats).opened).toBe(1)
  }))

it.scopedLive("A pool resets a connection that comes back with an open transaction or an open stream", () =>
  Effect.gen(function*() {
    const { filename } = yield* shop()
    const pool = yield* makePool(filename, { maxSize: 1 })
    yield* pool.use((connection) =>
      Effect.zipRight(connection.query("begin immediate"), connection.query("insert into item values (1)"))
    )
    expect((yield* pool.use(({ query }) => query("select count(*) as n from item"))).rows).toEqual([{ n: 0 }])
    yield* pool.use(({ query }) => query("insert into item select value from generate_series(1, 100)"))
    const stream = yield* pool.use((connection) =>
      Effect.forkDaemon(Effect.exit(Stream.runForEach(connection.stream("select n from item"), () => Effect.never)))
    )
    expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    yield* Fiber.interrupt(stream)
    yield* rests(pool, 1)
    expect((yield* pool.stats).opened).toBe(1)
  }))

it.scopedLive(
  "A pool gives each of 300 callers its own answer, whoever is interrupted beside it, and keeps within maxSize",
  () =>
    Effect.gen(function*() {
      const { filename } = yield* shop()
      const pool = yield* makePool(filename, { maxSize: 4 }, { busyTimeout: "30 seconds" })
      let most = 0
      let written = 0
      const job = (n: number) =>
        pool.use((connection) => {
          switch (n % 4) {
            case 0:
              return Effect.map(
                connection.query<{ n: number }>("select ? as n, count(*) from generate_series(1, 20000)", [n]),
                ({ rows }) => rows[0]!.n
              )
            case 1:
              return Effect.map(
                Stream.runCollect(
                  Stream.take(connection.stream("select ? as n, value from generate_series(1, 1000)", [n]), 200)
                ),
                (rows) => ([...rows][199] as { n: number }).n
              )
            case 2:
              return connection.withTransaction(Effect.zipRight(
                connection.query("insert into item values (?)", [-n]),
                Effect.fail("no")
              )).pipe(Effect.catchAll((error) => error === "no" ? Effect.succeed(n) : Effect.fail(error)))
            default:
              return Effect.tap(
                connection.withTransaction(Effect.as(connection.query("insert into item values (?)", [n]), n)),
                () => Effect.sync(() => written++)
              )
          }
        })
      const watch = yield* Effect.fork(Effect.forever(Effect.flatMap(pool.stats, (stats) => {
        most = Math.max(most, stats.opening + stats.idle + stats.leased + stats.resetting + stats.closing)
        return Effect.sleep(1)
      })))
      const exits = yield* Effect.forEach(
        Array.from({ length: 300 }, (_, n) => n),
        (n) =>
          Effect.flatMap(Random.nextIntBetween(0, 60), (millis) =>
            Effect.exit(n % 3 === 0 ? Effect.timeoutOption(job(n), millis) : Effect.asSome(job(n)))),
        { concurrency: "unbounded" }
      )
      yield* Fiber.interrupt(watch)
      for (const [n, exit] of exits.entries()) {
        if (Exit.isFailure(exit)) {
          return expect.unreachable(String(exit.cause))
        }
        if (exit.value._tag === "Some") {
          expect(exit.value.value).toBe(n)
        } else expect(n % 3).toBe(0)
      }
      expect(most).toBeLessThanOrEqual(4)
      const { opened } = yield* pool.stats
      // None was lost to an interruption.
      expect(opened).toBeLessThanOrEqual(4)
      yield* rests(pool, opened)
      yield* isIdle(filename)
      const rows = look(filename, "select min(n) as least, count(*) as n from item") as [{ least: number; n: number }]
      expect(rows[0].least).toBeGreaterThan(0)
      // A COMMIT of somebody who was interrupted may have succeeded besides.
      expect(rows[0].n).toBeGreaterThanOrEqual(written)
    }),
  60_000
)

it.scopedLive("A pool replaces a connection whose file was taken away", () =>
  Effect.gen(function*() {
    const filename = yield* newFile
    const pool = yield* makePool(filename, { maxSize: 1 }, {
      journalMode: "delete",
      setup: ["create table if not exists item (n)"]
    })
    yield* pool.use(({ query }) => query("insert into item values (1)"))
    fs.rmSync(filename)
    const error = yield* Effect.flip(pool.use(({ query }) => query("insert into item values (2)")))
    expect(error).toMatchObject({ reason: "ConnectionLost" })
    yield* pool.use(({ query }) => query("insert into item values (3)"))
    expect(look(filename, "select n from item")).toEqual([{ n: 3 }])
  }))

it.scopedLive("A pool that cannot open a database says why, and opens it as soon as that is mended", () =>
  Effect.gen(function*() {
    const filename = yield* newFile
    fs.mkdirSync(filename)
    const pool = yield* makePool(filename, { maxSize: 2 })
    expect(yield* Effect.flip(one(pool))).toMatchObject({ _tag: "SqliteConnectError", reason: "CannotOpen" })
    fs.rmdirSync(filename)
    expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
  }))

it.scopedLive("A pool checks what was idle, and the check does not wait for a lock", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop({ journalMode: "delete" })
    const pool = yield* makePool(filename, { maxSize: 1, checkAfterIdle: 0 }, { journalMode: "delete" })
    yield* one(pool)
    yield* connection.withTransaction(
      Effect.flatMap(one(pool), ({ rows }) => Effect.sync(() => expect(rows).toEqual([{ one: 1 }]))),
      {
        mode: "exclusive"
      }
    )
    expect((yield* pool.stats).opened).toBe(1)
  }))

it.scopedLive("A pool's close stops what still runs, and leaves no handle", () =>
  Effect.gen(function*() {
    const filename = yield* newFile
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(
      makePool(filename, { maxSize: 5, shutdownTimeout: 300 }, { setup: ["create table if not exists item (n)"] }),
      scope
    )
    yield* Effect.all(Array.from({ length: 5 }, () => one(pool)), { concurrency: "unbounded" })
    const fiber = yield* Effect.fork(Effect.flip(pool.use((connection) => connection.query(slowRead))))
    yield* isRunning(filename)
    const [time] = yield* Effect.timed(Scope.close(scope, Exit.void))
    expect(Duration.toMillis(time)).toBeLessThan(5_000)
    expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SqliteQueryError", reason: "ConnectionLost" })
    yield* until("every handle is closed", Effect.sync(() => handlesOf(filename) === 0))
  }))

it.scopedLive("A pool is a service with its own name, read from the configuration", () =>
  Effect.gen(function*() {
    class Db extends ConnectionPool.Tag("test/SqliteDb")<
      Db,
      SqliteConnector.SqliteConnection,
      SqliteConnector.SqliteConnectError
    >() {}
    const filename = yield* newFile
    const { rows } = yield* Db.use((connection) => connection.query("select 1 as one")).pipe(
      Effect.provide(Db.layerConfig({
        connector: SqliteConnector.config({ filename: Config.string("DATABASE_FILE") }),
        maxSize: Config.integer("DATABASE_POOL_SIZE")
      })),
      Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map([["DATABASE_FILE", filename], ["DATABASE_POOL_SIZE", "3"]])
      ))
    )
    expect(rows).toEqual([{ one: 1 }])
  }))

it.effect("A pool runs on a test's clock", () =>
  Effect.gen(function*() {
    const pool = yield* makePool(yield* newFile, { maxSize: 2 })
    expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    const rows = yield* pool.use((connection) =>
      Stream.runCollect(connection.stream("select value as n from generate_series(1, 300)"))
    )
    expect(rows.length).toBe(300)
  }).pipe(Effect.scoped))
