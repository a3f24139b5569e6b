/** Leases that last for too long are reported, and said to be back. */
import type { Tuning } from "@cenote/core/PoolOptions"
import type { LeaseInfo } from "@cenote/core/PoolStats"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { hold, listen, occupy, only, warm } from "./support.js"

const tuning: Tuning = {
  name: "orders",
  leakThreshold: "30 seconds",
  idleTimeout: Infinity,
  keepalive: Infinity,
  maxLifetime: Infinity
}

/** A fiber that holds a connection for so long, in a span. */
const holder = (pool: FakePool, seconds: number, options?: { readonly long: boolean }) =>
  Effect.zipLeft(
    Effect.forkScoped(
      Effect.withSpan(Effect.scoped(Effect.zipRight(pool.lease(options), Effect.sleep(seconds * 1_000))), "import")
    ),
    settled
  )

interface Line {
  readonly level: string
  readonly text: string
  readonly annotations: Record<string, unknown>
}

/** A pool made where a test reads what is logged. */
const logged = (more: Tuning, test: (pool: FakePool, lines: ReadonlyArray<Line>) => Effect.Effect<void, any, any>) => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    lines.push({
      level: logLevel.label,
      text: String(Array.isArray(message) ? message.join(" ") : message),
      annotations: Object.fromEntries(HashMap.toEntries(annotations))
    })
  })
  return Effect.provide(
    withPool({ ...tuning, ...more }, ({ pool }) => test(pool, lines)),
    Logger.replace(Logger.defaultLogger, logger)
  )
}

it.effect("a lease that is older is reported once, then, with who holds it", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const fiber = yield* holder(pool, 600)
      yield* TestClock.adjust(29_999)
      expect(only(events, "LeaseOverdue")).toEqual([])
      yield* TestClock.adjust("5 minutes")
      const expected: LeaseInfo = {
        lease: 0,
        connection: 0,
        age: 30_000,
        fiber: FiberId.threadName(fiber.id()),
        span: "import",
        stack: undefined,
        isLong: false
      }
      expect(only(events, "LeaseOverdue")).toEqual([{ _tag: "LeaseOverdue", at: 30_000, holder: expected }])
    })))

it.effect("a second event says when it has come back, and how long it took", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* holder(pool, 45)
      yield* TestClock.adjust("45 seconds")
      expect(only(events, "LeaseReturned")).toMatchObject([{ at: 45_000, holder: { lease: 0, age: 45_000 } }])
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 0 })
    })))

it.effect("one that is back in time is told in neither", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* holder(pool, 29)
      yield* TestClock.adjust("10 minutes")
      expect([...only(events, "LeaseOverdue"), ...only(events, "LeaseReturned")]).toEqual([])
    })))

it.effect("one that said that it is long is told in neither", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* holder(pool, 600, { long: true })
      yield* TestClock.adjust("10 minutes")
      expect([...only(events, "LeaseOverdue"), ...only(events, "LeaseReturned")]).toEqual([])
    })))

it.effect("each lease of a connection is watched anew", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* holder(pool, 20)
      yield* TestClock.adjust("20 seconds")
      yield* holder(pool, 40)
      yield* TestClock.adjust("1 minute")
      expect(only(events, "LeaseOverdue").map(({ at, holder }) => [at, holder.lease])).toEqual([[50_000, 1]])
    })))

it.effect("a warning is logged, with who holds it", () =>
  logged({}, (pool, lines) =>
    Effect.gen(function*() {
      const fiber = yield* holder(pool, 600)
      yield* TestClock.adjust("1 minute")
      expect(lines).toEqual([
        {
          level: "WARN",
          text: "Connection 0 of pool \"orders\" has been held for longer than leakThreshold.",
          annotations: { age: 30_000, fiber: FiberId.threadName(fiber.id()), span: "import" }
        }
      ])
    })))

it.effect("with leakTracing the event and the warning name the line that asked, for use, get and lease", () =>
  logged({ leakTracing: true }, (pool, lines) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const forgetsByUse = () => pool.use(() => Effect.sleep("1 hour"))
      const forgetsByLease = () => Effect.scoped(Effect.zipRight(pool.lease(), Effect.sleep("1 hour")))
      const forgetsByGet = () => Effect.scoped(Effect.zipRight(pool.get, Effect.sleep("1 hour")))
      yield* Effect.forEach([forgetsByUse, forgetsByLease, forgetsByGet], (forgets) => Effect.forkScoped(forgets()))
      yield* TestClock.adjust("1 minute")
      const stacks = only(events, "LeaseOverdue").map(({ holder }) => holder.stack ?? "")
      expect(stacks.length).toBe(3)
      for (const [index, name] of ["forgetsByUse", "forgetsByLease", "forgetsByGet"].entries()) {
        expect(stacks[index]!.split("\n")[0]).toContain(`${name} `)
        expect(stacks[index]!.split("\n")[0]).toContain("test/request/leak.test.ts")
        expect(lines[index]!.annotations["stack"]).toBe(stacks[index])
      }
    })))

it.effect("without it there is no stack", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      expect((yield* pool.leases)[0]).toMatchObject({ stack: undefined })
    })))

it.effect("a stack has frames of the caller only, and no first line of an error that there was not", () =>
  withPool({ ...tuning, leakTracing: true }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* pool.lease()
        const { stack = "" } = (yield* pool.leases)[0]!
        expect(stack).not.toContain("Error")
        expect(stack).not.toContain("packages/core/src")
        expect(stack).not.toMatch(/effect[/\\](src|dist)/)
      }))
    })))

it.effect("a holder that has ended without its Scope is still named by the fiber that asked", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* occupy(pool)
      yield* TestClock.adjust("30 seconds")
      expect(only(events, "LeaseOverdue")[0]?.holder.fiber).toMatch(/^#\d+$/)
    })))

it.effect("leases tells all that are out, the oldest first, with their ages", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* Effect.forEach([1, 2], () => Effect.zipLeft(occupy(pool), TestClock.adjust("5 seconds")))
      yield* occupy(pool, { long: true })
      expect((yield* pool.leases).map(({ age, isLong, lease }) => ({ age, isLong, lease }))).toEqual([
        { lease: 2, age: 10_000, isLong: false },
        { lease: 3, age: 5_000, isLong: false },
        { lease: 4, age: 0, isLong: true }
      ])
    })))

it.effect("a leak is said in an AcquireTimeout, too, before its threshold is over", () =>
  withPool({ ...tuning, maxSize: 1, acquireTimeout: "2 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* holder(pool, 600)
      const waiter = yield* Effect.forkScoped(Effect.sandbox(pool.use(() => Effect.void)))
      yield* TestClock.adjust("2 seconds")
      const cause = yield* Effect.flip(waiter)
      expect(Cause.pretty(cause)).toContain("connection 0 for 2s by")
      expect(Cause.pretty(cause)).toContain("in span \"import\"")
    })))
