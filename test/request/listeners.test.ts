/** Those who listen to a pool, and fail at it, harm nobody. */
import type { PoolEvent } from "@cenote/core/PoolEvent"
import type { Tuning } from "@cenote/core/PoolOptions"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

const listenWith = (pool: FakePool, f: (event: PoolEvent) => Effect.Effect<unknown, unknown>) =>
  Effect.zipLeft(Effect.forkDaemon(Effect.sandbox(Stream.runForEach(pool.events, f))), settled)

/** Each operation and some uses, as an operator's day has them. */
const day = (pool: FakePool) =>
  Effect.gen(function*() {
    yield* warm(pool, 3)
    yield* pool.use(() => Effect.void)
    yield* pool.resize({ maxSize: 2 })
    yield* pool.clear({ abortLeases: true })
    yield* pool.use(() => Effect.void)
    yield* pool.recycle({ within: "1 second" })
    yield* pool.suspend({ duration: "1 second" })
    yield* TestClock.adjust("2 seconds")
    yield* pool.use(() => Effect.void)
    yield* settled
  })

const bad = {
  dies: () => Effect.die(new Error("told to die")),
  fails: () => Effect.fail("no"),
  throws: () => {
    throw new Error("told to die")
  },
  "never ends": () => Effect.never,
  "cannot be interrupted and never ends": () => Effect.uninterruptible(Effect.never),
  "interrupts itself": () => Effect.interrupt
} satisfies Record<string, (event: PoolEvent) => Effect.Effect<unknown, unknown>>

for (const [what, listener] of Object.entries(bad)) {
  it.effect(`a listener that ${what} harms neither the pool nor another listener`, () =>
    withPool(quiet, ({ close, pool }) =>
      Effect.gen(function*() {
        const first = yield* listen(pool)
        yield* listenWith(pool, listener)
        const second = yield* listen(pool)
        yield* day(pool)
        expect(yield* pool.stats).toMatchObject({ phase: "running", leased: 0, waiting: 0, timedOut: 0 })
        expect(second).toEqual(first)
        expect(only(first, "Acquired").length).toBe(6)
        yield* close
        yield* settled
        expect(first.at(-1)?._tag).toBe("PoolClosed")
      })))
}

it.effect("a listener that asks for a connection gets its turn like everybody, and sees its own", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      let left = 3
      const served: Array<number> = []
      yield* listenWith(pool, (event) =>
        event._tag === "Released" && left-- > 0
          ? pool.use(({ id }) => Effect.sync(() => served.push(id)))
          : Effect.void)
      yield* pool.use(() => Effect.void)
      yield* settled
      expect(served).toEqual([0, 0, 0])
    })))

it.effect("a listener that operates on the pool from an event deadlocks nobody", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* listenWith(pool, (event) => event._tag === "AcquireFailed" ? pool.resize({ maxSize: 2 }) : Effect.void)
      yield* occupy(pool)
      const gaveUp = yield* ask(pool, { acquireTimeout: "1 second" })
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      expect(yield* isWaiting(gaveUp)).toBe(false)
      expect((yield* Fiber.join(waiter)).id).toBe(1)
    })))

it.effect("a logger that throws at a warning harms nothing", () =>
  Effect.provide(
    withPool({ ...quiet, maxSize: 1, leakThreshold: "1 second" }, ({ pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        const { release } = yield* hold(pool)
        yield* TestClock.adjust("5 seconds")
        yield* release
        yield* pool.use(() => Effect.void)
        yield* settled
        expect(only(events, "LeaseOverdue").length).toBe(1)
        expect(only(events, "LeaseReturned").length).toBe(1)
      })),
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(() => {
        throw new Error("told to die")
      })
    )
  ))
