/** Who is refused by `overload`, and when nobody is. The minute of twice the load is in overload-simulated.test.ts. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { World } from "../support/schedulers.js"
import { ask, failureOf, isWaiting, listen, occupy, only } from "./support.js"

const one: Tuning = { maxSize: 1, overload: { target: "100 millis", interval: "1 second" }, name: "orders" }

it.effect("whoever has waited for the target is refused, when waits have been that long for the interval", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      yield* TestClock.adjust(1_099)
      expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([true, true])
      yield* TestClock.adjust(1)
      const error = yield* failureOf(first)
      expect(error).toMatchObject({ _tag: "PoolRefused", reason: "Overloaded", sizes: { leased: 1, waiting: 2 } })
      expect(error.message).toBe(
        "Pool \"orders\" refused (Overloaded): waits have been too long for too long. Ask again later. 1 leased of 1, 2 waiting."
      )
      expect(yield* pool.stats).toMatchObject({ shed: 1, refused: 0, timedOut: 0, waiting: 1 })
    })))

it.effect("the last one that waits is not refused: what comes back must have somebody to go to", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([false, false, true])
      yield* release
      expect((yield* Fiber.join(waiters[2]!)).id).toBe(0)
    })))

it.effect("a pool from which nothing comes back is judged, too: each newcomer costs the one before it its place", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const early = yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      expect(yield* isWaiting(early)).toBe(true)
      const late = yield* ask(pool)
      expect(yield* failureOf(early)).toMatchObject({ reason: "Overloaded" })
      yield* TestClock.adjust("10 seconds")
      expect(yield* isWaiting(late)).toBe(true)
    })))

it.effect("a caller is never refused before it has waited for the target, however overloaded the pool is", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* TestClock.adjust("5 seconds")
      const newcomer = yield* ask(pool)
      yield* ask(pool)
      yield* TestClock.adjust(99)
      expect(yield* isWaiting(newcomer)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* isWaiting(newcomer)).toBe(false)
    })))

it.effect("a crowd that is served within the interval is no overload, though some wait for longer than the target", () =>
  withPool({ ...one, checkAfterIdle: Infinity }, ({ pool }) =>
    Effect.gen(function*() {
      const crowd = yield* Effect.forEach(
        Array.from({ length: 9 }),
        () => Effect.forkScoped(pool.use(() => Effect.sleep(100)))
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.joinAll(crowd)
      expect(yield* pool.stats).toMatchObject({ shed: 0, acquired: 9 })
    })))

it.effect("somebody who is served early ends no overload: refusals keep waits short, so that proves nothing", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      yield* Effect.forEach([1, 2], () => ask(pool))
      yield* TestClock.adjust("2 seconds")
      const served = yield* ask(pool)
      const next = yield* ask(pool)
      yield* TestClock.adjust(10)
      yield* release
      yield* Fiber.join(served)
      yield* ask(pool)
      yield* TestClock.adjust(89)
      expect(yield* isWaiting(next)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* isWaiting(next)).toBe(false)
    })))

for (const { isOver, pause } of [{ pause: 900, isOver: false }, { pause: 901, isOver: true }]) {
  const what = isOver ? "has an interval of its own" : "is refused at the target"
  it.effect(`a crowd that comes ${pause} ms after the last long wait, and waits for 100, ${what}`, () =>
    withPool(one, ({ pool }) =>
      Effect.gen(function*() {
        const { release } = yield* occupy(pool)
        const [, last] = yield* Effect.all([ask(pool), ask(pool)])
        yield* TestClock.adjust("2 seconds")
        yield* release
        const holder = yield* Fiber.join(last)
        yield* TestClock.adjust(pause)
        const crowd = yield* Effect.forEach([1, 2], () => ask(pool))
        yield* TestClock.adjust(100)
        expect(yield* Effect.forEach(crowd, isWaiting)).toEqual([isOver, true])
        yield* TestClock.adjust(999)
        expect(yield* Effect.forEach(crowd, isWaiting)).toEqual([isOver, true])
        yield* TestClock.adjust(1)
        expect(yield* Effect.forEach(crowd, isWaiting)).toEqual([false, true])
        yield* holder.release
      })))
}

it.effect("a cold start is no overload, however long the openings take", () =>
  withPool({ ...one, maxSize: 4, maxConnecting: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("8 seconds"))
      const callers = yield* Effect.forEach(
        Array.from({ length: 12 }),
        () => Effect.forkScoped(pool.use(() => Effect.sleep(10)))
      )
      yield* settled
      yield* TestClock.adjust("9 seconds")
      yield* Fiber.joinAll(callers)
      expect(yield* pool.stats).toMatchObject({ shed: 0, acquired: 12 })
    })))

it.effect("the time that a connection was opening does not count: the interval begins when it has ended", () =>
  withPool({ ...one, maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      yield* fake.next("open", FakeConnector.slow("5 seconds"))
      const first = yield* ask(pool)
      const others = yield* Effect.forEach([1, 2], () => ask(pool))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(first)
      yield* TestClock.adjust(999)
      expect(yield* Effect.forEach(others, isWaiting)).toEqual([true, true])
      yield* TestClock.adjust("2 seconds")
      expect(yield* Effect.forEach(others, isWaiting)).toEqual([false, true])
    })))

it.effect("a suspended pool refuses nobody for being slow", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.suspend()
      const waiters = yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(pool.use(() => Effect.void)))
      yield* TestClock.adjust("20 seconds")
      expect(yield* pool.stats).toMatchObject({ waiting: 3, shed: 0 })
      yield* pool.resume
      yield* Fiber.joinAll(waiters)
    })))

it.effect("each class is judged for itself: who waits long because it is low costs no normal caller its place", () =>
  withPool({ ...one, ageing: "1 minute" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const lows = yield* Effect.forEach([1, 2], () => ask(pool, { priority: "low" }))
      yield* TestClock.adjust("1 second")
      const normals = yield* Effect.forEach([1, 2], () => ask(pool))
      yield* TestClock.adjust(100)
      expect(yield* Effect.forEach(lows, isWaiting)).toEqual([false, false])
      expect(yield* Effect.forEach(normals, isWaiting)).toEqual([true, true])
      yield* TestClock.adjust(999)
      expect(yield* Effect.forEach(normals, isWaiting)).toEqual([true, true])
      yield* TestClock.adjust(1)
      expect(yield* Effect.forEach(normals, isWaiting)).toEqual([false, true])
    })))

it.effect("a caller that is shed is told so in an event, with how long it waited", () =>
  withPool(one, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* occupy(pool)
      yield* Effect.all([ask(pool), ask(pool)])
      yield* TestClock.adjust(1_100)
      expect(only(events, "AcquireFailed")).toMatchObject([
        { at: 1_100, waited: 1_100, cause: { error: { _tag: "PoolRefused", reason: "Overloaded" } } }
      ])
    })))

it.effect("without the option nobody is refused", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      yield* Effect.forEach([1, 2, 3], () => ask(pool))
      yield* TestClock.adjust("29 seconds")
      expect(yield* pool.stats).toMatchObject({ waiting: 3, shed: 0 })
    })))

it.effect("true is 50 ms and one second", () =>
  withPool({ maxSize: 1, overload: true }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const [first] = yield* Effect.all([ask(pool), ask(pool)])
      yield* TestClock.adjust(1_049)
      expect(yield* isWaiting(first)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* isWaiting(first)).toBe(false)
    })))

it("fractions of a millisecond, whose sums are rounded, make no endless loop", () => {
  const program = Effect.scoped(Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({
      connector: fake.connector,
      maxSize: 1,
      overload: { target: 0.7, interval: 0.1 }
    })
    const holder = yield* Effect.fork(pool.use(() => Effect.sleep(10)))
    yield* Effect.sleep(0)
    const waiters = yield* Effect.forEach([1, 2], () => Effect.fork(Effect.either(pool.use(() => Effect.void))))
    const ends = yield* Fiber.join(Fiber.all(waiters))
    yield* Fiber.join(holder)
    return ends.map(({ _tag }) => _tag)
  }))
  // A world of its own: it tells a program that goes on and on.
  expect(new World().run(program)).toEqual(Exit.succeed(["Left", "Right"]))
})
