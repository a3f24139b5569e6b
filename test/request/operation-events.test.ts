import type { PoolEvent } from "@cenote/core/PoolEvent"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { listen, occupy, warm } from "./support.js"

const quiet = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

const ofThePool = (events: ReadonlyArray<PoolEvent>) => events.filter(({ _tag }) => _tag.startsWith("Pool"))

it.effect("each operation is told once, in order, when it was and with what was asked for", () =>
  withPool({ ...quiet, maxSize: 4 }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      const operations = [
        pool.resize({ maxSize: 2, minSize: 1 }),
        pool.clear(),
        pool.clear({ abortLeases: true }),
        pool.recycle({ within: "1 minute" }),
        pool.suspend(),
        pool.suspend({ newcomers: "refuse", duration: "10 seconds" }),
        pool.resume
      ]
      for (const operation of operations) {
        yield* operation
        yield* TestClock.adjust("1 second")
      }
      const draining = yield* Effect.forkScoped(pool.drain)
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.forkScoped(pool.close())
      yield* TestClock.adjust("1 second")
      yield* release
      yield* Fiber.join(Fiber.all([draining, closing]))
      yield* settled
      expect(ofThePool(events)).toEqual([
        { _tag: "PoolResized", at: 0, sizes: { maxSize: 2, minSize: 1 } },
        { _tag: "PoolCleared", at: 1_000, abortLeases: false },
        { _tag: "PoolCleared", at: 2_000, abortLeases: true },
        { _tag: "PoolRecycled", at: 3_000, within: 60_000 },
        { _tag: "PoolSuspended", at: 4_000, newcomers: "wait" },
        { _tag: "PoolSuspended", at: 5_000, newcomers: "refuse" },
        { _tag: "PoolResumed", at: 6_000 },
        { _tag: "PoolDraining", at: 7_000 },
        { _tag: "PoolClosing", at: 8_000 },
        { _tag: "PoolClosed", at: 9_000 }
      ])
    })))

it.effect("an operation that finds nothing to change is told all the same, but for a resume that ends no suspension", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const events = yield* listen(pool)
      yield* pool.resume
      yield* pool.resize({})
      yield* pool.clear()
      yield* settled
      expect(ofThePool(events).map(({ _tag }) => _tag)).toEqual(["PoolResized", "PoolCleared"])
    })))

it.effect("what an operation does to connections comes after it says that it was asked for", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      const events = yield* listen(pool)
      yield* pool.clear()
      yield* settled
      expect(events.map(({ _tag }) => _tag)).toEqual([
        "PoolCleared",
        "ConnectionClosing",
        "ConnectionClosing",
        "ConnectionClosed",
        "ConnectionClosed"
      ])
    })))
