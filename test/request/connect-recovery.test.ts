import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import type { Fake } from "../support/pool.js"
import { withPool } from "../support/pool.js"
import { ask, hold, isWaiting } from "./support.js"

const refused = FakeConnector.fail("connection refused")

const openingTimes = (fake: Fake) =>
  Effect.map(fake.log, (log) => log.filter(({ event }) => event === "opening").map(({ at }) => at))

/** What the back-off's jitter is drawn from: 0 is the shortest, 1 the longest. */
const withJitter = (jitter: number) => Effect.withRandom(Random.fixed([jitter]))

/** One caller that waits through an outage of half a minute. */
const outage = withPool(
  { whenDown: "wait", acquireTimeout: Duration.infinity },
  ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      yield* ask(pool)
      yield* TestClock.adjust("30 seconds")
      return yield* openingTimes(fake)
    })
)

it.effect("openings that fail are 100 ms apart, then twice as far each time, and at most 5 seconds", () =>
  Effect.gen(function*() {
    const times = yield* withJitter(1)(outage)
    expect(times).toEqual([0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300, 21_300, 26_300])
  }))

it.effect("half of the back-off is random, so that many processes do not come back together", () =>
  Effect.gen(function*() {
    const times = yield* withJitter(0)(outage)
    expect(times.slice(0, 8)).toEqual([0, 50, 150, 350, 750, 1_550, 3_150, 5_650])
  }))

it.effect("a caller that asks during the back-off does not make the server a storm: it waits for the next opening", () =>
  withJitter(1)(withPool({ whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused, refused, refused)
      yield* ask(pool)
      yield* TestClock.adjust("310 millis")
      const late = yield* Effect.forEach(Array.from({ length: 10 }), () => ask(pool))
      expect(yield* openingTimes(fake)).toEqual([0, 100, 300])
      yield* TestClock.adjust("390 millis")
      expect((yield* openingTimes(fake))[3]).toBe(700)
      yield* Fiber.join(late[0]!)
    }))))

it.effect("after an opening that went well the back-off begins anew", () =>
  withJitter(1)(withPool({ whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", refused, refused, refused)
      const first = yield* ask(pool)
      yield* TestClock.adjust("700 millis")
      const { lease, release } = yield* Fiber.join(first)
      yield* fake.next("open", refused)
      yield* lease.invalidate
      yield* release
      yield* ask(pool)
      yield* TestClock.adjust("1 second")
      expect(yield* openingTimes(fake)).toEqual([0, 100, 300, 700, 700, 800])
    }))))

for (const length of ["1 second", "1 minute", "5 minutes"] as const) {
  it.effect(`after an outage of ${length} the pool is full again within 5 seconds, without a caller`, () =>
    withPool({ minSize: 6, maxConnecting: 2 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 second")
        expect((yield* pool.stats).idle).toBe(6)
        yield* fake.set("open", refused)
        yield* Effect.forEach([0, 1, 2, 3, 4, 5], fake.kill, { discard: true })
        yield* TestClock.adjust(length)
        expect(yield* pool.stats).toMatchObject({ idle: 0, phase: "running" })
        yield* fake.set("open", FakeConnector.slow("10 millis"))
        yield* TestClock.adjust("5 seconds")
        yield* TestClock.adjust("30 millis")
        expect((yield* pool.stats).idle).toBe(6)
      })))
}

it.effect("a server that has just come back meets maxConnecting openings at a time, however many callers wait", () =>
  withPool({ whenDown: "wait", maxSize: 20, maxConnecting: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      const callers = yield* Effect.forEach(Array.from({ length: 20 }), () => ask(pool))
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.set("open", FakeConnector.wait(gate))
      yield* TestClock.adjust("5 seconds")
      const begun = (yield* fake.counts).opening
      expect(yield* pool.stats).toMatchObject({ opening: 3, waiting: 20 })
      yield* TestClock.adjust("1 second")
      expect((yield* fake.counts).opening).toBe(begun)
      yield* gate.open
      yield* Fiber.joinAll(callers)
      const log = yield* fake.log
      const concurrent = log.slice(log.findIndex(({ connection }) => connection === begun - 3)).reduce(
        ({ most, now }, { event }) => {
          const next = now + (event === "opening" ? 1 : event === "opened" ? -1 : 0)
          return { now: next, most: Math.max(most, next) }
        },
        { most: 0, now: 0 }
      )
      expect(concurrent).toEqual({ most: 3, now: 0 })
    })))

it.effect("callers who failed during the outage can ask again, and are served when it is over", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", refused)
      const persistent = yield* Effect.forkScoped(
        Effect.retry(pool.use(({ id }) => Effect.succeed(id)), { times: 1_000 })
      )
      yield* TestClock.adjust("1 minute")
      expect(yield* isWaiting(persistent)).toBe(true)
      yield* fake.set("open", FakeConnector.ok)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(persistent)
      // About one opening in 5 seconds, though the caller asked again at once each time.
      expect((yield* fake.counts).opening).toBeLessThan(40)
    })))

it.effect("a connection that comes back during an outage serves waiters without waiting for the back-off", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      yield* fake.set("open", refused)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      yield* release
      expect(yield* isWaiting(waiter)).toBe(false)
    })))
