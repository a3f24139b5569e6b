/** What `idleTimeout` closes, and what it keeps because the next minute will need it. */
import type { Tuning } from "@cenote/core/PoolOptions"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { withPool } from "../support/pool.js"
import { hold } from "./support.js"

const tuning: Tuning = {
  maxSize: 8,
  idleTimeout: "20 seconds",
  keepalive: Infinity,
  maxLifetime: Infinity,
  checkAfterIdle: Infinity
}

/** So many connections in use at once, for a second. */
const burst = (pool: FakePool, count: number) =>
  Effect.gen(function*() {
    const holders = yield* Effect.forEach(Array.from({ length: count }), () => hold(pool))
    yield* TestClock.adjust("1 second")
    yield* Effect.forEach(holders, ({ release }) => release, { discard: true })
  }).pipe(Effect.scoped)

/** A burst at the beginning of each minute: how many connections were opened by the end of each. */
const bursts = (pool: FakePool, counts: ReadonlyArray<number>) =>
  Effect.forEach(counts, (count) =>
    Effect.gen(function*() {
      yield* burst(pool, count)
      yield* TestClock.adjust("59 seconds")
      return yield* pool.stats
    }))

it.effect("a single burst is pruned when its connections have been idle for idleTimeout", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* burst(pool, 5)
      yield* TestClock.adjust(19_999)
      expect((yield* pool.stats).idle).toBe(5)
      yield* TestClock.adjust(1)
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 5 })
    })))

it.effect("a burst each minute keeps its connections: from the second one on nothing is opened or closed", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const minutes = yield* bursts(pool, [5, 5, 5, 5, 5, 5])
      expect(minutes.map(({ opened }) => opened - minutes[1]!.opened)).toEqual([-5, 0, 0, 0, 0, 0])
      expect(minutes.slice(1).map(({ idle }) => idle)).toEqual([5, 5, 5, 5, 5])
    })))

it.effect("one minute that needed more than its neighbours is no reason to keep more", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const minutes = yield* bursts(pool, [3, 3, 8, 3, 3])
      expect(minutes.map(({ idle }) => idle)).toEqual([0, 3, 3, 3, 3])
    })))

it.effect("one quiet minute between bursts is no reason to keep less", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const minutes = yield* bursts(pool, [5, 5, 5, 1, 5, 5])
      expect(minutes.map(({ idle }) => idle).slice(1)).toEqual([5, 5, 5, 5, 5])
    })))

it.effect("when the bursts have ended all is pruned, three minutes later at most", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* bursts(pool, [5, 5, 5])
      yield* TestClock.adjust("3 minutes")
      expect((yield* pool.stats).idle).toBe(0)
    })))

it.effect("the most connections and callers at once are told since the pool was made", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* bursts(pool, [5, 7, 2])
      expect(yield* pool.stats).toMatchObject({ peakLeased: 7, leased: 0 })
    })))
