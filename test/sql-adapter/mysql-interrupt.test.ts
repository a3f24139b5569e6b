import type { MysqlConnection } from "@cenote/sql-adapter/MysqlConnector"
import { expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Mysql, suite } from "../support/mysql.js"
import * as Proxy from "../support/proxy.js"
import { until } from "./harness.js"
import { count, isGone, isRunning, open, steps } from "./mysqlHarness.js"

/** Fails where a KILL hit it: then sleep() is cut short. */
const undisturbed = (connection: MysqlConnection, seconds: number, round = 0) =>
  Effect.map(
    Effect.timed(connection.query("select sleep(?) as slept, ? as round", [seconds, round])),
    ([time, { rows }]) => {
      expect(rows).toEqual([{ slept: 0, round }])
      return Duration.toMillis(time)
    }
  )

suite("interrupt", "An interrupted query", (it) => {
  it.scoped("returns at once, and is cancelled on the server", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const fiber = yield* Effect.fork(connection.query("select sleep(600)"))
      yield* isRunning(connection.threadId, "sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      expect(steps.needsReset(connection)).toBe(true)
      expect(steps.isBroken(connection)).toBe(false)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      expect((yield* connection.query("select 'mine' as answer")).rows).toEqual([{ answer: "mine" }])
    }))

  it.scoped("that is prepared is cancelled in the same way", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const fiber = yield* Effect.fork(connection.query("select sleep(?)", [600], { prepare: true }))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(fiber)
      const { rows } = yield* connection.query("select sleep(?) as slept", [0], { prepare: true })
      expect(rows).toEqual([{ slept: 0 }])
    }))

  it.scoped("never has its KILL hit the next one", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (let round = 0; round < 50; round++) {
        // From before the server has read it to after it has answered.
        yield* Effect.timeoutOption(connection.query("select sleep(0.004)"), round % 10)
        if (round % 2 === 0 && steps.needsReset(connection)) yield* steps.reset(connection)
        yield* undisturbed(connection, 0.002, round)
      }
    }), 30_000)

  it.scoped("lets the queries behind it run once it has settled", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const first = yield* Effect.fork(connection.query("select sleep(600)"))
      const rest = yield* Effect.fork(
        Effect.forEach([1, 2, 3], (n) => connection.query("select ? as n", [n]), { concurrency: 3 })
      )
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(first)
      const results = yield* Fiber.join(rest)
      expect(results.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
    }))

  it.scoped("that still waits for its turn is never sent, and disturbs nobody", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table turns (n int)")
      const first = yield* Effect.fork(undisturbed(connection, 0.2))
      const second = yield* Effect.fork(connection.query("insert into turns values (2)"))
      const third = yield* Effect.fork(connection.query("insert into turns values (3)"))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(second)
      yield* Fiber.join(first)
      yield* Fiber.join(third)
      expect((yield* connection.query("select n from turns")).rows).toEqual([{ n: 3 }])
    }))

  it.scoped("in an open transaction: reset cancels, settles and rolls back", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table note (text text)")
      yield* connection.query("start transaction")
      yield* connection.query("insert into note values ('lost')")
      const fiber = yield* Effect.fork(connection.query("select sleep(600)"))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(fiber)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      expect(yield* count("note")).toBe(0)
    }))

  it.scoped("does not wait for what another fiber left running: reset cancels that too", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const running = yield* Effect.forkDaemon(connection.query("select sleep(600)"))
      const waiting = yield* Effect.forkDaemon(connection.query("select 1"))
      yield* isRunning(connection.threadId, "sleep")
      yield* steps.reset(connection)
      expect(Exit.isFailure(yield* Fiber.await(waiting))).toBe(true)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      yield* Fiber.interrupt(running)
    }))

  it.scoped("that cannot be cancelled in time loses its connection, with all that waits for it", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const connection = yield* open({ host: proxy.host, port: proxy.port, cancelTimeout: "1 second" })
      const fiber = yield* Effect.fork(connection.query("select sleep(600)"))
      yield* isRunning(connection.threadId, "sleep")
      proxy.setMode(Proxy.blackHole)
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      const next = yield* Effect.flip(connection.query("select 1"))
      expect(next).toMatchObject({ reason: "ConnectionLost" })
      expect(Exit.isFailure(yield* Effect.exit(steps.reset(connection)))).toBe(true)
      expect(steps.isBroken(connection)).toBe(true)
      yield* (yield* Mysql).kill(connection.threadId)
    }))

  it.scoped("that has ended when its KILL arrives: the KILL is waited for, and hits nothing", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      // The KILL goes through a slow connection, the query's own answer does not: it is sent after five legs of 200 ms, and
      // arrives after six.
      proxy.setModeOfNew(Proxy.delay(200))
      yield* Effect.timeoutOption(connection.query("select sleep(1.1)"), 10)
      // It starts when the KILL is answered, seven legs after the interruption.
      expect(yield* undisturbed(connection, 0.3)).toBeGreaterThan(1_500)
      expect(proxy.accepted()).toBe(2)
    }))

  it.scoped("that has ended when its KILL could be sent: it never is", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      proxy.setModeOfNew(Proxy.blackHole)
      yield* Effect.timeoutOption(connection.query("select sleep(0.1)"), 10)
      expect(yield* undisturbed(connection, 0.1)).toBeLessThan(1_000)
      expect(steps.isBroken(connection)).toBe(false)
    }))

  it.scoped("a reset that is given up on leaves a broken connection, whose close does not wait", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const { threadId } = yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open({ host: proxy.host, port: proxy.port })
        yield* connection.query("start transaction")
        proxy.setMode(Proxy.blackHole)
        yield* Effect.timeoutOption(steps.reset(connection), 50)
        expect(steps.isBroken(connection)).toBe(true)
        return connection
      }))
      for (const connection of proxy.connections()) connection.cut()
      yield* isGone(threadId)
    }))

  it.scoped("by abort: the server stops what it runs, though the socket is gone", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      // During sleep() the server would notice that the socket is gone.
      const busy = "set statement max_statement_time = 30 for select benchmark(1000000000000, 1 + 1)"
      const fiber = yield* Effect.fork(Effect.flip(connection.query(busy)))
      yield* isRunning(connection.threadId, "benchmark")
      steps.abort(connection)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
      yield* isGone(connection.threadId)
    }))

  it.effect("by the close of its connection: the server stops what it runs", () =>
    Effect.gen(function*() {
      const [threadId, fiber] = yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open()
        const fiber = yield* Effect.forkDaemon(Effect.flip(connection.query("select sleep(600)")))
        yield* isRunning(connection.threadId, "sleep")
        return [connection.threadId, fiber] as const
      }))
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
      yield* isGone(threadId)
    }))

  it.scoped("leaves no session behind that was opened for its KILL", () =>
    Effect.gen(function*() {
      const { processes } = yield* Mysql
      const connection = yield* open()
      for (let n = 0; n < 10; n++) {
        yield* Effect.timeoutOption(connection.query("select sleep(1)"), 20)
        yield* connection.query("select 1")
      }
      const [time] = yield* Effect.timed(
        until("one session is left", Effect.map(processes, (all) => all.length === 1))
      )
      // They say goodbye. Who does not is hung up on after cancelTimeout.
      expect(Duration.toMillis(time)).toBeLessThan(2_000)
      expect((yield* processes)[0]!.id).toBe(connection.threadId)
    }))
})
