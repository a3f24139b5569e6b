import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, occupy, warm } from "./support.js"

it.effect("when maxWaiters wait, the next caller is refused at once", () =>
  withPool({ name: "orders", maxSize: 1, maxWaiters: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const waiters = yield* Effect.all([ask(pool), ask(pool)])
      const error = yield* Effect.flip(pool.use(() => Effect.void))
      expect(error).toMatchObject({
        _tag: "PoolRefused",
        pool: "orders",
        reason: "QueueFull",
        sizes: { leased: 1, maxSize: 1, waiting: 2 }
      })
      expect(error.message).toBe(
        "Pool \"orders\" refused (QueueFull): as many callers wait as maxWaiters allows. " +
          "Ask again later, or raise maxWaiters. 1 leased of 1, 2 waiting."
      )
      expect(yield* Clock.currentTimeMillis).toBe(0)
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([true, true])
      expect(yield* pool.stats).toMatchObject({ refused: 1, timedOut: 0, waiting: 2 })
    })))

it.effect("a place that was left or served is free for the next caller", () =>
  withPool({ maxSize: 1, maxWaiters: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const leaver = yield* ask(pool)
      yield* Fiber.interrupt(leaver)
      const second = yield* ask(pool)
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolRefused" })
      yield* release
      yield* Fiber.join(second)
      const third = yield* ask(pool)
      expect(yield* isWaiting(third)).toBe(true)
      expect((yield* pool.stats).refused).toBe(1)
    })))

it.effect("a waiter whose time is over no longer counts", () =>
  withPool({ maxSize: 1, maxWaiters: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      yield* ask(pool, { acquireTimeout: "1 second" })
      yield* TestClock.adjust("1 second")
      expect(yield* isWaiting(yield* ask(pool))).toBe(true)
    })))

it.effect("with maxWaiters 0 a caller gets what is idle, or opened for it, and else is refused", () =>
  withPool({ maxSize: 1, maxWaiters: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
      yield* occupy(pool)
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ reason: "QueueFull" })
    })))

it.effect("with maxWaiters 0 a connection that must be checked first serves who asks", () =>
  withPool({ maxSize: 1, maxWaiters: 0, checkAfterIdle: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.repeatN(pool.use(() => Effect.void), 10)
      expect((yield* pool.stats).refused).toBe(0)
    })))

it.effect("callers for whom there is a permit do not count as waiting", () =>
  withPool({ maxSize: 3, maxWaiters: 1, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.hang)
      const asked = yield* Effect.all([ask(pool), ask(pool), ask(pool), ask(pool)])
      expect(yield* Effect.forEach(asked, isWaiting)).toEqual([true, true, true, true])
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ reason: "QueueFull" })
    })))

it.effect("a caller that is served at once is never refused", () =>
  withPool({ maxSize: 2, maxWaiters: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.repeatN(pool.use(() => Effect.void), 10)
      expect((yield* pool.stats).refused).toBe(0)
    })))

it.effect("without a bound anybody may wait", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const { release } = yield* hold(pool)
      const waiters = yield* Effect.forEach(
        Array.from({ length: 500 }),
        () => Effect.forkScoped(pool.use(() => Effect.void))
      )
      yield* settled
      expect((yield* pool.stats).waiting).toBe(500)
      yield* release
      yield* Fiber.joinAll(waiters)
    })))
