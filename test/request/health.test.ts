import * as PoolHealth from "@cenote/core/PoolHealth"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, warm } from "./support.js"

const tags = ({ _tag, reasons }: PoolHealth.PoolHealth) => [_tag, ...reasons.map((reason) => reason._tag)]

it.effect("a lazy pool that has opened nothing yet is healthy and ready", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const health = yield* pool.health
      expect(health).toEqual(PoolHealth.PoolHealth.Healthy({ pool: "fake", reasons: [] }))
      expect(PoolHealth.isReady(health)).toBe(true)
      expect((yield* fake.counts).opening).toBe(0)
    })))

it.effect("a pool whose connections are all in use is healthy as long as nobody waits", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* hold(pool)
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a saturated pool is degraded, and ready", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      yield* hold(pool)
      yield* ask(pool)
      const health = yield* pool.health
      expect(health).toEqual(PoolHealth.PoolHealth.Degraded({
        pool: "fake",
        reasons: [PoolHealth.HealthReason.Saturated({ leased: 2, maxSize: 2, waiting: 1 })]
      }))
      expect(PoolHealth.isReady(health)).toBe(true)
      yield* holder.release
      yield* settled
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a pool that was made smaller than what is in use is saturated", () =>
  withPool({ maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* hold(pool)
      yield* pool.resize({ maxSize: 1 })
      yield* ask(pool)
      expect((yield* pool.health).reasons).toEqual([
        PoolHealth.HealthReason.Saturated({ leased: 2, maxSize: 1, waiting: 1 })
      ])
    })))

it.effect("asking takes no connection, joins no queue, asks no server and takes no time", () =>
  withPool({ maxSize: 1, checkAfterIdle: 0 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const before = [yield* pool.stats, yield* fake.log]
      yield* pool.health
      expect([yield* pool.stats, yield* fake.log]).toEqual(before)

      const gate = yield* FakeConnector.makeGate
      yield* fake.set("check", FakeConnector.stickAt(gate))
      yield* ask(pool)
      yield* ask(pool)
      const crowd = yield* pool.stats
      expect(crowd).toMatchObject({ checking: 1, waiting: 2 })
      const began = yield* Clock.currentTimeMillis
      yield* pool.health
      expect(yield* pool.stats).toEqual(crowd)
      expect(yield* Clock.currentTimeMillis).toBe(began)
      yield* gate.open
    })))

it.effect("a pool somebody has waited for longer than half of acquireTimeout is degraded", () =>
  withPool({ maxSize: 1, acquireTimeout: "20 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* ask(pool, { acquireTimeout: "1 hour" })
      yield* ask(pool, { priority: "high" })
      yield* TestClock.adjust("10 seconds")
      expect(tags(yield* pool.health)).toEqual(["Degraded", "Saturated"])
      yield* TestClock.adjust(1)
      const health = yield* pool.health
      expect(health.reasons[1]).toEqual(PoolHealth.HealthReason.WaitersOverdue({ longest: 10_001, waiting: 2 }))
      expect(PoolHealth.isReady(health)).toBe(true)
    })))

it.effect("nobody is overdue in a pool without an acquireTimeout", () =>
  withPool({ maxSize: 1, acquireTimeout: Infinity }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* ask(pool)
      yield* TestClock.adjust("1 hour")
      expect(tags(yield* pool.health)).toEqual(["Degraded", "Saturated"])
    })))

it.effect("a pool that sheds callers is degraded until it is over", () =>
  withPool(
    { maxSize: 1, overload: { target: "50 millis", interval: "1 second" } },
    ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* hold(pool)
        yield* ask(pool)
        yield* ask(pool)
        yield* TestClock.adjust("1049 millis")
        expect(tags(yield* pool.health)).toEqual(["Degraded", "Saturated"])
        yield* TestClock.adjust("1 millis")
        expect(tags(yield* pool.health)).toEqual(["Degraded", "Saturated", "Overloaded"])
        yield* holder.release
        yield* settled
        expect(tags(yield* pool.health)).toEqual(["Healthy"])
      })
  ))

it.effect("a pool that cannot connect lives on what it has: degraded", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* fake.set("open", FakeConnector.fail("too many clients"))
      yield* ask(pool)
      yield* TestClock.adjust("20 millis")
      const health = yield* pool.health
      expect(tags(health)).toEqual(["Degraded", "CannotConnect"])
      expect(health.reasons[0]).toMatchObject({ failedInARow: 1, open: 1, ago: 20 })
      expect(PoolHealth.isReady(health)).toBe(true)
    })))

it.effect("a pool that has nothing open, and cannot connect while it tries, is down and not ready", () =>
  withPool({ whenDown: "wait", acquireTimeout: "40 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.fail("the server is away"))
      const caller = yield* ask(pool)
      yield* TestClock.adjust("13 seconds")
      const health = yield* pool.health
      expect(tags(health)).toEqual(["Down", "CannotConnect"])
      expect(PoolHealth.isReady(health)).toBe(false)
      const [reason] = health.reasons
      expect(reason).toMatchObject({ open: 0 })
      expect(reason?._tag === "CannotConnect" && Cause.squash(reason.cause)).toMatchObject({
        reason: "the server is away"
      })

      // Longer than a failure counts of which nobody knows better: somebody waits, so it is tried again and again.
      yield* TestClock.adjust("15 seconds")
      expect(yield* isWaiting(caller)).toBe(true)
      expect(tags(yield* pool.health)).toEqual(["Down", "CannotConnect", "WaitersOverdue"])

      yield* fake.set("open", FakeConnector.ok)
      yield* TestClock.adjust("5 seconds")
      expect(yield* isWaiting(caller)).toBe(false)
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a failure that nobody tries to repeat keeps nobody away for longer than 10 s", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.fail())
      yield* Effect.flip(pool.use(() => Effect.void))
      expect(tags(yield* pool.health)).toEqual(["Down", "CannotConnect"])
      yield* TestClock.adjust("9999 millis")
      expect(PoolHealth.isReady(yield* pool.health)).toBe(false)
      yield* TestClock.adjust("1 millis")
      const health = yield* pool.health
      expect(tags(health)).toEqual(["Degraded", "CannotConnect"])
      expect(PoolHealth.isReady(health)).toBe(true)
      yield* pool.use(() => Effect.void)
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a pool that keeps a minimum open tries by itself: down until the server is back, and then healthy without a caller", () =>
  withPool(
    { minSize: 1 },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 minute")
        expect(tags(yield* pool.health)).toEqual(["Down", "CannotConnect"])
        yield* fake.set("open", FakeConnector.ok)
        yield* TestClock.adjust("5 seconds")
        expect(tags(yield* pool.health)).toEqual(["Healthy"])
      }),
    {},
    (fake) => fake.set("open", FakeConnector.fail())
  ))

it.effect("a pool that opens its first connection is healthy: it has not failed", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("5 seconds"))
      yield* ask(pool)
      yield* TestClock.adjust("4 seconds")
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a pool that is suspended is degraded where newcomers wait, and down where they are refused", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.suspend()
      expect(yield* pool.health).toEqual(PoolHealth.PoolHealth.Degraded({
        pool: "fake",
        reasons: [PoolHealth.HealthReason.Suspended({ newcomers: "wait" })]
      }))
      yield* pool.suspend({ newcomers: "refuse", duration: "1 minute" })
      expect(yield* pool.health).toEqual(PoolHealth.PoolHealth.Down({
        pool: "fake",
        reasons: [PoolHealth.HealthReason.Suspended({ newcomers: "refuse" })]
      }))
      yield* TestClock.adjust("1 minute")
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
      yield* pool.suspend({ newcomers: "refuse" })
      yield* pool.resume
      expect(tags(yield* pool.health)).toEqual(["Healthy"])
    })))

it.effect("a pool that drains is down though it still serves who waits, and closed when that is over", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      const caller = yield* ask(pool)
      const draining = yield* Effect.fork(pool.drain)
      yield* settled
      expect(tags(yield* pool.health)).toEqual(["Down", "Draining", "Saturated"])
      yield* holder.release
      expect(yield* isWaiting(caller)).toBe(false)
      expect(tags(yield* pool.health)).toEqual(["Down", "Draining"])
      yield* (yield* Fiber.join(caller)).release
      yield* Fiber.join(draining)
      expect(tags(yield* pool.health)).toEqual(["Down", "Closed"])
    })))

it.effect("a pool that closes is down from the start, and answers when it is closed", () =>
  withPool({}, ({ close, pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      const closing = yield* Effect.fork(close)
      yield* settled
      expect(yield* pool.health).toEqual(PoolHealth.PoolHealth.Down({
        pool: "fake",
        reasons: [PoolHealth.HealthReason.Closed()]
      }))
      yield* holder.release
      yield* Fiber.join(closing)
      expect(tags(yield* pool.health)).toEqual(["Down", "Closed"])
    })))

it.effect("an operation that comes after another adds its reason", () =>
  withPool({ name: "orders" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.fail("the password is hunter2"))
      yield* Effect.flip(pool.use(() => Effect.void))
      yield* TestClock.adjust("10 seconds")
      yield* pool.suspend()
      const health = yield* pool.health
      expect(tags(health)).toEqual(["Degraded", "Suspended", "CannotConnect"])
      expect(PoolHealth.describe(health)).toBe(
        "Pool \"orders\" is degraded: it is suspended, and newcomers wait; 1 opening failed, the last 10s ago, and 0 connections are open."
      )
      expect(JSON.parse(JSON.stringify(health))).toMatchObject({
        _tag: "Degraded",
        reasons: [{ newcomers: "wait" }, {}]
      })
    })))

it("health in words says each reason, and never what openings failed with", () => {
  const { Closed, CannotConnect, Draining, Overloaded, Saturated, Suspended, WaitersOverdue } = PoolHealth.HealthReason
  const words = (reason: PoolHealth.HealthReason) =>
    PoolHealth.describe(PoolHealth.PoolHealth.Down({ pool: "p", reasons: [reason] })).slice(
      "Pool \"p\" is down: ".length
    )
  expect(PoolHealth.describe(PoolHealth.PoolHealth.Healthy({ pool: "p", reasons: [] }))).toBe("Pool \"p\" is healthy.")
  expect(words(Saturated({ leased: 3, maxSize: 3, waiting: 1 }))).toBe(
    "3 of 3 connections are in use, and 1 caller waits."
  )
  expect(words(WaitersOverdue({ longest: 16_000, waiting: 4 }))).toBe("4 callers wait, the longest for 16s.")
  expect(words(Overloaded({ waiting: 4 }))).toBe("callers are shed.")
  expect(words(CannotConnect({ failedInARow: 2, open: 1, ago: 1_500, cause: Cause.fail("hunter2") }))).toBe(
    "2 openings in a row failed, the last 1s 500ms ago, and 1 connection is open."
  )
  expect(words(Suspended({ newcomers: "refuse" }))).toBe("it is suspended, and newcomers are refused.")
  expect(words(Draining())).toBe("it drains.")
  expect(words(Closed())).toBe("it is closed.")
})
