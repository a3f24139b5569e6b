import { expect, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { isGone, isRunning, open, steps, until } from "./harness.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("An interrupted query", (it) => {
  it.scoped("returns at once, and is cancelled on the server", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const fiber = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* isRunning(connection.processId, "pg_sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      expect(steps.needsReset(connection)).toBe(true)
      expect(steps.isBroken(connection)).toBe(false)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      expect((yield* connection.query("select 'mine' as answer")).rows).toEqual([{ answer: "mine" }])
    }))

  it.scoped("never has its cancel hit the next one", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (let round = 0; round < 50; round++) {
        // From before the server has read it to after it has answered.
        yield* Effect.timeoutOption(connection.query("select pg_sleep(0.004)"), round % 10)
        if (round % 2 === 0 && steps.needsReset(connection)) yield* steps.reset(connection)
        const next = yield* connection.query("select pg_sleep(0.002), $1::int as round", [round])
        expect(next.rows).toMatchObject([{ round }])
      }
    }), 30_000)

  it.scoped("lets the queries behind it run once it has settled", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const first = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      const rest = yield* Effect.fork(
        Effect.forEach([1, 2, 3], (n) => connection.query("select $1::int as n", [n]), { concurrency: 3 })
      )
      yield* isRunning(connection.processId, "pg_sleep")
      yield* Fiber.interrupt(first)
      const results = yield* Fiber.join(rest)
      expect(results.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
    }))

  it.scoped("that still waits for its turn is never sent, and disturbs nobody", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create temp table log (n int)")
      const first = yield* Effect.fork(connection.query("select pg_sleep(0.2), 'first' as answer"))
      const second = yield* Effect.fork(connection.query("insert into log values (2)"))
      const third = yield* Effect.fork(connection.query("insert into log values (3)"))
      yield* isRunning(connection.processId, "pg_sleep")
      yield* Fiber.interrupt(second)
      expect((yield* Fiber.join(first)).rows).toMatchObject([{ answer: "first" }])
      yield* Fiber.join(third)
      expect((yield* connection.query("select n from log")).rows).toEqual([{ n: 3 }])
    }))

  it.scoped("in an open transaction: reset cancels, settles and rolls back", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table if not exists note (text text)")
      yield* connection.query("begin")
      yield* connection.query("insert into note values ('lost')")
      const fiber = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* isRunning(connection.processId, "pg_sleep")
      yield* Fiber.interrupt(fiber)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      expect((yield* connection.query("select count(*)::int as n from note")).rows).toEqual([{ n: 0 }])
    }))

  it.scoped("does not wait for what another fiber left running: reset cancels that too", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const running = yield* Effect.forkDaemon(connection.query("select pg_sleep(600)"))
      const waiting = yield* Effect.forkDaemon(connection.query("select 1"))
      yield* isRunning(connection.processId, "pg_sleep")
      yield* steps.reset(connection)
      expect(Exit.isFailure(yield* Fiber.await(waiting))).toBe(true)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      yield* Fiber.interrupt(running)
    }))

  it.scoped("that cannot be cancelled in time loses its connection, with all that waits for it", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const connection = yield* open({ host: proxy.host, port: proxy.port, cancelTimeout: "1 second" })
      const fiber = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* isRunning(connection.processId, "pg_sleep")
      proxy.setMode(Proxy.blackHole)
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      const next = yield* Effect.flip(connection.query("select 1"))
      expect(next).toMatchObject({ reason: "ConnectionLost" })
      expect(Exit.isFailure(yield* Effect.exit(steps.reset(connection)))).toBe(true)
      expect(steps.isBroken(connection)).toBe(true)
    }))

  it.scoped("whose cancel is late is waited for", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      // The cancel goes through a slow connection, the query's own answer does not.
      proxy.setModeOfNew(Proxy.delay(200))
      yield* Effect.timeoutOption(connection.query("select pg_sleep(0.1)"), 20)
      const [time, { rows }] = yield* Effect.timed(connection.query("select pg_sleep(0.3), 'mine' as answer"))
      expect(rows).toMatchObject([{ answer: "mine" }])
      expect(Duration.toMillis(time)).toBeGreaterThan(300)
    }))

  it.scoped("whose cancel comes before the server has it is cancelled again", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      // The query is late, and the first cancel is not.
      proxy.connections()[0]!.setMode(Proxy.delay(150))
      const fiber = yield* Effect.fork(connection.query("select pg_sleep(600)"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* steps.reset(connection)
      expect(proxy.accepted()).toBeGreaterThan(2)
      expect((yield* connection.query("select 'mine' as answer")).rows).toEqual([{ answer: "mine" }])
    }))

  it.scoped("a reset that is given up on leaves a broken connection, whose close does not wait", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const { processId } = yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open({ host: proxy.host, port: proxy.port })
        yield* connection.query("begin")
        proxy.setMode(Proxy.blackHole)
        yield* Effect.timeoutOption(steps.reset(connection), 50)
        expect(steps.isBroken(connection)).toBe(true)
        return connection
      }))
      for (const connection of proxy.connections()) connection.cut()
      yield* isGone(processId)
    }))

  it.scoped("by abort: the server stops what it runs, though the socket is gone", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const fiber = yield* Effect.fork(Effect.flip(connection.query("select pg_sleep(600)")))
      yield* isRunning(connection.processId, "pg_sleep")
      steps.abort(connection)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
      yield* isGone(connection.processId)
    }))

  it.effect("by the close of its connection: the server stops what it runs", () =>
    Effect.gen(function*() {
      const [processId, fiber] = yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open()
        const fiber = yield* Effect.forkDaemon(Effect.flip(connection.query("select pg_sleep(600)")))
        yield* isRunning(connection.processId, "pg_sleep")
        return [connection.processId, fiber] as const
      }))
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
      yield* isGone(processId)
    }))

  it.scoped("opens no socket for a cancel that comes after the answer", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      for (let n = 0; n < 10; n++) {
        yield* Effect.raceFirst(connection.query("select 1"), connection.query("select 2"))
      }
      yield* until("it has settled", Effect.sync(() => !steps.needsReset(connection)))
      expect((yield* connection.query("select 3 as n")).rows).toEqual([{ n: 3 }])
    }))
})
