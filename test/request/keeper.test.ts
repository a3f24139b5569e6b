import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import { Keeper } from "../../packages/core/src/request/Keeper.js"
import { settled } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, warm } from "./support.js"

const endless = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity } as const

/** A pool all of whose fibers are known. */
const supervised = (tuning: Tuning = {}) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const supervisor = yield* Supervisor.track
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const pool = yield* ConnectionPool.make({ connector: fake.connector, ...tuning }).pipe(
      Effect.supervised(supervisor),
      Scope.extend(scope)
    )
    return {
      fake,
      pool,
      close: Scope.close(scope, Exit.void),
      /** How many fibers of the pool run or sleep. */
      fibers: Effect.map(Effect.zipRight(settled, supervisor.value), (fibers) => fibers.length)
    }
  })

it.scoped("a pool that nobody uses has no fiber and no timer", () =>
  Effect.gen(function*() {
    const { fibers } = yield* supervised()
    expect(yield* fibers).toBe(0)
    expect(Chunk.size(yield* TestClock.sleeps())).toBe(0)
  }))

it.scoped("a pool where nothing can become due has no timer, though connections are idle", () =>
  Effect.gen(function*() {
    const { fibers, pool } = yield* supervised({ ...endless, acquireTimeout: Infinity })
    yield* warm(pool, 3)
    expect(yield* fibers).toBe(0)
  }))

it.scoped("many idle and used connections share one timer", () =>
  Effect.gen(function*() {
    const { fibers, pool } = yield* supervised({ maxSize: 20 })
    yield* warm(pool, 20)
    yield* TestClock.adjust("5 minutes")
    yield* Effect.repeatN(pool.use(() => Effect.void), 100)
    yield* Effect.forEach(Array.from({ length: 10 }), () => hold(pool))
    expect(yield* fibers).toBeLessThanOrEqual(2)
  }))

it.scoped("a pool that is closed leaves no fiber behind, whatever it was busy with", () =>
  Effect.gen(function*() {
    const { close, fake, fibers, pool } = yield* supervised({ minSize: 3, maxSize: 6, keepalive: "1 minute" })
    yield* settled
    yield* TestClock.adjust("70 seconds")
    yield* fake.set("check", FakeConnector.hang)
    yield* fake.set("reset", FakeConnector.hang)
    yield* fake.set("ping", FakeConnector.hang)
    const checked = yield* ask(pool)
    yield* fake.set("open", FakeConnector.hang)
    yield* ask(pool, { acquireTimeout: "1 hour" })
    yield* ask(pool, { acquireTimeout: "2 seconds" })
    expect(yield* isWaiting(checked)).toBe(true)
    expect(yield* fibers).toBeGreaterThan(3)
    yield* close
    expect(yield* fibers).toBe(0)
    expect((yield* fake.counts).alive).toBe(0)
  }))

it.scoped("a pool that was closed by its deadline leaves no fiber behind", () =>
  Effect.gen(function*() {
    const { close, fibers, pool } = yield* supervised({ shutdownTimeout: "2 seconds" })
    yield* Effect.scoped(Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* hold(pool)
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      expect(yield* fibers).toBe(0)
    }))
  }))

it.scoped("a pool whose startup failed leaves no fiber behind", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const supervisor = yield* Supervisor.track
    yield* fake.next("open", FakeConnector.fail(), FakeConnector.hang)
    const make = ConnectionPool.make({ connector: fake.connector, startup: "fill", minSize: 2 })
    yield* Effect.flip(Effect.supervised(Effect.scoped(make), supervisor))
    yield* settled
    expect((yield* supervisor.value).length).toBe(0)
  }))

/** A Clock like the live one in that a sleep of more than 2^31 - 1 ms does not end. */
const withShortSleeps = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.clockWith((clock) => {
    const short: Clock.Clock = Object.create(clock, {
      sleep: {
        value: (duration: Duration.Duration) =>
          Duration.toMillis(duration) > 2 ** 31 - 1 ? Effect.never : clock.sleep(duration)
      }
    })
    return Effect.withClock(effect, short)
  })

it.scoped("what is due after more than 2^31 - 1 ms happens then", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* withShortSleeps(
      ConnectionPool.make({ connector: fake.connector, ...endless, idleTimeout: "60 days" })
    )
    yield* warm(pool, 1)
    yield* TestClock.adjust("59 days")
    expect((yield* pool.stats).idle).toBe(1)
    yield* TestClock.adjust("1 day")
    expect((yield* pool.stats).idle).toBe(0)
  }))

it.scoped("a caller can wait for more than 2^31 - 1 ms", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* withShortSleeps(
      ConnectionPool.make({ connector: fake.connector, ...endless, maxSize: 1, acquireTimeout: "60 days" })
    )
    yield* hold(pool)
    const waiter = yield* ask(pool)
    yield* TestClock.adjust("59 days")
    expect(yield* isWaiting(waiter)).toBe(true)
    yield* TestClock.adjust("1 day")
    expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout" })
  }))

it.scoped("a step can be bounded by more than 2^31 - 1 ms", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* fake.set("open", FakeConnector.hang)
    const pool = yield* withShortSleeps(
      ConnectionPool.make({
        connector: fake.connector,
        ...endless,
        acquireTimeout: Infinity,
        connectTimeout: "60 days"
      })
    )
    const caller = yield* ask(pool)
    yield* TestClock.adjust("59 days")
    expect(yield* isWaiting(caller)).toBe(true)
    yield* TestClock.adjust("1 day")
    expect(yield* isWaiting(caller)).toBe(false)
    expect(yield* failureOf(caller)).toMatchObject({ _tag: "ConnectTimeout" })
  }))

it.scoped("a pool lives by the Clock that it was made with, and not by a borrower's", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector, maxSize: 1, acquireTimeout: "5 seconds" })
    yield* hold(pool)
    const stopped: Clock.Clock = Object.create(yield* Effect.clock, {
      unsafeCurrentTimeMillis: { value: () => 1_000_000 },
      sleep: { value: () => Effect.never }
    })
    const waiter = yield* Effect.withClock(ask(pool), stopped)
    yield* TestClock.adjust("5 seconds")
    expect(yield* failureOf(waiter)).toMatchObject({ _tag: "AcquireTimeout", waited: 5_000, at: 5_000 })
  }))

it.scoped("an alarm that rings at the time of another one is not taken for that: both are dropped in the end", () =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime<never>()
    const fibers: Array<Fiber.RuntimeFiber<unknown>> = []
    const time = { at: 0, now: () => time.at, expected: Infinity }
    const fork = (effect: Effect.Effect<unknown>) => {
      const fiber = Runtime.runFork(runtime)(effect, { immediate: false })
      fibers.push(fiber)
      return fiber
    }
    const keeper = new Keeper(time as never, fork, Effect.void)
    keeper.arm(10)
    // The first alarm is due, and has not rung yet.
    time.at = 10
    keeper.arm(3)
    yield* settled
    keeper.stop()
    yield* settled
    const ended = yield* Effect.forEach(fibers, Fiber.poll)
    expect(ended.map(Option.isSome)).toEqual([true, true])
  }))

it.scoped("an alarm is expected until its tick has asked for the next one, so that a freeze in between is seen", () =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime<never>()
    const time = { now: () => 0, expected: Infinity }
    const seen: Array<number> = []
    const keeper = new Keeper(
      time as never,
      (effect) => Runtime.runFork(runtime)(effect, { immediate: false }),
      Effect.sync(() => seen.push(time.expected))
    )
    keeper.arm(10)
    yield* TestClock.adjust(10)
    expect([...seen, time.expected]).toEqual([10, Infinity])
  }))
