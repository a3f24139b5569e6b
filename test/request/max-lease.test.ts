import type { Tuning } from "@cenote/core/PoolOptions"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, occupy, only } from "./support.js"

const tuning: Tuning = {
  maxSize: 1,
  maxLease: "1 minute",
  idleTimeout: Infinity,
  keepalive: Infinity,
  maxLifetime: Infinity
}

it.effect("a lease that lasts for longer is aborted then, and not before; its holder goes on", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holder = yield* Effect.forkScoped(
        pool.use((connection) => Effect.map(Effect.sleep("2 minutes"), () => connection.isAlive))
      )
      yield* TestClock.adjust(59_999)
      expect((yield* fake.counts).aborted).toBe(0)
      yield* TestClock.adjust(1)
      expect(yield* fake.counts).toMatchObject({ aborted: 1, closed: 0 })
      expect(yield* isWaiting(holder)).toBe(true)
      yield* TestClock.adjust("1 minute")
      expect(yield* Fiber.join(holder)).toBe(false)
      yield* settled
      expect((yield* fake.counts).closed).toBe(1)
    })))

it.effect("its permit is free when it has come back, and not before", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* ask(pool, { acquireTimeout: "1 hour" })
      yield* TestClock.adjust("10 minutes")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      expect((yield* Fiber.join(waiter)).id).toBe(1)
      expect((yield* fake.counts).mostAlive).toBe(1)
    })))

it.effect("it is told in events: who held it, that it was aborted, how long it took to come back, and why it was closed", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      yield* TestClock.adjust("90 seconds")
      yield* release
      yield* settled
      expect(events.map(({ _tag }) => _tag).slice(4)).toEqual([
        "LeaseAborted",
        "Released",
        "LeaseReturned",
        "ConnectionClosing",
        "ConnectionClosed"
      ])
      expect(only(events, "LeaseAborted")).toMatchObject([
        { at: 60_000, reason: "MaxLease", holder: { lease: 0, connection: 0, age: 60_000, isLong: false } }
      ])
      expect(only(events, "LeaseReturned")).toMatchObject([{ at: 90_000, holder: { lease: 0, age: 90_000 } }])
      expect(only(events, "ConnectionClosing")).toMatchObject([{ reason: "MaxLease" }])
    })))

it.effect("one that said that it is long is not aborted, however long it lasts", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool, { long: true })
      yield* TestClock.adjust("2 hours")
      yield* release
      expect(yield* fake.counts).toMatchObject({ aborted: 0, closed: 0 })
    })))

it.effect("each of several is aborted at its own time", () =>
  withPool({ ...tuning, maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* Effect.forEach([1, 2, 3], () => Effect.zipLeft(hold(pool), TestClock.adjust("10 seconds")))
      yield* TestClock.adjust("1 minute")
      const log = (yield* fake.log).filter(({ event }) => event === "aborted")
      expect(log.map(({ at, connection }) => [connection, at])).toEqual([[0, 60_000], [1, 70_000], [2, 80_000]])
    })))

it.effect("the time begins with the lease, not with the wait for it", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* ask(pool, { acquireTimeout: "1 hour" })
      yield* TestClock.adjust("50 seconds")
      yield* release
      yield* Fiber.join(waiter)
      yield* TestClock.adjust("59 seconds")
      expect((yield* fake.counts).aborted).toBe(0)
      yield* TestClock.adjust("1 second")
      expect((yield* fake.counts).aborted).toBe(1)
    })))

it.effect("a connector that cannot abort closes the connection when it comes back", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* occupy(pool)
      yield* TestClock.adjust("2 minutes")
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* settled
      expect(yield* fake.counts).toMatchObject({ aborted: 0, closed: 1 })
    }), { abort: false }))

it.effect("with leakThreshold below it, it is first reported and then aborted", () =>
  withPool({ ...tuning, leakThreshold: "30 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      yield* TestClock.adjust("2 minutes")
      expect(only(events, "LeaseOverdue")).toMatchObject([{ at: 30_000 }])
      expect(only(events, "LeaseAborted")).toMatchObject([{ at: 60_000 }])
      yield* release
      yield* settled
      expect(only(events, "LeaseReturned").length).toBe(1)
    })))
