import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only } from "./support.js"

const quiet: Tuning = { keepalive: Infinity, maxLifetime: Infinity, checkAfterIdle: Infinity }

it.effect("a pool opens its spare ones before anybody asks", () =>
  withPool({ ...quiet, minIdle: 3, maxConnecting: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 3, minIdle: 3, requests: 0 })
    })))

it.effect("each that is taken is replaced at once, until all of maxSize are open", () =>
  withPool({ ...quiet, minIdle: 2, maxSize: 5 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* settled
      const sizes: Array<readonly [leased: number, idle: number]> = []
      for (let taken = 0; taken < 5; taken++) {
        yield* hold(pool)
        yield* settled
        const { idle, leased } = yield* pool.stats
        sizes.push([leased, idle])
      }
      expect(sizes).toEqual([[1, 2], [2, 2], [3, 2], [4, 1], [5, 0]])
    })))

it.effect("a burst of as many finds them open, though a connect takes long", () =>
  withPool({ ...quiet, minIdle: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* fake.set("open", FakeConnector.slow("5 seconds"))
      yield* Effect.forEach([1, 2, 3, 4], () => hold(pool))
      expect(yield* Clock.currentTimeMillis).toBe(0)
      expect(yield* isWaiting(yield* ask(pool))).toBe(true)
    })))

it.effect("who waits comes before what is spare", () =>
  withPool({ ...quiet, minIdle: 2, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("1 second"))
      const events = yield* listen(pool)
      const callers = yield* Effect.forEach([1, 2], () => ask(pool))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.joinAll(callers)
      yield* TestClock.adjust("2 seconds")
      // The first begins as the pool is made, and serves the first caller.
      expect(only(events, "Acquired").map(({ at, id }) => [at, id])).toEqual([[1_000, 0], [2_000, 1]])
      expect(yield* pool.stats).toMatchObject({ leased: 2, idle: 2 })
    })))

it.effect("an opening for a spare one says that it is a refill", () =>
  withPool({ ...quiet, minIdle: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* settled
      const events = yield* listen(pool)
      yield* hold(pool)
      yield* settled
      expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual(["Refill"])
    })))

it.effect("what is spare is not pruned, and what is beyond it is", () =>
  withPool({ ...quiet, minIdle: 2, maxSize: 6, idleTimeout: "1 minute" }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => hold(pool))
      yield* Effect.forEach(holders, ({ release }) => release)
      expect((yield* pool.stats).idle).toBe(6)
      yield* TestClock.adjust("10 minutes")
      expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 4 })
    })))

it.effect("with minSize and minIdle as many are kept as either asks for", () =>
  withPool(
    { ...quiet, minSize: 3, minIdle: 1, maxSize: 6, idleTimeout: "1 minute" },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* settled
        expect((yield* pool.stats).idle).toBe(3)
        yield* Effect.forEach([1, 2, 3], () => hold(pool))
        yield* settled
        expect(yield* pool.stats).toMatchObject({ leased: 3, idle: 1 })
      })
  ))

it.effect("one that dies idle is replaced", () =>
  withPool({ ...quiet, minIdle: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* fake.kill(0)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 1, opened: 3 })
    })))

it.effect("while openings fail, the spare ones wait for the back-off like everybody", () =>
  withPool(
    { ...quiet, minIdle: 2, maxConnecting: 1 },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* settled
        expect((yield* fake.counts).opening).toBe(1)
        yield* TestClock.adjust("10 seconds")
        expect((yield* fake.counts).opening).toBeLessThan(12)
        yield* fake.set("open", FakeConnector.ok)
        yield* TestClock.adjust("5 seconds")
        expect(yield* pool.stats).toMatchObject({ idle: 2, failedInARow: 0 })
      }),
    {},
    (fake) => fake.set("open", FakeConnector.fail("connection refused"))
  ))

it.effect("a pool that is suspended or drains opens no spare ones, and opens them when it is resumed", () =>
  withPool({ ...quiet, minIdle: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      const { release } = yield* hold(pool)
      yield* settled
      yield* pool.suspend()
      yield* fake.kill(0)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, opening: 0 })
      yield* pool.resume
      yield* settled
      expect((yield* pool.stats).idle).toBe(2)
      const draining = yield* Effect.forkScoped(pool.drain)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 0, opening: 0 })
      yield* release
      yield* Fiber.join(draining)
    })))
