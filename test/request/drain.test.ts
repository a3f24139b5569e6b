/** What `drain` does to newcomers, waiters, openings, checks and leases. */
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

const drain = (pool: FakePool) => Effect.zipLeft(Effect.forkScoped(pool.drain), settled)

it.effect("a pool that nobody uses is closed at once", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* pool.drain
      expect((yield* pool.stats).phase).toBe("closed")
      expect(yield* fake.counts).toMatchObject({ closed: 3, alive: 0 })
    })))

it.effect("newcomers are refused, whoever waits is served, and then it is closed", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      const draining = yield* drain(pool)
      expect(yield* pool.stats).toMatchObject({ phase: "draining", waiting: 2 })
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed" })
      yield* release
      yield* (yield* Fiber.join(first)).release
      yield* (yield* Fiber.join(second)).release
      yield* Fiber.join(draining)
      expect((yield* pool.stats).phase).toBe("closed")
    })))

it.effect("openings go on, and begin, while anybody waits for them", () =>
  withPool({ ...quiet, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("1 second"))
      const waiters = yield* Effect.forEach([1, 2], () => ask(pool))
      const draining = yield* drain(pool)
      yield* TestClock.adjust("2 seconds")
      const holders = yield* Fiber.join(Fiber.all(waiters))
      expect(holders.map(({ id }) => id)).toEqual([0, 1])
      yield* Effect.forEach(holders, ({ release }) => release)
      yield* Fiber.join(draining)
    })))

it.effect("an opening that nobody waits for any more is ended", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.hang)
      const waiter = yield* ask(pool)
      const draining = yield* drain(pool)
      expect((yield* pool.stats).opening).toBe(1)
      yield* Fiber.interrupt(waiter)
      yield* Fiber.join(draining)
      expect(yield* pool.stats).toMatchObject({ phase: "closed", opening: 0 })
    })))

it.effect("a failed opening is begun again for who waits, after the back-off", () =>
  withPool({ ...quiet, whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.fail())
      const waiter = yield* ask(pool)
      const draining = yield* drain(pool)
      yield* TestClock.adjust("100 millis")
      yield* (yield* Fiber.join(waiter)).release
      yield* Fiber.join(draining)
    })))

it.effect("checks for who waits go on, and idle connections that nobody needs are closed", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.slow("500 millis"))
      const waiter = yield* ask(pool)
      const draining = yield* drain(pool)
      yield* TestClock.adjust("500 millis")
      const holder = yield* Fiber.join(waiter)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ phase: "draining", leased: 1, idle: 0, closed: 2 })
      yield* holder.release
      yield* Fiber.join(draining)
    })))

it.effect("leases are awaited, however long they take", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* occupy(pool)
      const draining = yield* drain(pool)
      yield* TestClock.adjust("10 hours")
      expect(connection.isAlive).toBe(true)
      expect(yield* isWaiting(draining)).toBe(true)
      yield* release
      yield* Fiber.join(draining)
      expect((yield* fake.counts).aborted).toBe(0)
    })))

it.effect("deadlines of who waits run", () =>
  withPool({ ...quiet, maxSize: 1, acquireTimeout: "2 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* ask(pool)
      const draining = yield* drain(pool)
      yield* TestClock.adjust("2 seconds")
      expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout" })
      yield* release
      yield* Fiber.join(draining)
    })))

it.effect("minSize and minIdle are not refilled", () =>
  withPool({ ...quiet, minSize: 3, minIdle: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      const { release } = yield* occupy(pool)
      yield* settled
      const opened = (yield* fake.counts).opening
      const draining = yield* drain(pool)
      yield* TestClock.adjust("1 minute")
      expect((yield* fake.counts).opening).toBe(opened)
      yield* release
      yield* Fiber.join(draining)
    })))

it.effect("asked for twice, both end when it is closed", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      const first = yield* drain(pool)
      const second = yield* drain(pool)
      expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([true, true])
      yield* release
      yield* Fiber.join(Fiber.all([first, second]))
      yield* pool.drain
      expect(only(events, "PoolDraining").length).toBe(1)
      expect(only(events, "PoolClosed").length).toBe(1)
    })))

it.effect("interrupting it ends the waiting only: the pool goes on draining", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const draining = yield* drain(pool)
      yield* Fiber.interrupt(draining)
      expect((yield* pool.stats).phase).toBe("draining")
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed" })
      yield* release
      yield* settled
      expect((yield* pool.stats).phase).toBe("closed")
    })))

it.effect("a pool whose drain was interrupted ends its events all the same", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      yield* Effect.flatMap(drain(pool), Fiber.interrupt)
      yield* release
      yield* settled
      expect(only(events, "PoolClosed").length).toBe(1)
    })))

it.effect("close cuts it short", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const draining = yield* drain(pool)
      const closing = yield* Effect.forkScoped(pool.close({ deadline: "1 second" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(Fiber.all([draining, closing]))
      expect((yield* fake.counts).aborted).toBe(1)
    })))

it.effect("a suspended pool that is drained serves who waits", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.suspend()
      const waiter = yield* ask(pool)
      const draining = yield* drain(pool)
      yield* (yield* Fiber.join(waiter)).release
      yield* Fiber.join(draining)
    })))
