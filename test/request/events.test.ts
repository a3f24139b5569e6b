import type { CloseReason } from "@cenote/core/PoolEvent"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Recorded } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, listen, occupy, only, warm } from "./support.js"

it.effect("an early subscriber sees a connection's whole life, in order", () =>
  withPool({ keepalive: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* fake.next("open", FakeConnector.slow("2 seconds"))
      const user = yield* ask(pool)
      yield* TestClock.adjust("2 seconds")
      const { lease, release } = yield* Fiber.join(user)
      yield* TestClock.adjust("1 second")
      yield* release
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.slow("500 millis"))
      yield* Effect.fork(pool.use((connection) => pool.invalidate(connection)))
      yield* TestClock.adjust("500 millis")
      yield* settled
      expect(lease.number).toBe(0)
      expect(events).toEqual([
        { _tag: "AcquireStarted", at: 0 },
        { _tag: "ConnectionOpening", at: 0, id: 0, purpose: "Waiter" },
        { _tag: "ConnectionOpened", at: 2_000, id: 0, took: 2_000 },
        { _tag: "Acquired", at: 2_000, id: 0, lease: 0, waited: 2_000 },
        { _tag: "Released", at: 3_000, id: 0, lease: 0 },
        { _tag: "AcquireStarted", at: 13_000 },
        { _tag: "Acquired", at: 13_500, id: 0, lease: 1, waited: 500 },
        { _tag: "Released", at: 13_500, id: 0, lease: 1 },
        { _tag: "ConnectionClosing", at: 13_500, id: 0, reason: "Invalidated" },
        {
          _tag: "ConnectionClosed",
          at: 13_500,
          id: 0,
          reason: "Invalidated",
          took: 0,
          outcome: { _tag: "Closed" }
        }
      ])
    })))

const reasons: ReadonlyArray<{
  readonly reason: CloseReason
  readonly tuning?: Tuning
  readonly run: (subject: Recorded) => Effect.Effect<unknown, unknown>
}> = [
  { reason: "Broken", run: ({ fake, pool }) => pool.use((connection) => fake.kill(connection.id)) },
  { reason: "Lost", run: ({ fake, pool }) => Effect.zipRight(warm(pool, 1), fake.kill(0)).pipe(Effect.scoped) },
  {
    reason: "CheckFailed",
    run: ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        yield* TestClock.adjust("10 seconds")
        yield* fake.next("check", FakeConnector.fail("gone", "check"))
        yield* pool.use(() => Effect.void)
      }).pipe(Effect.scoped)
  },
  {
    reason: "PingFailed",
    tuning: { keepalive: "1 minute" },
    run: ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        yield* fake.next("ping", FakeConnector.fail("gone", "ping"))
        yield* TestClock.adjust("1 minute")
      }).pipe(Effect.scoped)
  },
  {
    reason: "ResetFailed",
    run: ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.next("reset", FakeConnector.fail("no", "reset"))
        yield* pool.use((connection) => Effect.sync(connection.dirty))
      })
  },
  {
    reason: "OpenFailed",
    run: ({ fake, pool }) =>
      Effect.zipRight(fake.next("open", FakeConnector.fail()), Effect.exit(pool.use(() => Effect.void)))
  },
  { reason: "Invalidated", run: ({ pool }) => pool.use((connection) => pool.invalidate(connection)) },
  {
    reason: "IdleTimeout",
    tuning: { idleTimeout: "1 minute" },
    run: ({ pool }) => Effect.scoped(Effect.zipRight(warm(pool, 1), TestClock.adjust("1 minute")))
  },
  {
    reason: "MaxLifetime",
    tuning: { maxLifetime: "1 minute", lifetimeJitter: 0 },
    run: ({ pool }) => Effect.scoped(Effect.zipRight(warm(pool, 1), TestClock.adjust("1 minute")))
  },
  { reason: "MaxUses", tuning: { maxUses: 1 }, run: ({ pool }) => pool.use(() => Effect.void) },
  { reason: "Shutdown", run: ({ close, pool }) => Effect.scoped(Effect.zipRight(warm(pool, 1), close)) }
]

for (const { reason, run, tuning } of reasons) {
  it.effect(`a connection's closing and its end are told with their reason: ${reason}`, () =>
    withPool({ ...tuning }, (subject) =>
      Effect.gen(function*() {
        const events = yield* listen(subject.pool)
        yield* run(subject)
        yield* settled
        expect(only(events, "ConnectionClosing").filter(({ id }) => id === 0)).toMatchObject([{ id: 0, reason }])
        expect(only(events, "ConnectionClosed").filter(({ id }) => id === 0)).toMatchObject([
          { id: 0, reason, outcome: { _tag: "Closed" } }
        ])
      }), { onLost: reason !== "Broken" }))
}

for (
  const { behaviour, outcome, took } of [
    { behaviour: FakeConnector.slow("2 seconds"), outcome: { _tag: "Closed" }, took: 2_000 },
    { behaviour: FakeConnector.die("burst"), outcome: { _tag: "Failed", cause: Cause.die("burst") }, took: 0 },
    { behaviour: FakeConnector.stick, outcome: { _tag: "Aborted" }, took: 5_000 }
  ]
) {
  it.effect(`a close that ended as ${outcome._tag} says so, and how long it took`, () =>
    withPool({}, ({ fake, pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        yield* fake.next("close", behaviour)
        yield* pool.use((connection) => pool.invalidate(connection))
        yield* TestClock.adjust("10 seconds")
        expect(only(events, "ConnectionClosed")).toEqual([
          { _tag: "ConnectionClosed", at: took, id: 0, reason: "Invalidated", took, outcome }
        ])
      })))
}

it.effect("a failed opening is told with its cause and its duration, before its connection is cleaned up", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const error = new FakeConnector.FakeError({ step: "open", reason: "connection refused" })
      yield* fake.next("open", FakeConnector.slow("3 seconds", FakeConnector.fail("connection refused")))
      const caller = yield* ask(pool)
      yield* TestClock.adjust("3 seconds")
      yield* Effect.flip(Fiber.join(caller))
      expect(only(events, "ConnectionOpenFailed")).toEqual([
        { _tag: "ConnectionOpenFailed", at: 3_000, id: 0, took: 3_000, cause: Cause.fail(error) }
      ])
      expect(only(events, "AcquireFailed")).toEqual([
        { _tag: "AcquireFailed", at: 3_000, waited: 3_000, cause: Cause.fail(error) }
      ])
      const order = events.map(({ _tag }) => _tag).filter((tag) => tag.startsWith("Connection"))
      expect(order).toEqual(["ConnectionOpening", "ConnectionOpenFailed", "ConnectionClosing", "ConnectionClosed"])
    })))

it.effect("each caller that gets nothing is told, with its error and how long it waited", () =>
  withPool({ maxSize: 1, maxWaiters: 1 }, ({ close, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      yield* ask(pool, { acquireTimeout: "2 seconds" })
      yield* Effect.exit(pool.use(() => Effect.void))
      yield* TestClock.adjust("2 seconds")
      yield* ask(pool)
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      yield* release
      yield* Fiber.join(closing)
      const failures = only(events, "AcquireFailed").map(({ cause, waited }) => ({
        error: (Cause.squash(cause) as { readonly _tag: string })._tag,
        waited
      }))
      expect(failures).toEqual([
        { error: "PoolRefused", waited: 0 },
        { error: "AcquireTimeout", waited: 2_000 },
        { error: "PoolClosed", waited: 1_000 }
      ])
    })))

it.effect("an opening says what it is for", () =>
  withPool(
    { minSize: 1, maxConnecting: 1, maxLifetime: "1000 seconds", keepalive: Infinity },
    ({ pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        yield* Effect.scoped(Effect.zipRight(hold(pool), pool.use((connection) => pool.invalidate(connection))))
        yield* pool.use((connection) => pool.invalidate(connection))
        yield* settled
        yield* TestClock.adjust("999 seconds")
        expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual([
          "Waiter",
          "Refill",
          "Successor"
        ])
      })
  ))
