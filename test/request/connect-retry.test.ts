import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, isWaiting, listen, only } from "./support.js"

const refused = FakeConnector.fail("connection refused")

it.effect("a retry is part of the opening: its failures fail nobody and are not counted", () =>
  withPool({ connectRetry: Schedule.recurs(2) }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* fake.next("open", refused, refused)
      yield* pool.use(() => Effect.void)
      yield* settled
      expect((yield* fake.counts).opening).toBe(3)
      expect(yield* pool.stats).toMatchObject({ openFailures: 0, failedInARow: 0, opened: 1 })
      expect(only(events, "ConnectionOpening").length).toBe(1)
    })))

it.effect("tries that wait for each other are as far apart as the schedule says", () =>
  withPool({ connectRetry: Schedule.spaced("2 seconds") }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused, refused)
      yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      const times = (yield* fake.log).filter(({ event }) => event === "opening").map(({ at }) => at)
      expect(times).toEqual([0, 2_000, 4_000])
    })))

it.effect("when the tries are used up, the connector's error goes to the callers", () =>
  withPool({ connectRetry: Schedule.recurs(2) }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused, refused, FakeConnector.fail("the last one"))
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ reason: "the last one" })
      expect((yield* pool.stats).openFailures).toBe(1)
    })))

it.effect("a defect is not tried again", () =>
  withPool({ connectRetry: Schedule.recurs(2) }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const defect = new Error("bug in the driver")
      yield* fake.next("open", FakeConnector.die(defect))
      expect(yield* Effect.exit(pool.use(() => Effect.void))).toEqual(Exit.die(defect))
      expect((yield* fake.counts).opening).toBe(1)
    })))

it.scoped("what a try had opened is closed before the next one begins", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    let tries = 0
    const open = Effect.gen(function*() {
      const number = ++tries
      yield* Effect.acquireRelease(
        Effect.sync(() => log.push(`socket ${number}`)),
        (_, exit) =>
          Effect.zipRight(
            Effect.sleep(Exit.isFailure(exit) ? "1 second" : 0),
            Effect.sync(() => log.push(`socket ${number} closed`))
          )
      )
      log.push(`login ${number}`)
      if (number < 3) yield* Effect.fail("refused")
      return number
    })
    const pool = yield* ConnectionPool.make({ connector: open, connectRetry: Schedule.recurs(5) })
    const user = yield* Effect.fork(pool.use((number) => Effect.succeed(number)))
    yield* TestClock.adjust("2 seconds")
    expect(yield* Fiber.join(user)).toBe(3)
    expect(log).toEqual([
      "socket 1",
      "login 1",
      "socket 1 closed",
      "socket 2",
      "login 2",
      "socket 2 closed",
      "socket 3",
      "login 3"
    ])
  }))

it.effect("an opening, its retries included, ends with a ConnectTimeout after connectTimeout", () =>
  withPool({ name: "orders", connectTimeout: "9 seconds", connectRetry: Schedule.spaced("2 seconds") }, (
    { fake, pool }
  ) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      const caller = yield* ask(pool)
      yield* TestClock.adjust(8_999)
      expect(yield* isWaiting(caller)).toBe(true)
      yield* TestClock.adjust(1)
      const error = yield* failureOf(caller)
      expect(error).toMatchObject({ _tag: "ConnectTimeout", pool: "orders", after: 9_000 })
      expect(error.message).toContain("took longer than connectTimeout (9s)")
    })))

for (
  const { behaviour, closing, name } of [
    { name: "hangs", behaviour: FakeConnector.hang, closing: 0 },
    { name: "ignores interruption", behaviour: FakeConnector.stick, closing: 1 }
  ]
) {
  it.effect(`an opening that ${name} ends with a ConnectTimeout, and its permit is free, at the latest after closeTimeout`, () =>
    withPool({ maxSize: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.next("open", behaviour)
        const caller = yield* ask(pool)
        yield* TestClock.adjust("15 seconds")
        expect(yield* failureOf(caller)).toMatchObject({ _tag: "ConnectTimeout", after: 15_000 })
        expect(yield* pool.stats).toMatchObject({ opening: 0, closing, openFailures: 1 })
        yield* TestClock.adjust("5 seconds")
        expect(yield* pool.stats).toMatchObject({ opening: 0, closing: 0, aborted: closing })
        const next = yield* ask(pool)
        yield* TestClock.adjust("100 millis")
        yield* Fiber.join(next)
      })))
}

it.scoped("one connection never has two sessions: who comes after an opening that goes on when its time is over waits for its end", () =>
  Effect.gen(function*() {
    let sessions = 0
    let most = 0
    // As drivers do: nothing interrupts a handshake that is under way.
    const open = Effect.acquireRelease(
      Effect.zipRight(
        Effect.sync(() => {
          most = Math.max(most, ++sessions)
        }),
        Effect.sleep("3 seconds")
      ),
      () =>
        Effect.sync(() => {
          sessions--
        })
    )
    const pool = yield* ConnectionPool.make({ connector: open, maxSize: 1, connectTimeout: "1 second" })
    const callers = yield* Effect.forEach([1, 2, 3], () => ask(pool))
    for (let seconds = 0; seconds < 30; seconds++) yield* TestClock.adjust("1 second")
    for (const caller of callers) expect(yield* failureOf(caller)).toMatchObject({ _tag: "ConnectTimeout" })
    expect(most).toBe(1)
  }))

it.scoped("an opening that was given up on and succeeds later is closed at once, and serves nobody", () =>
  Effect.gen(function*() {
    const late = yield* Deferred.make<void>()
    let opened = 0
    let closed = 0
    const connector = Connector.make({
      open: Effect.uninterruptible(Effect.zipRight(
        Deferred.await(late),
        Effect.acquireRelease(Effect.sync(() => ++opened), () => Effect.sync(() => ++closed))
      ))
    })
    const pool = yield* ConnectionPool.make({ connector, connectTimeout: "1 second" })
    const caller = yield* ask(pool)
    yield* TestClock.adjust("1 second")
    expect(yield* failureOf(caller)).toMatchObject({ _tag: "ConnectTimeout" })
    yield* Deferred.succeed(late, undefined)
    yield* settled
    expect({ opened, closed }).toEqual({ opened: 1, closed: 1 })
    expect(yield* pool.stats).toMatchObject({ idle: 0, opened: 0, openFailures: 1 })
  }))

it.scoped("the permit of an opening that timed out comes back when what it had opened is closed, not before", () =>
  Effect.gen(function*() {
    let sockets = 0
    let most = 0
    const socket = Effect.acquireRelease(
      Effect.sync(() => {
        most = Math.max(most, ++sockets)
      }),
      () => Effect.zipRight(Effect.sleep("2 seconds"), Effect.sync(() => --sockets))
    )
    const pool = yield* ConnectionPool.make({
      connector: Effect.zipRight(socket, Effect.never),
      maxSize: 1,
      connectTimeout: "1 second",
      whenDown: "wait"
    })
    const caller = yield* Effect.fork(pool.use(() => Effect.void))
    yield* TestClock.adjust("2 seconds")
    expect(yield* pool.stats).toMatchObject({ closing: 1, opening: 0 })
    yield* TestClock.adjust("10 seconds")
    expect(most).toBe(1)
    yield* Fiber.interrupt(caller)
    yield* TestClock.adjust("10 seconds")
    expect(sockets).toBe(0)
  }))

it.effect("an opening that interrupts itself is a defect for its callers, and not their own interruption", () =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Connector.make({ open: Effect.interrupt }) })
    const exit = yield* Effect.exit(pool.use(() => Effect.void))
    expect(exit).toEqual(Exit.die(new Error("The connector interrupted its own opening")))
  })))
