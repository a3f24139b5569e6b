import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type { PgConnectError, PgConnection, PgConnectorConfig } from "@cenote/sql-adapter/PgConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { isGone, isRunning, optionsOf, until } from "./harness.js"

type Pool = ConnectionPool.ConnectionPool<PgConnection, PgConnectError>

const makePool = (tuning: PoolOptions.Tuning = {}, options: PgConnectorConfig = {}) =>
  Effect.flatMap(
    Postgres,
    (server) =>
      ConnectionPool.make({
        ...tuning,
        startup: "lazy",
        connector: PgConnector.make({ ...optionsOf(server), ...options })
      })
  )

const one = (pool: Pool) => pool.use((connection) => connection.query("select 1 as one"))

/** Has this many connections open at one time, and all of them idle in the end. */
const fill = (pool: Pool, size: number) =>
  Effect.gen(function*() {
    const pids = yield* Effect.forEach(
      Array.from({ length: size }),
      () => pool.use((connection) => Effect.as(connection.query("select pg_sleep(0.2)"), connection.processId)),
      { concurrency: "unbounded" }
    )
    expect(new Set(pids).size).toBe(size)
    yield* idle(pool, size)
    return pids
  })

const idle = (pool: Pool, size: number) =>
  until(`${size} are idle`, Effect.map(pool.stats, (stats) => stats.idle === size && stats.leased === 0))

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A pool of PostgreSQL connections", (it) => {
  it.scoped("replaces an idle connection whose backend was killed before anybody meets it", () =>
    Effect.gen(function*() {
      const pool = yield* makePool()
      const [pid] = yield* fill(pool, 1)
      yield* (yield* Postgres).terminateBackend(pid!)
      yield* until("it was discarded", Effect.map(pool.stats, ({ closed, idle }) => idle === 0 && closed === 1))
      const next = yield* pool.use((connection) => Effect.as(connection.query("select 1"), connection.processId))
      expect(next).not.toBe(pid)
    }))

  it.scoped("gives the holder of a connection whose backend was killed a typed error, and the next one a new connection", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      const server = yield* Postgres
      const error = yield* Effect.flip(pool.use((connection) =>
        Effect.zipRight(
          Effect.fork(Effect.zipRight(
            isRunning(connection.processId, "pg_sleep"),
            server.terminateBackend(connection.processId)
          )),
          connection.query("select pg_sleep(600)")
        )
      ))
      expect(error).toMatchObject({ _tag: "PgQueryError", reason: "ConnectionLost", sqlState: "57P01" })
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("outlives a restart of its server: typed errors while it is gone, and the first query after it succeeds", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const pool = yield* makePool({ maxSize: 5 })
      yield* fill(pool, 5)
      yield* server.stop
      yield* until("all were discarded", Effect.map(pool.stats, ({ idle }) => idle === 0))
      const errors = yield* Effect.all(Array.from({ length: 3 }, () => Effect.flip(one(pool))), { concurrency: 3 })
      for (const error of errors) expect(error).toMatchObject({ _tag: "PgConnectError", reason: "Refused" })
      yield* server.start
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("lets callers wait through a restart where it was told to", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const pool = yield* makePool({ maxSize: 5, whenDown: "wait" })
      yield* fill(pool, 2)
      yield* server.stop
      const waiting = yield* Effect.fork(Effect.all(Array.from({ length: 20 }, () => one(pool)), { concurrency: 20 }))
      yield* until("one opening has failed", Effect.map(pool.stats, ({ openFailures }) => openFailures > 0))
      yield* server.start
      expect(yield* Fiber.join(waiting)).toHaveLength(20)
    }))

  it.scoped(
    "keeps the connection of an interrupted query, and hands it out when it has settled",
    () =>
      Effect.gen(function*() {
        const pool = yield* makePool({ maxSize: 1 })
        const [pid] = yield* fill(pool, 1)
        for (let round = 0; round < 50; round++) {
          yield* Effect.timeoutOption(pool.use((connection) => connection.query("select pg_sleep(0.01)")), round % 12)
          const answer = yield* pool.use((connection) =>
            Effect.map(connection.query("select $1::int as round, pg_sleep(0.001)", [round]), ({ rows }) => ({
              pid: connection.processId,
              round: rows[0]!.round
            }))
          )
          expect(answer).toEqual({ pid, round })
        }
      }),
    30_000
  )

  it.scoped("does not keep an interrupted caller waiting, and has the server stop", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      const [pid] = yield* fill(pool, 1)
      const fiber = yield* Effect.fork(pool.use((connection) => connection.query("select pg_sleep(600)")))
      yield* isRunning(pid!, "pg_sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      expect(yield* pool.use((connection) => Effect.succeed(connection.processId))).toBe(pid)
    }))

  it.scoped("resets a connection that comes back with an open transaction", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      yield* pool.use((connection) => connection.query("create table pool_note (text text)"))
      const pid = yield* pool.use((connection) =>
        connection.query("begin; insert into pool_note values ('lost')").pipe(Effect.as(connection.processId))
      )
      const next = yield* pool.use((connection) =>
        Effect.map(connection.query("select count(*)::int as n from pool_note"), ({ rows }) => ({
          pid: connection.processId,
          rows
        }))
      )
      expect(next).toEqual({ pid, rows: [{ n: 0 }] })
    }))

  it.scoped("finds the next query a connection when six idle ones fall into a black hole: one check, one opening", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const pool = yield* makePool({ maxSize: 6, checkAfterIdle: 1, checkTimeout: 1_000 }, {
        host: proxy.host,
        port: proxy.port
      })
      yield* fill(pool, 6)
      for (const connection of proxy.connections()) connection.setMode(Proxy.blackHole)
      yield* Effect.sleep(2)
      const [time, { rows }] = yield* Effect.timed(one(pool))
      expect(rows).toEqual([{ one: 1 }])
      expect(Duration.toMillis(time)).toBeLessThan(2_000)
      yield* until("the dead ones are closed", Effect.map(pool.stats, (stats) => stats.idle + stats.closing <= 1))
    }))

  it.scoped("gives the holder of a connection that is cut in the middle of an answer a typed error", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const pool = yield* makePool({ maxSize: 1 }, { host: proxy.host, port: proxy.port })
      yield* fill(pool, 1)
      proxy.connections()[0]!.setMode(Proxy.cutAfter(10_000))
      const error = yield* Effect.flip(
        pool.use((connection) => connection.query("select repeat('x', 1000) from generate_series(1, 1000)"))
      )
      expect(error).toMatchObject({ _tag: "PgQueryError", reason: "ConnectionLost" })
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    }))

  it.scoped(
    "gives each of 300 callers its own answer, whoever is interrupted beside it, and keeps within maxSize",
    () =>
      Effect.gen(function*() {
        const server = yield* Postgres
        const pool = yield* makePool({ maxSize: 8 }, { applicationName: "crowd" })
        let most = 0
        const watch = yield* Effect.fork(Effect.forever(Effect.flatMap(
          server.query("select count(*)::int as n from pg_stat_activity where application_name = 'crowd'"),
          ([row]) =>
            Effect.sync(() => {
              most = Math.max(most, row!.n)
            })
        )))
        const exits = yield* Effect.forEach(
          Array.from({ length: 300 }, (_, n) => n),
          (n) =>
            Effect.flatMap(Random.nextIntBetween(0, 40), (millis) =>
              pool.use((connection) =>
                connection.query<{ n: number }>("select $1::int as n, pg_sleep(0.003)", [n])
              )
                .pipe(
                  n % 3 === 0 ? Effect.timeoutOption(millis) : Effect.asSome,
                  Effect.exit
                )),
          { concurrency: "unbounded" }
        )
        yield* Fiber.interrupt(watch)
        for (const [n, exit] of exits.entries()) {
          if (Exit.isFailure(exit)) {
            return expect.unreachable(String(exit.cause))
          }
          if (exit.value._tag === "Some") expect(exit.value.value.rows[0]!.n).toBe(n)
          else expect(n % 3).toBe(0)
        }
        const { opened } = yield* pool.stats
        expect(most).toBeLessThanOrEqual(8)
        // None was lost to an interruption.
        expect(opened).toBeLessThanOrEqual(8)
        yield* idle(pool, opened)
      }),
    30_000
  )

  it.effect("stops what still runs when its close is over", () =>
    Effect.gen(function*() {
      const [pid, fiber] = yield* Effect.scoped(Effect.gen(function*() {
        const pool = yield* makePool({ shutdownTimeout: 200 })
        const [pid] = yield* fill(pool, 1)
        const fiber = yield* Effect.forkDaemon(
          Effect.flip(pool.use((connection) => connection.query("select pg_sleep(600)")))
        )
        yield* isRunning(pid!, "pg_sleep")
        return [pid!, fiber] as const
      }))
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "PgQueryError", reason: "ConnectionLost" })
      yield* isGone(pid)
    }))

  it.scoped("is a service with its own name, read from the configuration", () =>
    Effect.gen(function*() {
      class Db extends ConnectionPool.Tag("test/Db")<Db, PgConnection, PgConnectError>() {}
      const { url } = yield* Postgres
      const { rows } = yield* Db.use((connection) => connection.query("select 1 as one")).pipe(
        Effect.provide(Db.layerConfig({
          connector: PgConnector.config({ url: Config.redacted("DATABASE_URL") }),
          maxSize: Config.integer("DATABASE_POOL_SIZE")
        })),
        Effect.withConfigProvider(ConfigProvider.fromMap(
          new Map([["DATABASE_URL", Redacted.value(url)], ["DATABASE_POOL_SIZE", "3"]])
        ))
      )
      expect(rows).toEqual([{ one: 1 }])
    }))
})
