import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { withPool } from "../support/pool.js"
import { hold, listen, only, warm } from "./support.js"

const tuning = { idleTimeout: "10 minutes", maxLifetime: Infinity, keepalive: Infinity } as const

it.effect("a connection that is idle for idleTimeout is closed then, and not before", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 1)
      yield* TestClock.adjust(599_999)
      expect((yield* pool.stats).idle).toBe(1)
      yield* TestClock.adjust(1)
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 1 })
      expect(only(events, "ConnectionClosing")).toEqual([
        { _tag: "ConnectionClosing", at: 600_000, id: 0, reason: "IdleTimeout" }
      ])
    })))

it.effect("each use begins the idle time anew", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("6 minutes")
      yield* pool.use(() => Effect.void)
      yield* TestClock.adjust("6 minutes")
      expect((yield* pool.stats).idle).toBe(1)
      yield* TestClock.adjust("4 minutes")
      expect((yield* pool.stats).idle).toBe(0)
    })))

it.effect("a ping does not make a connection any less idle", () =>
  withPool({ ...tuning, keepalive: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 minutes")
      expect((yield* fake.counts).pinged).toBe(9)
      expect((yield* pool.stats).idle).toBe(0)
    })))

it.effect("idle connections are closed down to minSize, the longest idle first", () =>
  withPool({ ...tuning, minSize: 2, maxSize: 5 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3, 4, 5], () => hold(pool))
      const back = [3, 1, 0, 4, 2]
      yield* Effect.forEach(back, (index) => Effect.zipRight(TestClock.adjust("1 second"), holders[index]!.release))
      yield* TestClock.adjust("30 minutes")
      expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 3 })
      const closed = (yield* fake.log).filter(({ event }) => event === "closing")
      expect(closed.map(({ connection }) => connection)).toEqual(back.slice(0, 3))
      expect(closed.map(({ at }) => at)).toEqual([601_000, 602_000, 603_000])
    })))

it.effect("a connection in use is not idle, however long it is used", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      yield* TestClock.adjust("1 hour")
      expect(yield* pool.stats).toMatchObject({ leased: 1, closed: 0 })
      yield* release
      yield* TestClock.adjust("10 minutes")
      expect((yield* pool.stats).closed).toBe(1)
    })))

it.effect("with the last one in first out, surplus goes idle though the pool is in use all the time", () =>
  withPool({ ...tuning, checkAfterIdle: Infinity }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* Effect.forEach(
        Array.from({ length: 11 }),
        () => Effect.zipRight(pool.use(() => Effect.void), TestClock.adjust("1 minute")),
        { discard: true }
      )
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 2 })
    })))

it.effect("an infinite idleTimeout closes nothing", () =>
  withPool({ ...tuning, idleTimeout: Infinity }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("365 days")
      expect(yield* pool.stats).toMatchObject({ idle: 3, closed: 0 })
    })))
