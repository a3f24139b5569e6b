import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import type { MysqlConnectError, MysqlConnection, MysqlConnectorConfig } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { expect } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as net from "node:net"
import { Mysql, suite } from "../support/mysql.js"
import * as Proxy from "../support/proxy.js"
import { until } from "./harness.js"
import { count, isGone, isRunning, optionsOf } from "./mysqlHarness.js"

type Pool = ConnectionPool.ConnectionPool<MysqlConnection, MysqlConnectError>

const makePool = (tuning: PoolOptions.Tuning = {}, options: MysqlConnectorConfig = {}) =>
  Effect.flatMap(
    Mysql,
    (server) =>
      ConnectionPool.make({
        ...tuning,
        startup: "lazy",
        connector: MysqlConnector.make({ ...optionsOf(server), ...options })
      })
  )

const one = (pool: Pool) => pool.use((connection) => connection.query("select 1 as one"))

/** Has this many connections open at one time, and all of them idle in the end. */
const fill = (pool: Pool, size: number) =>
  Effect.gen(function*() {
    const ids = yield* Effect.forEach(
      Array.from({ length: size }),
      () => pool.use((connection) => Effect.as(connection.query("select sleep(0.2)"), connection.threadId)),
      { concurrency: "unbounded" }
    )
    expect(new Set(ids).size).toBe(size)
    yield* idle(pool, size)
    return ids
  })

const idle = (pool: Pool, size: number) =>
  until(`${size} are idle`, Effect.map(pool.stats, (stats) => stats.idle === size && stats.leased === 0))

/** The server has as many sessions as the pool says that there are, and all of them do nothing. */
const agreed = (pool: Pool) =>
  until(
    "the server and the pool agree",
    Effect.gen(function*() {
      const { checking, closing, idle, leased, opening, resetting } = yield* pool.stats
      const processes = yield* (yield* Mysql).processes
      return opening + checking + resetting + leased + closing === 0 && processes.length === idle &&
        processes.every(({ command }) => command === "Sleep")
    })
  )

/** A way to the server that can be closed and opened again: what a restart is for its clients. */
const gate = Effect.gen(function*() {
  const server = yield* Mysql
  const sockets = new Set<net.Socket>()
  let port = 0
  const listener = net.createServer((client) => {
    const upstream = net.connect(server.port, server.host)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        client.destroy()
        upstream.destroy()
        sockets.delete(socket)
      })
    }
  })
  const open = Effect.async<void>((resume) => {
    listener.listen(port, "127.0.0.1", () => {
      port = (listener.address() as net.AddressInfo).port
      resume(Effect.void)
    })
  })
  const close = Effect.async<void>((resume) => {
    for (const socket of sockets) socket.destroy()
    listener.close(() => resume(Effect.void))
  })
  yield* Effect.acquireRelease(open, () => close)
  return { host: "127.0.0.1", port, open, close }
})

suite("pool", "A pool of MySQL connections", (it) => {
  it.scoped("replaces an idle connection whose session was killed before anybody meets it", () =>
    Effect.gen(function*() {
      const pool = yield* makePool()
      const [id] = yield* fill(pool, 1)
      yield* (yield* Mysql).kill(id!)
      yield* until("it was discarded", Effect.map(pool.stats, ({ closed, idle }) => idle === 0 && closed === 1))
      const next = yield* pool.use((connection) => Effect.as(connection.query("select 1"), connection.threadId))
      expect(next).not.toBe(id)
      yield* agreed(pool)
    }))

  it.scoped("gives the holder of a connection whose session was killed a typed error, and the next one a new connection", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      const server = yield* Mysql
      const error = yield* Effect.flip(pool.use((connection) =>
        Effect.zipRight(
          Effect.fork(Effect.zipRight(isRunning(connection.threadId, "sleep"), server.kill(connection.threadId))),
          connection.query("select sleep(600)")
        )
      ))
      expect(error).toMatchObject({ _tag: "MysqlQueryError", reason: "ConnectionLost" })
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
      yield* agreed(pool)
    }))

  it.scoped("outlives that all sessions are killed at once, at work and idle", () =>
    Effect.gen(function*() {
      const { kill, processes } = yield* Mysql
      const pool = yield* makePool({ maxSize: 6 })
      const ids = yield* fill(pool, 6)
      const busy = yield* Effect.fork(Effect.all(
        [1, 2, 3].map(() => Effect.flip(pool.use((connection) => connection.query("select sleep(600)")))),
        { concurrency: 3 }
      ))
      yield* until(
        "three work",
        Effect.map(processes, (all) => all.filter(({ info }) => info?.includes("sleep")).length === 3)
      )
      yield* Effect.forEach(ids, kill, { discard: true })
      for (const error of yield* Fiber.join(busy)) expect(error).toMatchObject({ reason: "ConnectionLost" })
      yield* until("all were discarded", Effect.map(pool.stats, ({ closed }) => closed === 6))
      yield* Effect.all(Array.from({ length: 20 }, () => one(pool)), { concurrency: 20 })
      yield* agreed(pool)
    }))

  it.scoped("outlives an outage: typed errors while the server is gone, and the first query after it succeeds", () =>
    Effect.gen(function*() {
      const way = yield* gate
      const pool = yield* makePool({ maxSize: 5 }, { host: way.host, port: way.port })
      yield* fill(pool, 5)
      yield* way.close
      yield* until("all were discarded", Effect.map(pool.stats, ({ idle }) => idle === 0))
      const errors = yield* Effect.all(Array.from({ length: 3 }, () => Effect.flip(one(pool))), { concurrency: 3 })
      for (const error of errors) expect(error).toMatchObject({ _tag: "MysqlConnectError", reason: "Refused" })
      yield* way.open
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
      yield* agreed(pool)
    }))

  it.scoped("lets callers wait through an outage where it was told to", () =>
    Effect.gen(function*() {
      const way = yield* gate
      const pool = yield* makePool({ maxSize: 5, whenDown: "wait" }, { host: way.host, port: way.port })
      yield* fill(pool, 2)
      yield* way.close
      yield* until("all were discarded", Effect.map(pool.stats, ({ idle }) => idle === 0))
      const waiting = yield* Effect.fork(Effect.all(Array.from({ length: 20 }, () => one(pool)), { concurrency: 20 }))
      yield* until("one opening has failed", Effect.map(pool.stats, ({ openFailures }) => openFailures > 0))
      yield* way.open
      expect(yield* Fiber.join(waiting)).toHaveLength(20)
      yield* agreed(pool)
    }))

  it.scoped(
    "keeps the connection of an interrupted query, and hands it out when it has settled",
    () =>
      Effect.gen(function*() {
        const pool = yield* makePool({ maxSize: 1 })
        const [id] = yield* fill(pool, 1)
        for (let round = 0; round < 50; round++) {
          yield* Effect.timeoutOption(pool.use((connection) => connection.query("select sleep(0.01)")), round % 12)
          const answer = yield* pool.use((connection) =>
            Effect.map(connection.query("select ? as round, sleep(0.001) as slept", [round]), ({ rows }) => ({
              id: connection.threadId,
              ...rows[0]
            }))
          )
          expect(answer).toEqual({ id, round, slept: 0 })
        }
        yield* agreed(pool)
      }),
    30_000
  )

  it.scoped("does not keep an interrupted caller waiting, and has the server stop", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      const [id] = yield* fill(pool, 1)
      const fiber = yield* Effect.fork(pool.use((connection) => connection.query("select sleep(600)")))
      yield* isRunning(id!, "sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      expect(yield* pool.use((connection) => Effect.succeed(connection.threadId))).toBe(id)
      yield* agreed(pool)
    }))

  it.scoped("resets a connection that comes back with an open transaction", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      yield* pool.use((connection) => connection.query("create table pool_note (text text)"))
      const id = yield* pool.use((connection) =>
        connection.query("start transaction").pipe(
          Effect.zipRight(connection.query("insert into pool_note values ('lost')")),
          Effect.as(connection.threadId)
        )
      )
      expect(yield* pool.use((connection) => Effect.succeed(connection.threadId))).toBe(id)
      expect(yield* count("pool_note")).toBe(0)
    }))

  it.scoped("finds the next query a connection when six idle ones fall into a black hole: one check, one opening", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
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
      const proxy = yield* Proxy.make(yield* Mysql)
      const pool = yield* makePool({ maxSize: 1 }, { host: proxy.host, port: proxy.port })
      yield* fill(pool, 1)
      proxy.connections()[0]!.setMode(Proxy.cutAfter(10_000))
      const error = yield* Effect.flip(
        pool.use((connection) => connection.query("select repeat('x', 1000) from seq_1_to_1000"))
      )
      expect(error).toMatchObject({ _tag: "MysqlQueryError", reason: "ConnectionLost" })
      expect((yield* one(pool)).rows).toEqual([{ one: 1 }])
    }))

  it.scoped(
    "gives each of 300 callers its own answer, whoever is interrupted beside it, and keeps within maxSize",
    () =>
      Effect.gen(function*() {
        const { processes } = yield* Mysql
        const pool = yield* makePool({ maxSize: 8 })
        let most = 0
        // Without those that were opened to kill a query.
        const watch = yield* Effect.fork(Effect.forever(Effect.map(processes, (all) => {
          most = Math.max(most, all.length)
        })))
        const exits = yield* Effect.forEach(
          Array.from({ length: 300 }, (_, n) => n),
          (n) =>
            Effect.flatMap(Random.nextIntBetween(0, 40), (millis) =>
              pool.use((connection) =>
                connection.query<{ n: number }>("select ? as n, sleep(0.003) as slept", [n], { prepare: n % 2 === 0 })
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
          if (exit.value._tag === "Some") {
            expect(exit.value.value.rows).toEqual([{ n, slept: 0 }])
          } else expect(n % 3).toBe(0)
        }
        const { opened } = yield* pool.stats
        // Each may have a KILL on its way.
        expect(most).toBeLessThanOrEqual(16)
        // None was lost to an interruption.
        expect(opened).toBeLessThanOrEqual(8)
        yield* idle(pool, opened)
        yield* agreed(pool)
      }),
    30_000
  )

  it.scoped("keeps a connection for as long as its stream is read, and has it back when the reader leaves", () =>
    Effect.gen(function*() {
      const pool = yield* makePool({ maxSize: 1 })
      const [id] = yield* fill(pool, 1)
      const rows = Stream.unwrapScoped(
        Effect.map(pool.get, (connection) => connection.stream<{ n: number }>("select seq as n from seq_1_to_1000000"))
      )
      for (let round = 0; round < 5; round++) {
        expect(yield* Stream.runCount(Stream.take(rows, 10))).toBe(10)
        expect(yield* pool.use((connection) => Effect.succeed(connection.threadId))).toBe(id)
      }
      yield* agreed(pool)
    }))

  it.effect("stops what still runs when its close is over", () =>
    Effect.gen(function*() {
      const [id, fiber] = yield* Effect.scoped(Effect.gen(function*() {
        const pool = yield* makePool({ shutdownTimeout: 200 })
        const [id] = yield* fill(pool, 1)
        const fiber = yield* Effect.forkDaemon(
          Effect.flip(pool.use((connection) => connection.query("select sleep(600)")))
        )
        yield* isRunning(id!, "sleep")
        return [id!, fiber] as const
      }))
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "MysqlQueryError", reason: "ConnectionLost" })
      yield* isGone(id)
    }))

  it.effect("leaves no session behind", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.flatMap(makePool(), (pool) => fill(pool, 5)))
      yield* until("all are gone", Effect.map((yield* Mysql).processes, (all) => all.length === 0))
    }))

  it.scoped("is a service with its own name, read from the configuration", () =>
    Effect.gen(function*() {
      class Db extends ConnectionPool.Tag("test/MysqlDb")<Db, MysqlConnection, MysqlConnectError>() {}
      const { url } = yield* Mysql
      const { rows } = yield* Db.use((connection) => connection.query("select 1 as one")).pipe(
        Effect.provide(Db.layerConfig({
          connector: MysqlConnector.config({ url: Config.redacted("DATABASE_URL") }),
          maxSize: Config.integer("DATABASE_POOL_SIZE")
        })),
        Effect.withConfigProvider(ConfigProvider.fromMap(
          new Map([["DATABASE_URL", Redacted.value(url)], ["DATABASE_POOL_SIZE", "3"]])
        ))
      )
      expect(rows).toEqual([{ one: 1 }])
    }))
})
