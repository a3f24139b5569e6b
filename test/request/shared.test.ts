import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, occupy, warm } from "./support.js"

const tuning = { maxSize: 2, concurrency: 3, acquireTimeout: "1 minute", checkAfterIdle: Infinity } as const

it.effect("as many callers as concurrency have one connection at a time, and the next waits", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const first = yield* occupy(pool)
      const others = [yield* occupy(pool), yield* occupy(pool)]
      expect(new Set([first, ...others].map(({ id }) => id)).size).toBe(1)
      expect(others[0]!.connection).toBe(first.connection)
      expect(yield* pool.stats).toMatchObject({ leased: 1, leases: 3, idle: 0 })
      const next = yield* ask(pool)
      expect(yield* isWaiting(next)).toBe(true)
      yield* first.release
      expect((yield* Fiber.join(next)).id).toBe(first.id)
      expect((yield* fake.counts).opened).toBe(1)
    })))

it.effect("callers are spread: to idle connections first, then to the least loaded", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      const ids: Array<number> = []
      for (let index = 0; index < 6; index++) ids.push((yield* hold(pool)).id)
      expect([0, 1].map((id) => ids.filter((other) => other === id).length)).toEqual([3, 3])
      expect([0, 1].map((id) => ids.slice(0, 4).filter((other) => other === id).length)).toEqual([2, 2])
      expect(yield* pool.stats).toMatchObject({ leased: 2, leases: 6, peakLeased: 2 })
    })))

it.effect("an exclusive use has the connection for itself, and those that came after it wait", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const sharing = yield* occupy(pool)
      const begun = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const alone = yield* Effect.forkScoped(
        pool.use(() => Effect.zipRight(Deferred.succeed(begun, void 0), Deferred.await(go)), { exclusive: true })
      )
      yield* settled
      const later = yield* ask(pool)
      expect(yield* Deferred.isDone(begun)).toBe(false)
      expect(yield* isWaiting(later)).toBe(true)
      yield* sharing.release
      yield* Deferred.await(begun)
      expect(yield* pool.stats).toMatchObject({ leased: 1, leases: 1, waiting: 1 })
      yield* Deferred.succeed(go, void 0)
      yield* Fiber.join(alone)
      yield* Fiber.join(later)
    })))

it.effect("an exclusive caller that gives up lets those through that waited for it", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const alone = yield* ask(pool, { exclusive: true })
      const interrupted = yield* ask(pool)
      yield* Fiber.interrupt(alone)
      yield* Fiber.join(interrupted)

      const late = yield* ask(pool, { exclusive: true, acquireTimeout: "5 seconds" })
      const behind = yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      expect(yield* failureOf(late)).toMatchObject({ _tag: "AcquireTimeout", place: 1 })
      yield* Fiber.join(behind)
    })))

it.effect("an exclusive lease asked for while the same fiber shares the only connection is a deadlock that is told at once", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pool.use(() => pool.use(() => Effect.void, { exclusive: true })))
      expect(error._tag).toBe("PoolDeadlock")
    })))

it.effect("a connection that one invalidates stays with the others, takes nobody else, and is closed when the last has left", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const first = yield* occupy(pool)
      const other = yield* occupy(pool)
      yield* first.lease.invalidate
      const next = yield* ask(pool)
      yield* first.release
      expect(yield* isWaiting(next)).toBe(true)
      expect(other.connection.isAlive).toBe(true)
      expect((yield* fake.counts).closing).toBe(0)
      yield* other.release
      expect((yield* Fiber.join(next)).id).not.toBe(first.id)
      yield* settled
      expect(first.connection.isAlive).toBe(false)
    })))

it.effect("a connection that dies under those that share it is closed once, when all have left", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = [yield* occupy(pool), yield* occupy(pool), yield* occupy(pool)]
      yield* fake.kill(holders[0]!.id)
      yield* settled
      yield* Effect.forEach(holders, ({ release }) => release)
      yield* settled
      expect(yield* fake.counts).toMatchObject({ opened: 1, closing: 1 })
      yield* hold(pool)
      expect((yield* fake.counts).opened).toBe(2)
    })))

it.effect("interrupting those that share one gives back each lease once", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach(
        Array.from({ length: 9 }),
        (_, index) => Effect.forkScoped(pool.use(() => Effect.never, { exclusive: index === 4 }))
      )
      yield* settled
      yield* Fiber.interruptAll(fibers)
      expect(yield* pool.stats).toMatchObject({ leased: 0, leases: 0, waiting: 0, idle: 2 })
    })))

it.effect("closing waits for all that share a connection, and aborts it once at the deadline", () =>
  withPool({ ...tuning, maxSize: 1, shutdownTimeout: "10 seconds" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const first = yield* occupy(pool)
      yield* occupy(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      yield* first.release
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      expect((yield* fake.counts).aborted).toBe(1)
    })))

it.effect("with concurrency 1, exclusive changes nothing", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* pool.use(() => Effect.void, { exclusive: true })
      yield* pool.use(() => Effect.void, { exclusive: false })
      expect(yield* pool.stats).toMatchObject({ idle: 1, requests: 2 })
    })))

it.effect("options that make no sense are told", () =>
  Effect.gen(function*() {
    for (const concurrency of [0, 1.5, -1, Infinity, "2"]) {
      const exit = yield* Effect.exit(withPool({ concurrency: concurrency as number }, () => Effect.void))
      const error = Exit.isFailure(exit) ? Cause.failureOrCause(exit.cause) : undefined
      expect(error !== undefined && Either.isLeft(error) ? error.left : error).toMatchObject({
        _tag: "InvalidOptions",
        issues: [{ field: "concurrency", problem: expect.stringContaining("must be an integer of at least 1; got") }]
      })
    }
    yield* withPool({}, ({ pool }) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(pool.use(() => Effect.void, { exclusive: "yes" as never }))
        expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
          _tag: "InvalidOptions",
          issues: [{ field: "exclusive", problem: "must be true or false; got \"yes\"" }]
        })
      }))
  }))
