/** What a caller that got nothing is told: whole texts, once each, so that a change of one word is seen. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { AcquireTimeout } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, occupy } from "./support.js"

/** A fiber that holds a connection for so long, in a span, and the name that logs give it. */
const holder = (pool: FakePool, span: string, seconds: number) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkScoped(Effect.withSpan(pool.use(() => Effect.sleep(seconds * 1_000)), span))
    yield* settled
    return FiberId.threadName(fiber.id())
  })

it.effect("an AcquireTimeout in a pool that is too small says who holds what, and what to do", () =>
  withPool({ name: "orders", maxSize: 2, acquireTimeout: "2 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const importer = yield* holder(pool, "import", 3_600)
      const busy = Effect.forever(pool.use(() => Effect.sleep(100), { acquireTimeout: Infinity }))
      yield* Effect.forkScoped(busy)
      yield* Effect.forkScoped(busy)
      yield* TestClock.adjust("2 seconds")
      const reader = yield* holder(pool, "read", 3_600)
      yield* TestClock.adjust("500 millis")
      const error = yield* failureOf(yield* Effect.zipLeft(ask(pool), TestClock.adjust("2 seconds")))
      expect(error.message).toBe(
        `No connection of pool "orders" in 2s: place 3 of 3 in the queue, 2 leased of 2. Held the longest: ` +
          `connection 0 for 4s 500ms by ${importer} in span "import"; connection 1 for 2s 300ms by ${reader} in span "read". ` +
          `Not one connection was given back in that time: do their holders wait for this caller, ` +
          `as where it was asked inside of a use by a child fiber (timeout, race, all)? Then pass the connection on. Else ` +
          `find out what they do: leakThreshold and leakTracing tell.`
      )
    })))

it.effect("where connections come back, it says to hold them for a shorter time or to have more", () =>
  withPool({ name: "orders", maxSize: 1, acquireTimeout: "250 millis" }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkScoped(pool.use(() => Effect.sleep(100))))
      yield* settled
      const last = yield* ask(pool)
      yield* TestClock.adjust("250 millis")
      expect((yield* failureOf(last)).message).toBe(
        `No connection of pool "orders" in 250ms: place 2 of 2 in the queue, 1 leased of 1. Held the longest: connection 0 ` +
          `for 50ms by ${
            FiberId.threadName(holders[2]!.id())
          }. All connections are in use: hold them for a shorter time, ` +
          `or raise maxSize if the server can serve more at once.`
      )
    })))

it.effect("where callers wait and are served, it says how many came back in a second", () =>
  withPool({ maxSize: 1, acquireTimeout: "150 millis" }, ({ pool }) =>
    Effect.gen(function*() {
      const busy = Effect.forever(pool.use(() => Effect.sleep(100), { acquireTimeout: Infinity }))
      yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(busy))
      yield* TestClock.adjust("2 seconds")
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("150 millis")
      const error = (yield* failureOf(waiter)) as AcquireTimeout
      expect(error.returnRate).toBeCloseTo(10, 5)
      expect(error.message).toContain(" 10 came back in a second. All connections are in use:")
    })))

it.effect("a rate of long ago is not told", () =>
  withPool(
    { maxSize: 1, acquireTimeout: "1 second", idleTimeout: Infinity, keepalive: Infinity },
    ({ pool }) =>
      Effect.gen(function*() {
        const busy = Effect.repeatN(pool.use(() => Effect.sleep(100), { acquireTimeout: Infinity }), 20)
        const crowd = yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(busy))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.joinAll(crowd)
        yield* TestClock.adjust("10 minutes")
        yield* occupy(pool)
        const waiter = yield* ask(pool)
        yield* TestClock.adjust("1 second")
        const error = (yield* failureOf(waiter)) as AcquireTimeout
        expect(error.returnRate).toBe(0)
        expect(error.message).not.toContain("came back in a second")
      })
  ))

it.effect("where most connections come back, three that do not are no hint that holders wait for each other", () =>
  withPool({ maxSize: 5, acquireTimeout: "250 millis" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.forEach(["a", "b", "c"], (span) => holder(pool, span, 3_600))
      yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.forkScoped(Effect.exit(pool.use(() => Effect.sleep(100)))))
      yield* settled
      const last = yield* ask(pool)
      yield* TestClock.adjust("250 millis")
      expect((yield* failureOf(last)).message).toContain(" All connections are in use: hold them for a shorter time,")
    })))

it.effect("with leakTracing it says where each lease was asked for", () =>
  withPool({ maxSize: 1, acquireTimeout: "1 second", leakTracing: true }, ({ pool }) =>
    Effect.gen(function*() {
      const theOneThatForgets = () => occupy(pool)
      yield* theOneThatForgets()
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      const { leases, message } = (yield* failureOf(waiter)) as AcquireTimeout
      expect(leases[0]?.stack).toContain("test/request/support.ts")
      expect(message).toContain(`\n${leases[0]?.stack}\n`)
    })))

it.effect("the three oldest leases are named, and no more", () =>
  withPool({ maxSize: 5, acquireTimeout: "1 second" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.zipRight(TestClock.adjust(10), occupy(pool)))
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      const { leases } = (yield* failureOf(waiter)) as AcquireTimeout
      expect(leases.map(({ age, connection }) => [connection, age])).toEqual([[0, 1_040], [1, 1_030], [2, 1_020]])
    })))

it.effect("an AcquireTimeout in a Cause reads as its message", () =>
  withPool({ name: "orders", maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const cause = yield* Effect.flip(Effect.sandbox(pool.use(() => Effect.void, { acquireTimeout: 0 })))
      const [first] = Cause.pretty(cause).split("\n")
      expect(first).toMatch(
        /^AcquireTimeout: No connection of pool "orders" in 0ms: place 1 of 1 in the queue, 1 leased of 1\./
      )
    })))

it.effect("as JSON it has its message and all of its facts, and nothing else", () =>
  withPool(
    { name: "orders", maxSize: 1, acquireTimeout: "1 second" },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.next("open", FakeConnector.fail("connection refused"))
        yield* Effect.flip(pool.use(() => Effect.void))
        yield* TestClock.adjust("1 second")
        const fiber = yield* ask(pool)
        yield* Fiber.join(fiber)
        const waiter = yield* ask(pool)
        yield* TestClock.adjust("1 second")
        const error = yield* failureOf(waiter)
        expect(JSON.parse(JSON.stringify(error))).toEqual({
          _tag: "AcquireTimeout",
          message: error.message,
          pool: "orders",
          waited: 1_000,
          place: 1,
          at: 2_000,
          sizes: { maxSize: 1, leased: 1, idle: 0, opening: 0, checking: 0, resetting: 0, closing: 0, waiting: 1 },
          leases: [{ lease: 1, connection: 1, age: 1_000, fiber: FiberId.threadName(fiber.id()), isLong: false }],
          phase: "running",
          quota: 1,
          youngestLease: 1_000,
          returnRate: 0,
          lastConnectFailure: {
            _id: "Option",
            _tag: "Some",
            value: {
              at: 0,
              cause: {
                _id: "Cause",
                _tag: "Fail",
                error: { _tag: "FakeError", step: "open", reason: "connection refused" }
              }
            }
          }
        })
      })
  ))

it.effect("a PoolRefused reads, and is as JSON, what it is told", () =>
  withPool({ name: "orders", maxSize: 1, maxWaiters: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const error = yield* Effect.flip(pool.use(() => Effect.void))
      expect(error.message).toBe(
        "Pool \"orders\" refused (QueueFull): as many callers wait as maxWaiters allows. Ask again later, or raise " +
          "maxWaiters. 1 leased of 1, 0 waiting."
      )
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({
        _tag: "PoolRefused",
        message: error.message,
        reason: "QueueFull",
        sizes: { leased: 1, waiting: 0 }
      })
    })))

it.effect("a PoolDeadlock names the leases that wait for each other", () =>
  withPool({ name: "orders", maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const nested = pool.use(() => Effect.zipRight(Effect.sleep("3 seconds"), pool.use(() => Effect.void)))
      const fiber = yield* Effect.fork(Effect.withSpan(nested, "checkout"))
      yield* TestClock.adjust("3 seconds")
      const error = yield* failureOf(fiber)
      expect(error.message).toBe(
        `Every holder of a connection of pool "orders" waits for another one of it, this fiber included. Held the longest: ` +
          `connection 0 for 3s by ${
            FiberId.threadName(fiber.id())
          } in span "checkout". Take one connection and pass it on, ` +
          `instead of asking inside a use.`
      )
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({ _tag: "PoolDeadlock", message: error.message })
    })))

class LoginFailed extends Data.TaggedError("LoginFailed")<{
  readonly user: string
  readonly password: Redacted.Redacted<string>
}> {
  override get message(): string {
    return `${this.user} may not log in`
  }
}

it.scoped("what a connector keeps secret stays secret, in a message, in a Cause and as JSON", () =>
  Effect.gen(function*() {
    const connector = Connector.make({
      name: "vault",
      open: Effect.fail(new LoginFailed({ user: "ada", password: Redacted.make("hunter2") }))
    })
    const pool = yield* ConnectionPool.make({ connector, acquireTimeout: "50 millis", whenDown: "wait" })
    const waiter = yield* Effect.fork(Effect.sandbox(pool.use(() => Effect.void)))
    yield* TestClock.adjust("50 millis")
    const cause = yield* failureOf(waiter)
    const error = Cause.squash(cause)
    const texts = [String(error), JSON.stringify(error), Cause.pretty(cause), JSON.stringify(cause)]
    for (const text of texts) {
      expect(text).not.toContain("hunter2")
    }
    expect(texts[0]).toContain("ada may not log in")
    expect(texts[1]).toContain("<redacted>")
  }))

it.effect("a caller whose wait was cut off by a deadline that everybody shares still gets its own place", () =>
  withPool({ maxSize: 1, acquireTimeout: "1 second" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* TestClock.adjust("1 second")
      const errors = yield* Effect.forEach(waiters, failureOf)
      expect(errors.map(({ message }) => /place \d of \d/.exec(message)?.[0])).toEqual([
        "place 1 of 3",
        "place 2 of 3",
        "place 3 of 3"
      ])
    })))
