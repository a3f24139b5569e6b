import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { World } from "../support/schedulers.js"
import { ask, isWaiting, listen, only } from "./support.js"

/** Waits above 1 minute are an overload: who is refused here, is refused for its deadline. */
const tuning: Tuning = {
  name: "orders",
  maxSize: 1,
  overload: { target: "1 minute", interval: "1 minute" },
  acquireTimeout: "1 minute",
  checkAfterIdle: Infinity
}

/** Callers that each hold the connection for so long, one after the other. */
const crowd = (pool: FakePool, count: number, millis: number) =>
  Effect.zipLeft(
    Effect.forEach(Array.from({ length: count }), () => Effect.forkScoped(pool.use(() => Effect.sleep(millis)))),
    settled
  )

/** A pool with a queue of 50 from which ten a second come back, which it knows. */
const busy = (pool: FakePool) =>
  Effect.gen(function*() {
    const waiters = yield* crowd(pool, 61, 100)
    yield* TestClock.adjust("1 second")
    yield* crowd(pool, 1, 100)
    yield* Fiber.interrupt(waiters.at(-1)!)
    expect(yield* pool.stats).toMatchObject({ waiting: 50, returnRate: 10 })
  })

it.effect("a caller that cannot be served by its deadline is refused at once", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      const error = yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: "3 seconds" }))
      expect(error).toMatchObject({ _tag: "PoolRefused", reason: "DeadlineTooShort", returnRate: 10 })
      expect(error.message).toBe(
        "Pool \"orders\" refused (DeadlineTooShort): the wait would be longer than acquireTimeout. Ask again later. " +
          "1 leased of 1, 50 waiting."
      )
      expect(yield* Clock.currentTimeMillis).toBe(1_000)
      expect(yield* pool.stats).toMatchObject({ waiting: 50, shed: 1, refused: 0, timedOut: 0 })
    })))

it.effect("one whose deadline is not quite long enough may be lucky: it waits", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      // 51 places at 10 a second are 5.1 s.
      const caller = yield* ask(pool, { acquireTimeout: "4 seconds" })
      expect(yield* isWaiting(caller)).toBe(true)
    })))

it.effect("one whose class is served first is asked for the wait of its own place", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      const caller = yield* ask(pool, { acquireTimeout: "3 seconds", priority: "high" })
      yield* TestClock.adjust(100)
      yield* Fiber.join(caller)
    })))

it.effect("a caller that tries once gets an AcquireTimeout, as ever", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      const error = yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: 0 }))
      expect(error).toMatchObject({ _tag: "AcquireTimeout", place: 51 })
    })))

it.effect("while the rate is not known nobody is refused", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* crowd(pool, 50, 100)
      const caller = yield* ask(pool, { acquireTimeout: "10 millis" })
      expect(yield* isWaiting(caller)).toBe(true)
      expect((yield* pool.stats).returnRate).toBe(0)
    })))

it.effect("without overload nobody is refused", () =>
  withPool({ ...tuning, overload: false }, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      const caller = yield* ask(pool, { acquireTimeout: "1 second" })
      expect(yield* isWaiting(caller)).toBe(true)
    })))

it.effect("a rate that was measured long ago, in a slow hour, refuses nobody", () =>
  withPool(
    { ...tuning, idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* crowd(pool, 30, 1_000)
        yield* TestClock.adjust("12 seconds")
        yield* crowd(pool, 1, 1_000)
        yield* TestClock.adjust("1 hour")
        expect(yield* pool.stats).toMatchObject({ waiting: 0, leased: 0 })
        // 20 callers of 10 ms each: the last is served after 200 ms.
        yield* crowd(pool, 20, 10)
        const caller = yield* ask(pool, { acquireTimeout: "2 seconds" })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
        expect((yield* pool.stats).shed).toBe(0)
      })
  ))

it.effect("while a connection opens nobody is refused: it may change everything", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      yield* fake.set("open", FakeConnector.hang)
      yield* pool.resize({ maxSize: 2 })
      expect((yield* pool.stats).opening).toBe(1)
      const caller = yield* ask(pool, { acquireTimeout: "1 second" })
      expect(yield* isWaiting(caller)).toBe(true)
    })))

it.effect("who is refused is told so in an event, without a wait", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* busy(pool)
      const events = yield* listen(pool)
      yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: "3 seconds" }))
      yield* settled
      expect(only(events, "AcquireFailed")).toMatchObject([
        { waited: 0, cause: { error: { reason: "DeadlineTooShort" } } }
      ])
    })))

it("a waiter whose deadline has passed is not granted, though the timer is late: the next in time is", () => {
  const world = new World()
  const program = Effect.scoped(Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector, maxSize: 1 })
    const gate = yield* FakeConnector.makeGate
    const holder = yield* Effect.fork(pool.use(() => gate.pass))
    yield* gate.reached
    const late = yield* Effect.fork(Effect.either(pool.use(() => Effect.void, { acquireTimeout: "2 seconds" })))
    yield* Effect.sleep(1)
    const next = yield* Effect.fork(Effect.either(pool.use(() => Effect.void, { acquireTimeout: "1 minute" })))
    yield* Effect.sleep(1)
    // The clock goes on by 4 s, and no timer rings.
    world.setClock(4_000)
    yield* gate.open
    yield* Fiber.join(holder)
    return [yield* Fiber.join(late), yield* Fiber.join(next)]
  }))
  const exit = world.run(program)
  expect(Exit.isSuccess(exit) && exit.value).toMatchObject([
    { _tag: "Left", left: { _tag: "AcquireTimeout", waited: 4_002 } },
    { _tag: "Right" }
  ])
})
