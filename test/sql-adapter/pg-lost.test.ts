import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { uncaught } from "../support/uncaught.js"
import { isGone, isRunning, open, steps, strangeServer, until } from "./harness.js"

/** A connection whose deaths are counted. */
const watched = (options: PgConnector.PgConnectorConfig = {}) =>
  Effect.map(open(options), (connection) => {
    const deaths: Array<unknown> = []
    steps.onLost(connection, (reason) => deaths.push(reason))
    return { connection, deaths }
  })

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A connection that dies", (it) => {
  it.scoped("idle, by its backend: says so once, at once", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const { connection, deaths } = yield* watched()
      yield* (yield* Postgres).terminateBackend(connection.processId)
      yield* until("it has noticed", Effect.sync(() => deaths.length > 0))
      expect(deaths).toMatchObject([{ code: "57P01" }])
      expect(steps.isBroken(connection)).toBe(true)
      const late: Array<unknown> = []
      steps.onLost(connection, (reason) => late.push(reason))
      expect(late).toEqual(deaths)
      expect(errors).toEqual([])
    }))

  it.scoped("in the middle of a query, by its backend: the query fails with what the server said", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const { connection, deaths } = yield* watched()
      const fiber = yield* Effect.fork(Effect.flip(connection.query("select pg_sleep(600)")))
      yield* isRunning(connection.processId, "pg_sleep")
      yield* (yield* Postgres).terminateBackend(connection.processId)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost", sqlState: "57P01" })
      expect(deaths).toHaveLength(1)
      expect(errors).toEqual([])
    }))

  it.scoped("in the middle of an answer: the query fails, and so do those behind it", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const proxy = yield* Proxy.make(yield* Postgres)
      const { connection, deaths } = yield* watched({ host: proxy.host, port: proxy.port })
      yield* connection.query("select 1")
      proxy.setMode(Proxy.cutAfter(5_000))
      const failures = yield* Effect.all([
        Effect.flip(connection.query("select repeat('x', 1000) from generate_series(1, 100)")),
        Effect.flip(connection.query("select 1"))
      ], { concurrency: 2 })
      expect(failures).toMatchObject([{ reason: "ConnectionLost" }, { reason: "ConnectionLost" }])
      expect(deaths).toHaveLength(1)
      expect(errors).toEqual([])
    }))

  it.scoped("with its server: all say so, and a new one opens when the server is back", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const server = yield* Postgres
      const all = yield* Effect.all(Array.from({ length: 5 }, () => watched()))
      yield* server.stop
      yield* until("all have noticed", Effect.sync(() => all.every(({ deaths }) => deaths.length === 1)))
      expect((yield* Effect.flip(open())).reason).toBe("Refused")
      yield* server.start
      expect((yield* (yield* open()).query("select 1 as one")).rows).toEqual([{ one: 1 }])
      expect(errors).toEqual([])
    }))

  it.scoped("by what it cannot understand: an error, and not the end of the process", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const ready = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
      const unknownAuthentication = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 99])
      const server = yield* strangeServer((socket) => {
        socket.once("data", () => {
          socket.write(ready)
          socket.once("data", () => socket.write(unknownAuthentication))
        })
      })
      const connection = yield* PgConnector.make({ host: server.host, port: server.port, user: "app" }).open
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(steps.isBroken(connection)).toBe(true)
      expect(errors).toEqual([])
    }))

  it.scoped("silently: a check that is not answered in time breaks it, and its close does not wait", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const [time] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        const { connection, deaths } = yield* watched({ host: proxy.host, port: proxy.port })
        yield* steps.check(connection)
        proxy.setMode(Proxy.blackHole)
        yield* Effect.timeoutOption(steps.check(connection), "100 millis")
        expect(steps.isBroken(connection)).toBe(true)
        expect(deaths).toHaveLength(1)
      })))
      expect(Duration.toMillis(time)).toBeLessThan(1_000)
    }))

  it.scoped("silently, before its close: abort ends the wait for the server's goodbye", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const [time] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        const { connection } = yield* watched({ host: proxy.host, port: proxy.port })
        proxy.setMode(Proxy.blackHole)
        yield* Effect.addFinalizer(() =>
          Effect.forkDaemon(Effect.delay(Effect.sync(() => steps.abort(connection)), 50))
        )
      })))
      expect(Duration.toMillis(time)).toBeLessThan(1_000)
    }))

  it.effect("is not told of a close that the user has asked for", () =>
    Effect.gen(function*() {
      const { connection, deaths } = yield* Effect.scoped(watched())
      yield* isGone(connection.processId)
      expect(deaths).toEqual([])
    }))
})
