/**
 * The clock is set, or the process did not run for a while: a laptop that slept, a serverless function that was frozen, an event loop that was
 * blocked. Then the clock shows another time than the timers know of.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, listen, occupy, only, warm } from "./support.js"

/** A pool whose Clock can be set without a timer ringing. Timers ring with TestClock. */
const settable = (tuning: Tuning = {}, options: FakeConnector.FakeOptions = {}) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make(options)
    const inner = yield* Effect.clock
    let skew = 0
    const clock: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => inner.unsafeCurrentTimeMillis() + skew,
      unsafeCurrentTimeNanos: () => inner.unsafeCurrentTimeNanos() + BigInt(skew) * 1_000_000n,
      currentTimeMillis: Effect.sync(() => inner.unsafeCurrentTimeMillis() + skew),
      currentTimeNanos: Effect.sync(() => inner.unsafeCurrentTimeNanos() + BigInt(skew) * 1_000_000n),
      sleep: (duration) => inner.sleep(duration)
    }
    const pool = yield* Effect.withClock(ConnectionPool.make({ connector: fake.connector, ...tuning }), clock)
    const jump = (by: Duration.DurationInput, direction: 1 | -1 = 1) =>
      Effect.sync(() => {
        skew += direction * Duration.toMillis(by)
      })
    // The pool looks at its clock just before and just after. What passes from one look to the next is lost where it is set back in between.
    const back = (by: Duration.DurationInput) => Effect.all([pool.leases, jump(by, -1), pool.leases])
    return { fake, pool, forward: jump, back, backUnseen: (by: Duration.DurationInput) => jump(by, -1) }
  })

const checks = (fake: FakeConnector.FakeConnector) => Effect.map(fake.counts, ({ checked }) => checked)

describe("the clock is set back by an hour", () => {
  it.scoped("what is idle is checked before it is handed out, though it came back a moment ago", () =>
    Effect.gen(function*() {
      const { back, fake, pool } = yield* settable()
      yield* warm(pool, 2)
      yield* pool.use(() => Effect.void)
      expect(yield* checks(fake)).toBe(0)
      yield* back("1 hour")
      yield* Effect.all([hold(pool), hold(pool)])
      expect(yield* checks(fake)).toBe(2)
      yield* settled
    }))

  it.scoped("whoever waits does so until its time is over, and not an hour longer", () =>
    Effect.gen(function*() {
      const { back, pool } = yield* settable({ maxSize: 1 })
      yield* occupy(pool)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      yield* back("1 hour")
      const newcomer = yield* ask(pool)
      yield* TestClock.adjust(19_999)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout", waited: 30_000 })
      yield* TestClock.adjust("10 seconds")
      expect(yield* failureOf(newcomer)).toMatchObject({ waited: 30_000 })
    }))

  it.scoped("what passed from one look of the pool at its clock to the next is lost, and no more", () =>
    Effect.gen(function*() {
      const { backUnseen, pool } = yield* settable({ maxSize: 1 })
      yield* occupy(pool)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      yield* backUnseen("1 hour")
      yield* ask(pool)
      yield* TestClock.adjust("29 seconds")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust("1 second")
      expect(yield* isWaiting(waiter)).toBe(false)
    }))

  it.scoped("ages, lifetimes and idle times go on as if nothing had been", () =>
    Effect.gen(function*() {
      const { back, pool } = yield* settable({ idleTimeout: "5 minutes", maxLifetime: Infinity })
      const { lease, release } = yield* hold(pool)
      yield* TestClock.adjust("1 minute")
      yield* back("1 hour")
      yield* TestClock.adjust("1 minute")
      expect(yield* lease.age).toBe(120_000)
      yield* release
      yield* back("1 hour")
      yield* TestClock.adjust(299_999)
      expect((yield* pool.stats).idle).toBe(1)
      yield* TestClock.adjust(1)
      expect((yield* pool.stats).idle).toBe(0)
    }))

  it.scoped("it is told in an event, once for each time", () =>
    Effect.gen(function*() {
      const { back, pool } = yield* settable()
      yield* warm(pool, 1)
      yield* TestClock.adjust("1 second")
      const events = yield* listen(pool)
      yield* back("1 hour")
      yield* Effect.repeatN(pool.use(() => Effect.void), 3)
      yield* settled
      expect(only(events, "PoolSuspected")).toEqual([{ _tag: "PoolSuspected", at: 1_000, reason: "Clock" }])
      yield* TestClock.adjust("1 second")
      yield* back("1 hour")
      yield* pool.use(() => Effect.void)
      yield* settled
      expect(only(events, "PoolSuspected").length).toBe(2)
    }))
})

describe("the process is frozen for ten minutes", () => {
  /** One leased, two idle, one opening, and the caller that waits for it. */
  const busy = (tuning: Tuning) =>
    Effect.gen(function*() {
      const world = yield* settable({ maxSize: 4, acquireTimeout: "20 seconds", ...tuning })
      const holder = yield* occupy(world.pool)
      yield* warm(world.pool, 2)
      const taken = yield* Effect.all([hold(world.pool), hold(world.pool)])
      const gate = yield* FakeConnector.makeGate
      yield* world.fake.next("open", FakeConnector.wait(gate))
      const waiter = yield* ask(world.pool)
      yield* gate.reached
      yield* TestClock.adjust("5 seconds")
      return { ...world, gate, holder, taken, waiter }
    })

  it.scoped("nothing that is idle is closed, and each is checked before it is used", () =>
    Effect.gen(function*() {
      const { fake, forward, pool, taken } = yield* busy({ idleTimeout: "1 minute", keepalive: "30 seconds" })
      yield* Effect.forEach(taken, ({ release }) => release)
      // One goes to the waiter.
      yield* settled
      yield* forward("10 minutes")
      yield* TestClock.adjust("15 seconds")
      expect(yield* pool.stats).toMatchObject({ closed: 0 })
      const before = yield* checks(fake)
      yield* hold(pool)
      expect(yield* checks(fake)).toBe(before + 1)
    }))

  it.scoped("a connection that died meanwhile is not handed out", () =>
    Effect.gen(function*() {
      const { fake, forward, pool } = yield* settable({ maxSize: 3, keepalive: "5 seconds" }, { onLost: false })
      yield* warm(pool, 3)
      yield* Effect.forEach([0, 1, 2], fake.kill)
      yield* forward("10 minutes")
      const { connection } = yield* hold(pool)
      expect(connection.isAlive).toBe(true)
    }))

  it.scoped("a lease is not taken for one that is ten minutes old", () =>
    Effect.gen(function*() {
      const { fake, forward, holder, pool } = yield* busy({ maxLease: "1 minute", leakThreshold: "30 seconds" })
      const events = yield* listen(pool)
      yield* forward("10 minutes")
      yield* TestClock.adjust("15 seconds")
      expect((yield* fake.counts).aborted).toBe(0)
      expect(only(events, "LeaseOverdue")).toEqual([])
      expect(yield* holder.lease.age).toBeLessThan(60_000)
    }))

  it.scoped("a caller that waits for an opening is served when that ends", () =>
    Effect.gen(function*() {
      const { forward, gate, pool, waiter } = yield* busy({})
      yield* forward("10 minutes")
      yield* gate.open
      yield* settled
      expect((yield* Fiber.join(waiter)).id).toBe(3)
      expect(yield* pool.stats).toMatchObject({ timedOut: 0, openFailures: 0 })
    }))

  it.scoped("lifetimes do not end in a storm", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable({
        maxLifetime: "8 minutes",
        lifetimeJitter: 0,
        keepalive: "10 seconds"
      })
      yield* warm(pool, 5)
      yield* forward("10 minutes")
      yield* TestClock.adjust("1 minute")
      expect(yield* pool.stats).toMatchObject({ closed: 0, idle: 5 })
    }))

  it.scoped("whoever began to wait before it does not wait longer than its time, and newcomers have all of theirs", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable({ maxSize: 1, acquireTimeout: "20 seconds" })
      yield* occupy(pool)
      const early = yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      const late = yield* ask(pool)
      yield* forward("10 minutes")
      const newcomer = yield* ask(pool)
      yield* TestClock.adjust("15 seconds")
      expect(yield* isWaiting(early)).toBe(false)
      expect(yield* isWaiting(newcomer)).toBe(true)
      yield* TestClock.adjust("5 seconds")
      expect(yield* isWaiting(late)).toBe(false)
      expect(yield* isWaiting(newcomer)).toBe(false)
      expect(yield* failureOf(newcomer)).toMatchObject({ waited: 20_000 })
    }))

  it.scoped("of callers that began to wait at different times, not all are told at once", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable({ maxSize: 1, acquireTimeout: "20 seconds" })
      yield* occupy(pool)
      const waiters = yield* Effect.forEach(
        [1, 2, 3, 4],
        () => Effect.zipRight(TestClock.adjust("2 seconds"), ask(pool))
      )
      yield* forward("10 minutes")
      yield* TestClock.adjust("1 second")
      expect((yield* Effect.forEach(waiters, isWaiting)).filter((waits) => waits).length).toBeGreaterThanOrEqual(3)
      yield* TestClock.adjust("20 seconds")
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([false, false, false, false])
    }))

  it.scoped("a suspension and a back-off last no longer for it", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable()
      yield* warm(pool, 1)
      yield* pool.suspend({ duration: "30 seconds" })
      const waiter = yield* ask(pool, { acquireTimeout: "1 hour" })
      yield* forward("10 minutes")
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(waiter)
    }))

  it.scoped("closing still ends by its deadline", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* busy({})
      const closing = yield* Effect.forkScoped(pool.close({ deadline: "10 seconds" }))
      yield* settled
      yield* forward("10 minutes")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      expect((yield* pool.stats).phase).toBe("closed")
    }))

  it.scoped("again and again, it is a pool that works", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable({
        maxSize: 3,
        keepalive: "1 minute",
        idleTimeout: Infinity,
        maxLifetime: Infinity
      })
      yield* warm(pool, 3)
      for (let thaw = 0; thaw < 20; thaw++) {
        yield* forward("10 minutes")
        yield* Effect.all([pool.use(() => Effect.void), pool.use(() => Effect.void)], { concurrency: 2 })
        yield* TestClock.adjust("100 millis")
      }
      expect(yield* pool.stats).toMatchObject({ timedOut: 0, closed: 0, opened: 3 })
    }))
})

describe("the event loop is blocked for ten seconds", () => {
  it.scoped("what is idle is suspected where an alarm was due in that time", () =>
    Effect.gen(function*() {
      const { fake, forward, pool } = yield* settable({ maxSize: 2, acquireTimeout: "2 seconds" })
      const { release } = yield* hold(pool)
      yield* warm(pool, 1)
      const both = yield* Effect.all([hold(pool)])
      const waiter = yield* ask(pool)
      yield* forward("10 seconds")
      const events = yield* listen(pool)
      yield* release
      yield* Effect.forEach(both, ({ release }) => release)
      yield* settled
      expect(only(events, "PoolSuspected")).toMatchObject([{ reason: "Clock" }])
      yield* Fiber.await(waiter)
      expect((yield* fake.counts).closed).toBe(0)
    }))

  it.scoped("a moment for which timers are late on a busy machine is none", () =>
    Effect.gen(function*() {
      const { forward, pool } = yield* settable({ keepalive: "10 seconds" })
      yield* warm(pool, 1)
      yield* TestClock.adjust("5 seconds")
      const events = yield* listen(pool)
      yield* forward("4 seconds")
      yield* pool.use(() => Effect.void)
      yield* settled
      expect(only(events, "PoolSuspected")).toEqual([])
    }))
})

it.scoped("a connector without a check is not asked for one: what is idle is handed out", () =>
  Effect.gen(function*() {
    const { back, fake, pool } = yield* settable({}, { check: false, ping: false })
    yield* warm(pool, 1)
    yield* back("1 hour")
    const { id } = yield* hold(pool)
    expect(id).toBe(0)
    expect((yield* fake.counts).checked).toBe(0)
  }))
