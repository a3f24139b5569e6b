import type { AcquireTimeout } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, warm } from "./support.js"

/** Nothing is due by itself, so that time can pass in large steps. */
const quiet = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

it.effect("a caller gives up after the pool's acquireTimeout, and not before", () =>
  withPool({ maxSize: 1, acquireTimeout: "7 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust(6_999)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout", waited: 7_000 })
    })))

it.effect("the wait is 30 seconds where nobody says otherwise", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("30 seconds")
      expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout", waited: 30_000 })
    })))

it.effect("a caller can wait for a shorter or a longer time than the pool says", () =>
  withPool({ maxSize: 1, acquireTimeout: "10 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const long = yield* Effect.forkScoped(pool.use(() => Effect.void, { acquireTimeout: "1 minute" }))
      const own = yield* Effect.forkScoped(Effect.scoped(pool.get))
      const short = yield* Effect.forkScoped(Effect.scoped(pool.lease({ acquireTimeout: "1 second" })))
      yield* TestClock.adjust("1 second")
      expect(yield* failureOf(short)).toMatchObject({ _tag: "AcquireTimeout", waited: 1_000, place: 3 })
      expect(yield* isWaiting(own)).toBe(true)
      yield* TestClock.adjust("9 seconds")
      expect(yield* failureOf(own)).toMatchObject({ _tag: "AcquireTimeout", waited: 10_000, place: 2 })
      expect(yield* isWaiting(long)).toBe(true)
      yield* TestClock.adjust("50 seconds")
      expect(yield* failureOf(long)).toMatchObject({ _tag: "AcquireTimeout", waited: 60_000, place: 1 })
    })))

it.effect("deadlines that fall with each newcomer each end their own wait", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const seconds = [9, 7, 8, 2, 5, 1]
      const waiters = yield* Effect.forEach(seconds, (seconds) => ask(pool, { acquireTimeout: `${seconds} seconds` }))
      for (let passed = 1; passed <= 9; passed++) {
        yield* TestClock.adjust("1 second")
        const waiting = yield* Effect.forEach(waiters, isWaiting)
        expect(waiting).toEqual(seconds.map((seconds) => seconds > passed))
      }
      expect(yield* pool.stats).toMatchObject({ waiting: 0, timedOut: 6 })
    })))

it.effect("a time of 0 takes an idle connection", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      expect(yield* pool.use(({ id }) => Effect.succeed(id), { acquireTimeout: 0 })).toBe(0)
    })))

it.effect("a time of 0 tries once: it fails without a wait, and what it has started opening is the pool's", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: 0 }))
      expect(error).toMatchObject({ _tag: "AcquireTimeout", waited: 0, place: 1 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, waiting: 0 })
      expect(yield* pool.use(({ id }) => Effect.succeed(id), { acquireTimeout: 0 })).toBe(0)
      expect((yield* fake.counts).opened).toBe(1)
    })))

it.effect("an infinite time waits for as long as it takes", () =>
  withPool({ maxSize: 1, acquireTimeout: Duration.infinity, ...quiet }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("800 days")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      yield* Fiber.join(waiter)
    })))

it.effect("a caller that cannot be interrupted waits for its own time, and not longer", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      let error: unknown
      const waiter = yield* Effect.forkScoped(
        Effect.uninterruptible(
          Effect.catchAll(pool.use(() => Effect.void, { acquireTimeout: "3 seconds" }), (timeout) =>
            Effect.sync(() => {
              error = timeout
            }))
        )
      )
      yield* settled
      const interruption = yield* Effect.forkScoped(Fiber.interrupt(waiter))
      yield* TestClock.adjust(2_999)
      expect(yield* isWaiting(interruption)).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(interruption)
      expect(error).toMatchObject({ _tag: "AcquireTimeout", waited: 3_000 })
    })))

it.effect("the time bounds the wait, not the use", () =>
  withPool({ acquireTimeout: "1 second" }, ({ pool }) =>
    Effect.gen(function*() {
      const slow = yield* Effect.forkScoped(pool.use(() => Effect.as(Effect.sleep("1 hour"), "done")))
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.join(slow)).toBe("done")
    })))

it.effect("an AcquireTimeout tells how long, at what place, what the connections were doing, and what to change", () =>
  withPool({ name: "orders", maxSize: 2, acquireTimeout: "5 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.all([hold(pool), hold(pool)])
      yield* ask(pool, { acquireTimeout: "1 hour" })
      yield* TestClock.adjust("1 second")
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      const error = yield* failureOf(waiter)
      expect(error).toMatchObject({
        _tag: "AcquireTimeout",
        pool: "orders",
        waited: 5_000,
        at: 6_000,
        place: 2,
        sizes: { maxSize: 2, leased: 2, idle: 0, opening: 0, checking: 0, resetting: 0, closing: 0, waiting: 2 },
        lastConnectFailure: Option.none()
      })
      expect(error.message).toContain("in 5s: place 2 of 2 in the queue, 2 leased of 2.")
    })))

it.effect("callers that give up at the same moment are told the places that they had then", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* TestClock.adjust("30 seconds")
      const errors = yield* Effect.forEach(waiters, failureOf)
      expect(errors).toMatchObject([{ place: 1 }, { place: 2 }, { place: 3 }])
    })))

it.effect("an AcquireTimeout during an outage carries the last connect failure", () =>
  withPool(
    { name: "orders", acquireTimeout: "50 millis", whenDown: "wait" },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.set("open", FakeConnector.fail("connection refused"))
        yield* TestClock.adjust("1 second")
        const waiter = yield* ask(pool)
        yield* TestClock.adjust("50 millis")
        const error = (yield* failureOf(waiter)) as AcquireTimeout
        const failure = Option.getOrThrow(error.lastConnectFailure)
        expect(failure.at).toBe(1_000)
        expect(Cause.squash(failure.cause)).toMatchObject({ _tag: "FakeError", reason: "connection refused" })
        expect(error.message).toBe(
          "No connection of pool \"orders\" in 50ms: place 1 of 1 in the queue, 0 leased of 10. Last connect failure, " +
            "50ms ago: open failed: connection refused. Connections cannot be opened: see the last connect failure."
        )
      })
  ))

it.effect("an AcquireTimeout while connections are opening says that it is the connect that takes long", () =>
  withPool({ acquireTimeout: "1 second" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.hang)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      const error = yield* failureOf(waiter)
      expect(error).toMatchObject({ sizes: { opening: 1, leased: 0 } })
      expect(error.message).toContain("look at how long a connect takes, or raise acquireTimeout")
    })))
