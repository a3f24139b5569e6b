/** What `close` does to newcomers, waiters, openings, checks and leases. Closing with the Scope is in shutdown.test.ts. */
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

const close = (pool: FakePool, deadline: Duration.DurationInput) =>
  Effect.zipLeft(Effect.forkScoped(pool.close({ deadline })), settled)

it.effect("a pool that nobody uses is closed at once, and once", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 2)
      yield* pool.close()
      yield* pool.close({ deadline: 0 })
      yield* settled
      expect((yield* pool.stats).phase).toBe("closed")
      expect((yield* fake.counts).closed).toBe(2)
      expect(only(events, "PoolClosing").length).toBe(1)
      expect(only(events, "PoolClosed").length).toBe(1)
    })))

it.effect("newcomers and waiters are refused at once", () =>
  withPool({ ...quiet, maxSize: 1, name: "orders" }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* ask(pool)
      const closing = yield* close(pool, "10 seconds")
      const error = yield* failureOf(waiter)
      expect(error).toMatchObject({ _tag: "PoolClosed", pool: "orders" })
      expect(error.message).toBe("Pool \"orders\" is closed, or closing: nothing can be asked of it any more.")
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed" })
      yield* release
      yield* Fiber.join(closing)
    })))

it.effect("openings, checks and resets are ended", () =>
  withPool({ ...quiet, maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const dirty = yield* occupy(pool)
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      for (const step of ["open", "check", "reset"] as const) yield* fake.set(step, FakeConnector.hang)
      dirty.connection.dirty()
      yield* dirty.release
      const waiters = yield* Effect.forEach([1, 2], () => ask(pool))
      yield* settled
      expect(yield* pool.stats).toMatchObject({ opening: 1, checking: 1, resetting: 1, waiting: 2 })
      yield* pool.close()
      expect(yield* pool.stats).toMatchObject({ phase: "closed", opening: 0, checking: 0, resetting: 0 })
      expect(yield* Effect.forEach(waiters, failureOf)).toMatchObject([{ _tag: "PoolClosed" }, { _tag: "PoolClosed" }])
    })))

it.effect("leases are awaited until the deadline, and then aborted", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const early = yield* occupy(pool)
      yield* occupy(pool)
      const closing = yield* close(pool, "5 seconds")
      yield* TestClock.adjust("4 seconds")
      yield* early.release
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ aborted: 1, closed: 2 })
    })))

it.effect("without a deadline of its own, the pool's shutdownTimeout counts", () =>
  withPool({ ...quiet, shutdownTimeout: "7 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const closing = yield* Effect.forkScoped(pool.close())
      yield* TestClock.adjust(6_999)
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
    })))

it.effect("with a deadline of 0 leases are aborted at once", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const closing = yield* close(pool, 0)
      yield* Fiber.join(closing)
      expect((yield* fake.counts).aborted).toBe(1)
    })))

it.effect("with an infinite one they are awaited for as long as they take", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const closing = yield* close(pool, Duration.infinity)
      yield* TestClock.adjust("100 days")
      expect(yield* isWaiting(closing)).toBe(true)
      yield* release
      yield* Fiber.join(closing)
      expect((yield* fake.counts).aborted).toBe(0)
    })))

for (const [first, second] of [["10 seconds", "3 seconds"], ["3 seconds", "10 seconds"]] as const) {
  it.effect(`of two deadlines, ${first} and then ${second}, the earlier counts`, () =>
    withPool(quiet, ({ pool }) =>
      Effect.gen(function*() {
        yield* occupy(pool)
        const closings = yield* Effect.all([close(pool, first), close(pool, second)])
        yield* TestClock.adjust(2_999)
        expect(yield* Effect.forEach(closings, isWaiting)).toEqual([true, true])
        yield* TestClock.adjust(1)
        yield* Fiber.join(Fiber.all(closings))
      })))
}

it.effect("interrupting it ends the waiting only: the pool goes on closing", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const closing = yield* close(pool, "10 seconds")
      yield* Fiber.interrupt(closing)
      expect((yield* pool.stats).phase).toBe("closing")
      yield* release
      yield* settled
      expect((yield* pool.stats).phase).toBe("closed")
    })))

it.effect("the Scope's end finds it closed, and adds nothing", () =>
  withPool(quiet, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* pool.close()
      yield* close
      expect((yield* fake.counts).closed).toBe(1)
    })))

it.effect("the Scope's end while it closes waits for it, at most until the earlier deadline", () =>
  withPool({ ...quiet, shutdownTimeout: "2 seconds" }, ({ close: end, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const closing = yield* close(pool, "1 hour")
      const ending = yield* Effect.forkScoped(end)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      yield* Fiber.join(ending)
    })))
