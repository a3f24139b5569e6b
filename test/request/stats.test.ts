import type { PoolStats } from "@cenote/core/PoolStats"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold } from "./support.js"

const zero: PoolStats = {
  name: "fake",
  phase: "running",
  minSize: 0,
  maxSize: 10,
  opening: 0,
  idle: 0,
  leased: 0,
  checking: 0,
  resetting: 0,
  closing: 0,
  waiting: 0,
  minIdle: 0,
  leases: 0,
  peakLeased: 0,
  peakWaiting: 0,
  returnRate: 0,
  requests: 0,
  acquired: 0,
  timedOut: 0,
  refused: 0,
  shed: 0,
  gaveUp: 0,
  opened: 0,
  openFailures: 0,
  closed: 0,
  aborted: 0,
  failedInARow: 0,
  lastConnectFailure: Option.none()
}

it.effect("a pool that nobody has used has its sizes and its name, and nothing else", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      expect(yield* pool.stats).toEqual(zero)
    })))

it.effect("the name and the sizes are those of the options", () =>
  withPool(
    { name: "orders", maxSize: 7, minSize: 3 },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* settled
        expect(yield* pool.stats).toEqual({ ...zero, name: "orders", maxSize: 7, minSize: 3, opening: 2 })
      }),
    {},
    (fake) => fake.set("open", FakeConnector.hang)
  ))

it.effect("stats count each connection in the one state that it is in", () =>
  withPool({ maxSize: 7, maxConnecting: 1, acquireTimeout: "1 hour" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([0, 1, 2, 3, 4, 5], () => hold(pool))
      const [leased, leasedToo, resetting, closing, checked, idle] = holders
      yield* fake.next("close", FakeConnector.hang)
      yield* fake.set("reset", FakeConnector.hang)
      yield* fake.set("check", FakeConnector.slow("900 millis"))
      yield* fake.set("open", FakeConnector.hang)
      yield* idle!.release
      yield* checked!.release
      yield* TestClock.adjust("10 seconds")
      resetting!.connection.dirty()
      yield* resetting!.release
      yield* closing!.lease.invalidate
      yield* closing!.release
      const first = yield* ask(pool)
      const second = yield* ask(pool)
      const third = yield* ask(pool)
      expect(yield* pool.stats).toEqual({
        ...zero,
        maxSize: 7,
        leased: 2,
        idle: 0,
        resetting: 1,
        closing: 1,
        checking: 2,
        opening: 1,
        waiting: 3,
        requests: 9,
        acquired: 6,
        leases: 2,
        peakLeased: 6,
        peakWaiting: 3,
        opened: 6
      })
      yield* Fiber.interruptAll([first, second, third])
      yield* TestClock.adjust("900 millis")
      expect(yield* pool.stats).toMatchObject({ leased: 2, idle: 2, checking: 0, waiting: 0 })
      yield* Effect.forEach([leased!, leasedToo!], ({ release }) => release)
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 4, resetting: 1, closing: 1, opening: 1 })
      yield* TestClock.adjust("15 seconds")
      expect(yield* pool.stats).toMatchObject({ resetting: 0, closing: 0, opening: 0, closed: 2, aborted: 1 })
    })))

it.effect("stats total what has happened since the pool was made", () =>
  withPool({ maxSize: 1, maxWaiters: 1, acquireTimeout: "1 second", closeTimeout: "1 second", whenDown: "wait" }, (
    { fake, pool }
  ) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.fail("first"))
      const user = yield* ask(pool)
      yield* TestClock.adjust("100 millis")
      const { lease, release } = yield* Fiber.join(user)
      const waiter = yield* ask(pool)
      yield* Effect.flip(pool.use(() => Effect.void))
      yield* TestClock.adjust("1 second")
      yield* Effect.flip(Fiber.join(waiter))
      yield* fake.next("close", FakeConnector.hang)
      yield* lease.invalidate
      yield* release
      yield* TestClock.adjust("1 second")
      yield* pool.use((connection) => pool.invalidate(connection))
      yield* settled
      const stats = yield* pool.stats
      expect(stats).toEqual({
        ...zero,
        maxSize: 1,
        requests: 4,
        acquired: 2,
        peakLeased: 1,
        peakWaiting: 1,
        timedOut: 1,
        refused: 1,
        opened: 2,
        openFailures: 1,
        closed: 2,
        aborted: 1,
        lastConnectFailure: Option.some({
          at: 0,
          cause: Cause.fail(new FakeConnector.FakeError({ step: "open", reason: "first" }))
        })
      })
    })))

it.effect("stats can be asked for before the pool has started, while it closes and after it has closed", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      expect((yield* pool.stats).phase).toBe("running")
      const { release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      expect((yield* pool.stats).phase).toBe("closing")
      yield* release
      yield* Fiber.join(closing)
      expect(yield* pool.stats).toEqual({
        ...zero,
        phase: "closed",
        requests: 1,
        acquired: 1,
        peakLeased: 1,
        peakWaiting: 1,
        opened: 1,
        closed: 1
      })
    })))

it.effect("stats take no connection and wait for nobody", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* ask(pool)
      const before = yield* pool.stats
      yield* Effect.repeatN(pool.stats, 100)
      expect(yield* pool.stats).toEqual(before)
    })))
