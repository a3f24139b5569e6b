/** What `resize` does to newcomers, waiters, openings, checks and leases. */
import type { PoolSizes, Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity, checkAfterIdle: Infinity }

it.effect("up: whoever waits is served by connections that are opened for it", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* pool.resize({ maxSize: 3 })
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([false, false, true])
      expect(yield* pool.stats).toMatchObject({ maxSize: 3, leased: 3, waiting: 1 })
    })))

it.effect("down: idle ones that are too many are closed, the longest idle first", () =>
  withPool({ ...quiet, maxSize: 5 }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 5)
      yield* pool.resize({ maxSize: 2 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ maxSize: 2, idle: 2, closed: 3 })
      expect(only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])).toEqual([
        [0, "Resized"],
        [1, "Resized"],
        [2, "Resized"]
      ])
    })))

it.effect("down below what is leased: leases go on, and as many end as they come back as are too many", () =>
  withPool({ ...quiet, maxSize: 5 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3, 4, 5], () => occupy(pool))
      yield* pool.resize({ maxSize: 2 })
      expect(yield* pool.stats).toMatchObject({ maxSize: 2, leased: 5 })
      expect(holders.every(({ connection }) => connection.isAlive)).toBe(true)
      const sizes: Array<readonly [leased: number, idle: number]> = []
      for (const { release } of holders) {
        yield* release
        yield* settled
        const { idle, leased } = yield* pool.stats
        sizes.push([leased, idle])
      }
      expect(sizes).toEqual([[4, 0], [3, 0], [2, 0], [1, 1], [0, 2]])
      expect((yield* fake.counts).closed).toBe(3)
    })))

it.effect("down: whoever waits keeps its place, and is served as soon as there are not too many any more", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3], () => occupy(pool))
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      yield* pool.resize({ maxSize: 1 })
      yield* holders[0]!.release
      yield* holders[1]!.release
      expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([true, true])
      yield* holders[2]!.release
      expect((yield* Fiber.join(first)).id).toBe(2)
      expect(yield* isWaiting(second)).toBe(true)
    })))

it.effect("down: openings that are too many are ended first, the youngest first, and a newcomer waits", () =>
  withPool({ ...quiet, maxSize: 4, maxConnecting: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const gate = yield* FakeConnector.makeGate
      yield* fake.set("open", FakeConnector.wait(gate))
      const events = yield* listen(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* pool.resize({ maxSize: 2 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ opening: 1, leased: 1, waiting: 3 })
      expect(only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])).toEqual([
        [3, "Resized"],
        [2, "Resized"]
      ])
      yield* gate.open
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([false, true, true])
      expect(yield* isWaiting(yield* ask(pool))).toBe(true)
    })))

it.effect("down: a check that runs ends, and its connection is closed where it is too many", () =>
  withPool({ ...quiet, maxSize: 3, checkAfterIdle: "1 second" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.slow("500 millis"))
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      expect((yield* pool.stats).checking).toBe(3)
      yield* pool.resize({ maxSize: 1 })
      yield* TestClock.adjust("500 millis")
      expect(yield* pool.stats).toMatchObject({ checking: 0, leased: 1, closed: 2, waiting: 2 })
      expect((yield* Effect.forEach(waiters, isWaiting)).filter((waits) => waits).length).toBe(2)
    })))

it.effect("down: a reset that runs ends, and its connection is closed where it is too many", () =>
  withPool({ ...quiet, maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [first] = yield* Effect.all([occupy(pool), occupy(pool)])
      yield* fake.next("reset", FakeConnector.slow("1 second"))
      first.connection.dirty()
      yield* first.release
      yield* pool.resize({ maxSize: 1 })
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ resetting: 0, leased: 1, closed: 1 })
    })))

it.effect("down and up again: nothing more is closed, and what is missing is opened", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3], () => occupy(pool))
      yield* pool.resize({ maxSize: 1 })
      yield* holders[0]!.release
      yield* pool.resize({ maxSize: 3 })
      yield* holders[1]!.release
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 1, closed: 1 })
      const [, , waiter] = yield* Effect.all([ask(pool), ask(pool), ask(pool)])
      expect(yield* isWaiting(waiter)).toBe(true)
      expect((yield* pool.stats).leased).toBe(3)
    })))

it.effect("never are more open than there were, while there are too many", () =>
  withPool({ ...quiet, maxSize: 4, minSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3, 4], () => occupy(pool))
      yield* pool.resize({ maxSize: 2 })
      yield* fake.kill(0)
      yield* holders[0]!.release
      yield* settled
      expect((yield* fake.counts).opening).toBe(4)
      expect(yield* pool.stats).toMatchObject({ leased: 3, opening: 0 })
    })))

it.effect("minSize and minIdle: what is missing is opened", () =>
  withPool({ ...quiet, maxSize: 6 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.resize({ minSize: 2 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 2, minSize: 2 })
      yield* hold(pool)
      yield* pool.resize({ minIdle: 3 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 3, leased: 1, minSize: 2, minIdle: 3 })
    })))

it.effect("minSize lowered: what is idle for too long is closed", () =>
  withPool({ ...quiet, minSize: 4, idleTimeout: "1 minute" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* TestClock.adjust("5 minutes")
      expect((yield* pool.stats).idle).toBe(4)
      yield* pool.resize({ minSize: 1 })
      yield* settled
      expect((yield* pool.stats).idle).toBe(1)
    })))

it.effect("minSize and minIdle above maxSize count as that", () =>
  withPool({ ...quiet, maxSize: 4 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.resize({ minSize: 9, minIdle: 9 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 4, maxSize: 4 })
      yield* pool.resize({ maxSize: 2 })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 2, maxSize: 2 })
    })))

it.effect("what is left out stays, and nothing at all changes nothing", () =>
  withPool({ ...quiet, maxSize: 4, minSize: 1, minIdle: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.resize({})
      yield* pool.resize({ maxSize: undefined, minSize: undefined })
      yield* pool.resize({ minSize: 0 })
      expect(yield* pool.stats).toMatchObject({ maxSize: 4, minSize: 0, minIdle: 2 })
    })))

it.effect("to the size that it has: nothing is closed and nothing opened", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* pool.resize({ maxSize: 3 })
      yield* pool.resize({ maxSize: 3 })
      yield* settled
      expect(yield* fake.counts).toMatchObject({ opening: 3, closing: 0 })
    })))

const impossible: ReadonlyArray<readonly [PoolSizes, string]> = [
  [{ maxSize: 0 }, "maxSize must be an integer of at least 1; got 0"],
  [{ maxSize: NaN }, "maxSize must be an integer of at least 1; got NaN"],
  [{ maxSize: -1 }, "maxSize must be an integer of at least 1; got -1"],
  [{ maxSize: 1.5 }, "maxSize must be an integer of at least 1; got 1.5"],
  [{ maxSize: Infinity }, "maxSize must be an integer of at least 1; got Infinity"],
  [{ maxSize: "10" as any }, "maxSize must be an integer of at least 1; got \"10\""],
  [{ minSize: -1 }, "minSize must be an integer of at least 0; got -1"],
  [{ minIdle: NaN }, "minIdle must be an integer of at least 0; got NaN"],
  [{ maxSize: 2, minSize: 3 }, "minSize must be at most maxSize; got 3 with maxSize 2"],
  [
    { maxSize: 0, minSize: -1, minIdle: 0.5 },
    "maxSize must be an integer of at least 1; got 0; minSize must be an integer of at least 0; got -1; " +
    "minIdle must be an integer of at least 0; got 0.5"
  ]
]

for (const [sizes, problem] of impossible) {
  it.effect(`${JSON.stringify(sizes)} (${problem.split("; got")[0]}) is refused by name, and changes nothing`, () =>
    withPool({ ...quiet, maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 2)
        const error = yield* Effect.flip(pool.resize(sizes))
        expect(error).toMatchObject({ _tag: "InvalidOptions", message: `Invalid pool options: ${problem}.` })
        expect(yield* pool.stats).toMatchObject({ maxSize: 2, minSize: 0, minIdle: 0, idle: 2 })
      })))
}

it.effect("it is told in an event, with what was asked for", () =>
  withPool({ ...quiet, maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* pool.resize({ maxSize: 5, minIdle: 0 })
      yield* settled
      expect(events).toEqual([{ _tag: "PoolResized", at: 0, sizes: { maxSize: 5, minIdle: 0 } }])
    })))
