import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import type { Fake } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

/** Lifetime alone: nothing else is due. */
const tuning = {
  maxLifetime: "1000 seconds",
  idleTimeout: Infinity,
  keepalive: Infinity,
  checkAfterIdle: Infinity
} as const

/** The pool draws where in the jitter window each connection's retirement lies: 0 is its end, 1 its begin. */
const withSpread = (...values: readonly [number, ...ReadonlyArray<number>]) =>
  Effect.withRandom(Random.fixed([...values] as [number, ...Array<number>]))

const timesOf = (fake: Fake, wanted: "opening" | "closing") =>
  Effect.map(fake.log, (log) => log.filter(({ event }) => event === wanted).map(({ at }) => at))

it.effect("a connection that reaches maxLifetime is closed then", () =>
  withPool({ ...tuning, lifetimeJitter: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 1)
      yield* TestClock.adjust(999_999)
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 0 })
      yield* TestClock.adjust(1)
      expect((yield* pool.stats).closed).toBe(1)
      expect(only(events, "ConnectionClosing")).toMatchObject([{ at: 1_000_000, id: 0, reason: "MaxLifetime" }])
    })))

it.effect("use does not prolong a lifetime", () =>
  withPool({ ...tuning, lifetimeJitter: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      for (let second = 0; second < 10; second++) {
        expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
        yield* TestClock.adjust("100 seconds")
      }
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(1)
    })))

it.effect("a connection in use past its lifetime is left alone, and closed when it comes back", () =>
  withPool({ ...tuning, lifetimeJitter: 0 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      yield* TestClock.adjust("1500 seconds")
      expect(connection.isAlive).toBe(true)
      expect((yield* fake.counts).closing).toBe(0)
      yield* release
      yield* settled
      expect(connection.isAlive).toBe(false)
      expect((yield* fake.counts).closing).toBe(1)
    })))

it.effect("a connection past its lifetime does not go to a waiter, who gets a new one", () =>
  withPool(
    { ...tuning, lifetimeJitter: 0, maxSize: 2, acquireTimeout: "1 hour" },
    ({ pool }) =>
      Effect.gen(function*() {
        // Both are over. One of them is being replaced; it is the other one that comes back.
        const [, other] = yield* Effect.all([hold(pool), hold(pool)])
        yield* TestClock.adjust("1000 seconds")
        const waiter = yield* ask(pool)
        yield* other.release
        expect((yield* Fiber.join(waiter)).id).toBe(2)
      })
  ))

it.effect("connections that were opened together do not end together", () =>
  withSpread(0.2, 0.4, 0.6, 0.8)(withPool({ ...tuning, maxConnecting: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      yield* TestClock.adjust("1000 seconds")
      // maxLifetime × (1 − 0.25 × spread), each when its successor is open.
      expect(yield* timesOf(fake, "closing")).toEqual([800_000, 850_000, 900_000, 950_000])
      expect((yield* pool.stats).idle).toBe(4)
    }))))

for (const { lifetimeJitter, ends } of [{ lifetimeJitter: 0, ends: 1_000_000 }, { lifetimeJitter: 1, ends: 500_000 }]) {
  it.effect(`with a jitter of ${lifetimeJitter} a connection in the middle of the window ends at ${ends} ms`, () =>
    withSpread(0.5)(withPool({ ...tuning, lifetimeJitter }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        yield* TestClock.adjust("1000 seconds")
        expect((yield* timesOf(fake, "closing"))[0]).toBe(ends)
      }))))
}

it.effect("its successor opens first, and until then the old one serves callers", () =>
  withSpread(1)(withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const gate = yield* FakeConnector.makeGate
      yield* warm(pool, 1)
      yield* fake.next("open", FakeConnector.wait(gate))
      yield* TestClock.adjust("750 seconds")
      expect(only(events, "ConnectionOpening")[1]).toMatchObject({ at: 750_000, purpose: "Successor" })
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 1, opened: 2 })
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(1)
    }))))

it.effect("a connection in use when its successor opens is closed when it comes back", () =>
  withSpread(1)(withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* hold(pool)
      yield* TestClock.adjust("750 seconds")
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 1, closed: 0 })
      yield* release
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1, closed: 1 })
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "MaxLifetime" }])
    }))))

it.effect("those that are due at once are replaced one at a time", () =>
  withSpread(1)(withPool({ ...tuning, maxConnecting: 5 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* fake.set("open", FakeConnector.slow("10 seconds"))
      yield* TestClock.adjust("750 seconds")
      for (const replaced of [0, 1, 2]) {
        expect(yield* pool.stats).toMatchObject({ opening: 1, idle: 3, closed: replaced })
        yield* TestClock.adjust("10 seconds")
      }
      expect(yield* pool.stats).toMatchObject({ opening: 0, idle: 3, closed: 3 })
    }))))

it.effect("where no permit is free for the successor, the old one leaves first, when it is idle", () =>
  withSpread(1)(withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      yield* TestClock.adjust("800 seconds")
      expect(yield* pool.stats).toMatchObject({ leased: 1, opening: 0, closed: 0 })
      yield* release
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 1, opened: 2 })
      expect((yield* fake.counts).mostAlive).toBe(1)
    }))))

it.effect("where no permit is free, those that are due leave one after the other, each awaiting its successor", () =>
  withSpread(1)(withPool({ ...tuning, maxSize: 3, maxConnecting: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* fake.set("open", FakeConnector.slow("10 seconds"))
      yield* TestClock.adjust("750 seconds")
      for (const replaced of [1, 2, 3]) {
        expect(yield* pool.stats).toMatchObject({ opening: 1, idle: 2, closed: replaced })
        yield* TestClock.adjust("10 seconds")
      }
      expect(yield* pool.stats).toMatchObject({ opening: 0, idle: 3, closed: 3 })
    }))))

it.effect("while successors cannot be opened, the old one serves until its lifetime is over, and no longer", () =>
  withSpread(1)(withPool({ ...tuning, acquireTimeout: "1 second" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* fake.set("open", FakeConnector.fail())
      yield* TestClock.adjust("990 seconds")
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
      expect((yield* pool.stats).openFailures).toBeGreaterThan(10)
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 1 })
    }))))

it.effect("a successor that hangs does not keep the old one beyond its lifetime", () =>
  withSpread(1)(withPool({ ...tuning, connectTimeout: Infinity }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* fake.set("open", FakeConnector.hang)
      yield* TestClock.adjust("999 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 1, opening: 1 })
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ idle: 0, opening: 1, closed: 1 })
    }))))

it.effect("a caller's opening comes before a successor's", () =>
  withSpread(1)(withPool({ ...tuning, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* hold(pool)
      yield* TestClock.adjust("749 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("open", FakeConnector.wait(gate))
      yield* ask(pool)
      yield* gate.reached
      const second = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      yield* gate.open
      expect(yield* isWaiting(second)).toBe(false)
      expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual([
        "Waiter",
        "Waiter",
        "Waiter",
        "Successor"
      ])
    }))))

it.effect("an infinite lifetime ends nothing", () =>
  withPool({ ...tuning, maxLifetime: Infinity }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* TestClock.adjust("1000 days")
      expect(yield* fake.counts).toMatchObject({ opened: 2, closing: 0 })
    })))
