import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import {
  isIdle,
  isRunning,
  isWaiting,
  look,
  newFile,
  open,
  otherProcess,
  shop,
  slowRead,
  slowWrite,
  steps
} from "./sqliteHarness.js"

/** Takes some milliseconds, and answers with the parameter. */
const someTime = "select ? as mine, count(*) as n from generate_series(1, 40000)"

describe("An interrupted statement", () => {
  for (const [kind, sql] of [["reads", slowRead], ["writes", slowWrite]] as const) {
    it.scopedLive(`that ${kind} returns at once, and is stopped`, () =>
      Effect.gen(function*() {
        const { connection, filename } = yield* shop()
        const fiber = yield* Effect.fork(connection.query(sql))
        yield* isRunning(filename)
        const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
        expect(Duration.toMillis(time)).toBeLessThan(500)
        expect(steps.needsReset(connection)).toBe(true)
        expect(steps.isBroken(connection)).toBe(false)
        yield* steps.reset(connection)
        expect(steps.needsReset(connection)).toBe(false)
        yield* isIdle(filename)
        expect((yield* connection.query("select 'mine' as answer")).rows).toEqual([{ answer: "mine" }])
        expect((yield* connection.query("select count(*) as n from item")).rows).toEqual([{ n: 0 }])
      }))
  }

  it.scopedLive("is stopped between its rows, too", () =>
    Effect.gen(function*() {
      const { connection, filename, insert } = yield* shop()
      yield* insert(1)
      // It is not put into another statement: its rows are read on the event loop, some at a time. SQLite does not end one that is
      // interrupted, and would interrupt all that follows.
      yield* connection.query("create index backwards on item (n desc)")
      for (let round = 0; round < 200; round++) {
        yield* Effect.timeoutOption(
          connection.query("explain select * from item a, item b, item c, item d, item e where a.n in (1,2,3,4,5,6,7)"),
          round % 3
        )
        expect((yield* connection.query("select ? as round", [round])).rows).toEqual([{ round }])
      }
      yield* isIdle(filename)
    }))

  it.scopedLive("that nobody here has interrupted condemns its connection: SQLite may interrupt all that follows", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop()
      const fiber = yield* Effect.fork(Effect.exit(connection.query(slowRead)))
      const { unsafeDatabase } = connection
      // One that comes before the first step is lost; one that comes after the end of the connection ends the process.
      while (!steps.isBroken(connection)) {
        unsafeDatabase.interrupt()
        yield* Effect.sleep(5)
      }
      expect((yield* Fiber.join(fiber))._tag).toBe("Failure")
    }))

  it.scopedLive("never has its interruption hit the next one", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop()
      for (let round = 0; round < 200; round++) {
        // From before its first step to after its answer.
        const first = yield* Effect.fork(connection.query(someTime, [-1]))
        yield* round % 4 === 0 ? Effect.yieldNow() : Effect.sleep(round % 4)
        yield* Fiber.interrupt(first)
        if (round % 2 === 0 && steps.needsReset(connection)) yield* steps.reset(connection)
        const sql = round % 3 === 0 ? someTime : `${someTime} -- ${round}`
        expect((yield* connection.query(sql, [round])).rows).toMatchObject([{ mine: round }])
      }
    }), 30_000)

  it.scopedLive("is stopped though it had not begun: nobody waits for it for ever", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop()
      for (let round = 0; round < 30; round++) {
        const fiber = yield* Effect.fork(connection.query(slowRead))
        for (let yields = 0; yields < round % 6; yields++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        const [time] = yield* Effect.timed(connection.query("select 1"))
        expect(Duration.toMillis(time)).toBeLessThan(2_000)
      }
    }), 30_000)

  it.scopedLive("lets the statements behind it run once it has ended", () =>
    Effect.gen(function*() {
      const { connection, filename } = yield* shop()
      const first = yield* Effect.fork(connection.query(slowRead))
      const rest = yield* Effect.fork(
        Effect.forEach([1, 2, 3], (n) => connection.query("select ? as n", [n]), { concurrency: 3 })
      )
      yield* isRunning(filename)
      yield* Fiber.interrupt(first)
      const results = yield* Fiber.join(rest)
      expect(results.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
    }))

  it.scopedLive("that still waits for its turn is never run, and disturbs nobody", () =>
    Effect.gen(function*() {
      const { connection, filename, insert } = yield* shop()
      const first = yield* Effect.fork(connection.query(slowRead))
      const second = yield* Effect.fork(insert(2))
      const third = yield* Effect.fork(insert(3))
      yield* isRunning(filename)
      yield* Fiber.interrupt(second)
      yield* Fiber.interrupt(first)
      yield* Fiber.join(third)
      expect((yield* connection.query("select n from item")).rows).toEqual([{ n: 3 }])
    }))

  it.scopedLive("that waits for a lock returns at once, and waits no more", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const run = yield* otherProcess(filename)
      const connection = yield* open({ filename, busyTimeout: "1 minute" })
      yield* connection.query("create table item (n integer primary key)")
      yield* run("begin immediate")
      const fiber = yield* Effect.fork(connection.query("insert into item values (1)"))
      yield* isWaiting(connection)
      const [time] = yield* Effect.timed(Effect.zipRight(Fiber.interrupt(fiber), steps.reset(connection)))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      yield* run("commit")
      expect((yield* connection.query("select count(*) as n from item")).rows).toEqual([{ n: 0 }])
    }))

  it.scopedLive("in an open transaction: reset stops it, and rolls back", () =>
    Effect.gen(function*() {
      const { connection, filename, insert } = yield* shop()
      for (const sql of [slowRead, slowWrite]) {
        yield* connection.query("begin immediate")
        yield* insert(1)
        const fiber = yield* Effect.fork(connection.query(sql))
        yield* isRunning(filename)
        yield* Fiber.interrupt(fiber)
        yield* steps.reset(connection)
        expect(steps.needsReset(connection)).toBe(false)
        expect((yield* connection.query("select count(*) as n from item")).rows).toEqual([{ n: 0 }])
      }
    }))

  it.scopedLive("that another fiber left running: reset stops that too", () =>
    Effect.gen(function*() {
      const { connection, filename } = yield* shop()
      const running = yield* Effect.forkDaemon(Effect.exit(connection.query(slowRead)))
      const waiting = yield* Effect.forkDaemon(Effect.exit(connection.query("select 1")))
      yield* isRunning(filename)
      yield* steps.reset(connection)
      expect(Exit.isFailure(yield* Fiber.join(running))).toBe(true)
      expect(Exit.isFailure(yield* Fiber.join(waiting))).toBe(true)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scopedLive("a reset that is given up on leaves a broken connection", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop()
      const deaths: Array<unknown> = []
      steps.onLost(connection, (reason) => deaths.push(reason))
      yield* connection.query("begin")
      const reset = yield* Effect.fork(steps.reset(connection))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(reset)
      expect(steps.isBroken(connection)).toBe(true)
      expect(deaths).toHaveLength(1)
    }))
})

describe("statementTimeout", () => {
  it.scopedLive("interrupts what takes longer, typed, and the connection goes on", () =>
    Effect.gen(function*() {
      const { connection, filename } = yield* shop({ statementTimeout: "100 millis" })
      for (
        const run of [
          connection.query(slowRead),
          connection.query(slowWrite),
          Stream.runDrain(connection.stream(slowRead))
        ]
      ) {
        const [time, error] = yield* Effect.timed(Effect.flip(run))
        expect(error).toMatchObject({ reason: "Interrupted", code: "SQLITE_INTERRUPT" })
        expect(error.message).toContain("statementTimeout, which is 100 ms")
        expect(Duration.toMillis(time)).toBeGreaterThan(90)
        expect(Duration.toMillis(time)).toBeLessThan(2_000)
      }
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      yield* isIdle(filename)
    }))

  it.scopedLive("lets a stream go on that has had its first row", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop({ statementTimeout: "50 millis" })
      const slowly = Stream.tap(
        connection.stream("select value as n from generate_series(1, 4)", [], { chunkSize: 1 }),
        () => Effect.sleep(25)
      )
      expect(yield* Stream.runCount(slowly)).toBe(4)
    }))

  it.scopedLive("bounds the wait for a lock", () =>
    Effect.gen(function*() {
      const { connection, filename } = yield* shop({ statementTimeout: "100 millis" })
      const run = yield* otherProcess(filename)
      yield* run("begin immediate")
      const error = yield* Effect.flip(connection.query("insert into item values (1)"))
      expect(error.reason).toBe("Interrupted")
      yield* run("commit")
      expect(look(filename, "select count(*) as n from item")).toEqual([{ n: 0 }])
    }))
})
