/** What `suspend` and `resume` do to newcomers, waiters, openings, checks and leases. */
import type { AcquireTimeout } from "@cenote/core/PoolError"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

it.effect("newcomers wait though connections are idle, and are served in order when it is resumed", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.suspend()
      expect((yield* pool.stats).phase).toBe("suspended")
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([true, true])
      yield* pool.resume
      const served = yield* Fiber.join(first)
      expect(yield* isWaiting(second)).toBe(true)
      yield* served.release
      yield* Fiber.join(second)
      expect((yield* pool.stats).phase).toBe("running")
    })))

it.effect("newcomers are refused at once where that is asked for", () =>
  withPool({ ...quiet, name: "orders" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* pool.suspend({ newcomers: "refuse" })
      const error = yield* Effect.flip(pool.use(() => Effect.void))
      expect(error).toMatchObject({ _tag: "PoolRefused", reason: "Suspended", sizes: { idle: 2 } })
      expect(error.message).toBe(
        "Pool \"orders\" refused (Suspended): it is suspended. Ask again when it was resumed. 0 leased, 2 idle of 10, 0 waiting."
      )
      expect(yield* pool.stats).toMatchObject({ refused: 1, shed: 0, requests: 3, acquired: 2 })
    })))

it.effect("whoever waited before keeps its place, and gets nothing that comes back meanwhile", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* ask(pool)
      yield* pool.suspend({ newcomers: "refuse" })
      yield* release
      expect(yield* isWaiting(waiter)).toBe(true)
      expect(yield* pool.stats).toMatchObject({ idle: 1, leased: 0, waiting: 1 })
      yield* pool.resume
      expect((yield* Fiber.join(waiter)).id).toBe(0)
    })))

it.effect("deadlines run: who gives up meanwhile is told that the pool is suspended", () =>
  withPool({ ...quiet, acquireTimeout: "3 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.suspend()
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("3 seconds")
      const error = (yield* failureOf(waiter)) as AcquireTimeout
      expect(error).toMatchObject({ _tag: "AcquireTimeout", waited: 3_000 })
      expect(error.message).toMatch(/suspended/)
    })))

it.effect("an opening ends and is kept for later; none begins, whoever waits", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.slow("2 seconds"))
      const waiter = yield* ask(pool)
      yield* pool.suspend()
      yield* ask(pool)
      yield* TestClock.adjust("2 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 1, opening: 0, waiting: 2, opened: 1 })
      yield* pool.resume
      expect((yield* Fiber.join(waiter)).id).toBe(0)
      yield* settled
      expect((yield* fake.counts).opened).toBe(2)
    })))

it.effect("a check that runs ends and its connection is kept; none begins", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.slow("500 millis"))
      const waiter = yield* ask(pool)
      yield* pool.suspend()
      yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 2, checking: 0, waiting: 2 })
      expect((yield* fake.counts).checked).toBe(1)
      yield* pool.resume
      yield* Fiber.join(waiter)
      expect((yield* fake.counts).checked).toBe(3)
    })))

it.effect("a check that fails makes the others suspect, and these are checked only when it is resumed", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.slow("500 millis", FakeConnector.fail("gone", "check")))
      const waiter = yield* ask(pool)
      yield* pool.suspend()
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 2, checking: 0, closed: 1 })
      expect((yield* fake.counts).checked).toBe(1)
      yield* pool.resume
      yield* Fiber.join(waiter)
      expect((yield* fake.counts).checked).toBe(2)
    })))

it.effect("no ping begins meanwhile", () =>
  withPool({ ...quiet, keepalive: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* pool.suspend()
      yield* TestClock.adjust("10 minutes")
      expect((yield* fake.counts).pinged).toBe(0)
      yield* pool.resume
      yield* TestClock.adjust("1 minute")
      expect((yield* fake.counts).pinged).toBeGreaterThanOrEqual(2)
    })))

it.effect("a reset that runs ends, and its connection is idle", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("reset", FakeConnector.slow("1 second"))
      yield* pool.use((connection) => Effect.sync(connection.dirty))
      const waiter = yield* ask(pool)
      yield* pool.suspend()
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ resetting: 0, idle: 1, waiting: 1 })
      yield* pool.resume
      yield* Fiber.join(waiter)
    })))

it.effect("leases go on, and come back idle", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      yield* pool.suspend()
      yield* TestClock.adjust("1 hour")
      expect(connection.isAlive).toBe(true)
      yield* release
      expect(yield* pool.stats).toMatchObject({ phase: "suspended", leased: 0, idle: 1 })
    })))

it.effect("it ends by itself when its time is over, without anybody asking", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.suspend({ duration: "1 minute" })
      const waiter = yield* ask(pool, { acquireTimeout: "2 minutes" })
      yield* TestClock.adjust(59_999)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(waiter)
      expect((yield* pool.stats).phase).toBe("running")
    })))

it.effect("a time of 0 is over at once", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.suspend({ duration: 0, newcomers: "refuse" })
      yield* pool.use(() => Effect.void)
    })))

it.effect("suspended again, what was said last counts: newcomers and time", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.suspend({ newcomers: "refuse", duration: "1 minute" })
      yield* TestClock.adjust("50 seconds")
      yield* pool.suspend({ newcomers: "wait", duration: "1 minute" })
      const waiter = yield* ask(pool, { acquireTimeout: "2 minutes" })
      yield* TestClock.adjust("59 seconds")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* pool.suspend({ duration: "1 second" })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiter)
    })))

it.effect("resume changes nothing where it is not suspended", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      yield* pool.resume
      yield* pool.resume
      expect(yield* pool.stats).toMatchObject({ phase: "running", leased: 1 })
      yield* release
    })))

it.effect("resume opens for who waits, at most maxConnecting at a time", () =>
  withPool({ ...quiet, maxConnecting: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* pool.suspend()
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      expect((yield* fake.counts).opening).toBe(0)
      yield* fake.set("open", FakeConnector.slow("1 second"))
      yield* pool.resume
      yield* settled
      expect(yield* pool.stats).toMatchObject({ opening: 2, waiting: 3 })
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.joinAll(waiters)
    })))

it.effect("who has the last connection, and asks again, waits while it is suspended and is told when it is resumed", () =>
  withPool({ ...quiet, maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const nested = yield* Effect.forkScoped(
        pool.use(() => Effect.zipRight(Effect.sleep("1 second"), pool.use(() => Effect.void)))
      )
      const other = yield* occupy(pool)
      yield* pool.suspend()
      yield* TestClock.adjust("1 second")
      expect(yield* isWaiting(nested)).toBe(true)
      yield* other.release
      yield* pool.resume
      yield* Fiber.join(nested)
    })))

it.effect("it is told in events, with what newcomers do", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* pool.suspend({ newcomers: "refuse" })
      yield* TestClock.adjust("1 second")
      yield* pool.resume
      yield* settled
      expect(events).toEqual([
        { _tag: "PoolSuspended", at: 0, newcomers: "refuse" },
        { _tag: "PoolResumed", at: 1_000 }
      ])
    })))

it.effect("an end by itself is told like one that was asked for", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* pool.suspend({ duration: "1 second" })
      yield* TestClock.adjust("1 second")
      expect(only(events, "PoolResumed")).toEqual([{ _tag: "PoolResumed", at: 1_000 }])
    })))
