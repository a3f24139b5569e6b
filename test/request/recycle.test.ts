/** What `recycle` does: all of today's connections are replaced within a time, one after the other. */
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

it.effect("each is closed when its successor is open, the oldest first, evenly spread over the time", () =>
  withPool({ ...quiet, maxSize: 10 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      const events = yield* listen(pool)
      yield* pool.recycle({ within: "40 seconds" })
      yield* TestClock.adjust("40 seconds")
      expect(only(events, "ConnectionClosing").map(({ at, id, reason }) => [id, at, reason])).toEqual([
        [0, 0, "Recycled"],
        [1, 10_000, "Recycled"],
        [2, 20_000, "Recycled"],
        [3, 30_000, "Recycled"]
      ])
      expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual([
        "Successor",
        "Successor",
        "Successor",
        "Successor"
      ])
      const order = events.filter(({ _tag }) => _tag === "ConnectionOpened" || _tag === "ConnectionClosing")
      expect(order.map(({ _tag }) => _tag)).toEqual(
        [1, 2, 3, 4].flatMap(() => ["ConnectionOpened", "ConnectionClosing"])
      )
      expect(yield* pool.stats).toMatchObject({ idle: 4 })
    })))

it.effect("where all permits are spent, each leaves first, one at a time", () =>
  withPool({ ...quiet, maxSize: 3, minSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* fake.set("open", FakeConnector.slow("1 second"))
      yield* pool.recycle({ within: "30 seconds" })
      const sizes: Array<number> = []
      for (let second = 0; second < 30; second++) {
        yield* TestClock.adjust("1 second")
        sizes.push((yield* pool.stats).idle)
      }
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(2)
      expect(yield* fake.counts).toMatchObject({ mostAlive: 3, closed: 3, opened: 6 })
    })))

it.effect("a leased one is closed when it comes back", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, release } = yield* occupy(pool)
      yield* pool.recycle({ within: "10 seconds" })
      yield* TestClock.adjust("1 minute")
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* settled
      expect(only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])).toContainEqual([0, "Recycled"])
    })))

it.effect("none of them is handed out when the time is over, though the server takes no new ones", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* fake.set("open", FakeConnector.fail("password changed"))
      yield* pool.recycle({ within: "10 seconds" })
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("open", FakeConnector.ok)
      yield* TestClock.adjust("10 seconds")
      expect((yield* hold(pool)).id).toBeGreaterThanOrEqual(3)
    })))

it.effect("within 0, idle connections are closed at once", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* pool.recycle({ within: 0 })
      yield* settled
      expect((yield* fake.counts).closed).toBe(3)
    })))

it.effect("an opening of today is begun anew: what it was told is of yesterday", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.hang)
      const waiter = yield* ask(pool)
      yield* pool.recycle({ within: "1 minute" })
      expect((yield* Fiber.join(waiter)).id).toBe(1)
    })))

it.effect("callers are served all the while, and nobody waits", () =>
  withPool({ ...quiet, maxSize: 4, minSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      const events = yield* listen(pool)
      yield* pool.recycle({ within: "20 seconds" })
      for (let second = 0; second < 20; second++) {
        yield* pool.use(() => Effect.void)
        yield* TestClock.adjust("1 second")
      }
      expect(only(events, "Acquired").every(({ waited }) => waited === 0)).toBe(true)
      expect((yield* pool.stats).closed).toBe(2)
    })))

it.effect("recycled again before the end, all of today's are replaced", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      yield* pool.recycle({ within: "40 seconds" })
      yield* TestClock.adjust("15 seconds")
      yield* pool.recycle({ within: "40 seconds" })
      yield* TestClock.adjust("40 seconds")
      const closed = (yield* fake.log).filter(({ event }) => event === "closed").map(({ connection }) => connection)
      expect(closed.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
      expect((yield* pool.stats).idle).toBe(4)
    })))

it.effect("one that would end earlier by its own lifetime does so", () =>
  withPool({ ...quiet, maxLifetime: "30 seconds", lifetimeJitter: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const events = yield* listen(pool)
      yield* pool.recycle({ within: "1 hour" })
      yield* TestClock.adjust("30 seconds")
      expect(only(events, "ConnectionClosing").length).toBeGreaterThanOrEqual(1)
    })))

it.effect("what is no duration is refused by name", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      for (const within of ["soon", -1, NaN] as ReadonlyArray<any>) {
        expect(yield* Effect.flip(pool.recycle({ within }))).toMatchObject({
          _tag: "InvalidOptions",
          issues: [{ field: "within" }]
        })
      }
    })))
