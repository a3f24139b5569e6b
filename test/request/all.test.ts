import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { Fake, FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, isWaiting, listen, occupy, warm } from "./support.js"

const tuning = { maxSize: 1, acquireTimeout: "1 minute", checkAfterIdle: Infinity, whenDown: "wait" } as const

interface Two {
  readonly a: FakePool
  readonly b: FakePool
  readonly fakeA: Fake
  readonly fakeB: Fake
}

const withTwo = <A, E>(body: (two: Two) => Effect.Effect<A, E, Scope.Scope>, more: object = {}) =>
  withPool(
    { ...tuning, ...more },
    ({ fake: fakeA, pool: a }) =>
      withPool({ ...tuning, ...more }, ({ fake: fakeB, pool: b }) => Effect.scoped(body({ a, b, fakeA, fakeB })))
  )

const isFree = (pool: FakePool) =>
  Effect.map(pool.stats, (stats) => expect(stats).toMatchObject({ leased: 0, leases: 0, waiting: 0 }))

/** Somebody who holds both until the test ends it, in a fiber of its own. */
const both = ({ a, b }: Two, hold: Effect.Effect<unknown> = Effect.void) =>
  Effect.zipLeft(Effect.fork(ConnectionPool.useAll({ a, b }, () => hold)), settled)

describe("all", () => {
  it.effect("gives a connection of each pool in the shape that they were named in, and takes them back", () =>
    withTwo(({ a, b }) =>
      Effect.gen(function*() {
        yield* warm(a, 1)
        const named = yield* Effect.scoped(Effect.tap(ConnectionPool.all({ a, b }), () =>
          Effect.zipWith(a.stats, b.stats, (one, other) =>
            expect([one.leased, other.leased]).toEqual([1, 1]))))
        expect(Object.keys(named)).toEqual(["a", "b"])
        const listed = yield* ConnectionPool.useAll([b, a], ([ofB, ofA]) =>
          Effect.succeed([ofB, ofA]))
        expect(listed).toEqual([named.b, named.a])
        expect(yield* ConnectionPool.useAll([], (none) => Effect.succeed(none.length))).toBe(0)
        yield* isFree(a)
        yield* isFree(b)
      })
    ))

  it.effect("holds nothing while it waits: the connection of one is free for others until the other comes", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b } = two
        yield* warm(a, 1)
        const busy = yield* occupy(b)
        const waiting = yield* both(two)
        expect(yield* a.stats).toMatchObject({ leased: 0, idle: 1, waiting: 1 })
        yield* a.use(() => Effect.void)
        expect(yield* isWaiting(waiting)).toBe(true)
        yield* busy.release
        yield* Fiber.join(waiting)
      })
    ))

  it.effect("callers that ask in opposite orders never wait for each other", () =>
    withTwo(({ a, b }) =>
      Effect.gen(function*() {
        const orders = [[a, b], [b, a]]
        const all = Effect.forEach(
          Array.from({ length: 20 }),
          (_, index) => ConnectionPool.useAll(orders[index % 2]!, () => Effect.sleep(10)),
          { concurrency: "unbounded", discard: true }
        )
        const fiber = yield* Effect.fork(all)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fiber)
        expect(yield* a.stats).toMatchObject({ acquired: 20, timedOut: 0, waiting: 0 })
      })
    ))

  it.effect("gives several connections of one pool, and refuses at once more than it may have", () =>
    withPool({ ...tuning, maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        const two = yield* ConnectionPool.useAll([pool, pool], ([one, other]) => Effect.succeed([one.id, other.id]))
        expect(new Set(two).size).toBe(2)
        const three = yield* Effect.flip(ConnectionPool.useAll([pool, pool, pool], () => Effect.void))
        expect(three).toMatchObject({ _tag: "PoolRefused", reason: "BeyondCapacity", pool: "fake" })
        yield* isFree(pool)
      })))

  it.effect("is refused when a resize leaves fewer than it waits for", () =>
    withPool({ ...tuning, maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        const busy = yield* occupy(pool)
        const waiting = yield* Effect.fork(Effect.flip(ConnectionPool.useAll([pool, pool], () => Effect.void)))
        yield* settled
        yield* pool.resize({ maxSize: 1 })
        yield* busy.release
        expect(yield* Fiber.join(waiting)).toMatchObject({ reason: "BeyondCapacity" })
        yield* settled
        yield* isFree(pool)
      })))

  it.effect("is passed by 20 that came after it, and then what comes back is held for it", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b } = two
        yield* warm(a, 1)
        const busy = yield* occupy(b)
        const waiting = yield* both(two)
        for (let passed = 0; passed < 20; passed++) yield* a.use(() => Effect.void)
        const next = yield* ask(a)
        expect(yield* isWaiting(next)).toBe(true)
        expect(yield* a.stats).toMatchObject({ idle: 1, waiting: 2 })
        yield* busy.release
        yield* Fiber.join(waiting)
        yield* Fiber.join(next)
      })
    ))

  it.effect("who came before it is served before it, held or not", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b } = two
        const first = yield* occupy(a)
        const busy = yield* occupy(b)
        const older = yield* ask(a)
        yield* both(two)
        const younger = yield* Effect.forEach(Array.from({ length: 25 }), () => ask(a))
        yield* first.release
        const second = yield* Fiber.join(older)
        yield* second.release
        expect(yield* a.stats).toMatchObject({ idle: 1, waiting: 26 })
        yield* busy.release
        yield* Effect.forEach(younger, (fiber) => Effect.flatMap(Fiber.join(fiber), ({ release }) => release))
        yield* isFree(a)
      })
    ))

  it.effect("an outage of one of its pools freezes no other: nothing is held there", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, fakeB } = two
        yield* fakeB.set("open", FakeConnector.fail())
        yield* warm(a, 1)
        const waiting = yield* both(two)
        for (let passed = 0; passed < 60; passed++) yield* a.use(() => Effect.void)
        expect(yield* isWaiting(waiting)).toBe(true)
        yield* fakeB.set("open", FakeConnector.ok)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(waiting)
      })
    ))

  it.effect("an outage that begins while a connection is held for it sets that free", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b, fakeB } = two
        yield* warm(a, 1)
        const busy = yield* occupy(b)
        const waiting = yield* both(two)
        for (let passed = 0; passed < 20; passed++) yield* a.use(() => Effect.void)
        const next = yield* ask(a)
        expect(yield* isWaiting(next)).toBe(true)
        yield* fakeB.set("open", FakeConnector.fail())
        yield* busy.lease.invalidate
        yield* busy.release
        yield* settled
        yield* (yield* Fiber.join(next)).release
        yield* fakeB.set("open", FakeConnector.ok)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(waiting)
      })
    ))

  it.effect("fails as one of its pools does, and leaves no seat in the others", () =>
    withPool(
      { ...tuning, whenDown: "fail" },
      ({ fake, pool: down }) =>
        withPool(tuning, ({ pool: other }) =>
          Effect.scoped(Effect.gen(function*() {
            yield* fake.set("open", FakeConnector.fail())
            yield* occupy(other)
            const error = yield* Effect.flip(ConnectionPool.useAll([other, down], () => Effect.void))
            expect(error).toMatchObject({ _tag: "FakeError" })
            expect(yield* other.stats).toMatchObject({ waiting: 0, leased: 1 })
          })))
    ))

  it.effect("ends at the deadline that comes first, and says of which pool", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        yield* occupy(two.b)
        const waiting = yield* Effect.fork(Effect.flip(
          ConnectionPool.useAll([two.a, two.b], () => Effect.void, { acquireTimeout: "5 seconds" })
        ))
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "AcquireTimeout", waited: 5_000 })
        yield* settled
        yield* isFree(two.a)
        expect(yield* two.b.stats).toMatchObject({ waiting: 0 })
      })
    ))

  it.effect("a queue that is full in one pool refuses it in all", () =>
    withPool(
      { ...tuning, maxWaiters: 0 },
      ({ pool: full }) =>
        withPool(tuning, ({ pool: other }) =>
          Effect.scoped(Effect.gen(function*() {
            yield* occupy(full)
            const error = yield* Effect.flip(ConnectionPool.useAll([other, full], () => Effect.void))
            expect(error).toMatchObject({ _tag: "PoolRefused", reason: "QueueFull" })
            yield* isFree(other)
          })))
    ))

  it.effect("interrupted while it waits, or while it uses, leaves nothing", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const busy = yield* occupy(two.b)
        const waiting = yield* both(two)
        yield* Fiber.interrupt(waiting)
        expect(yield* two.a.stats).toMatchObject({ waiting: 0, leased: 0 })
        yield* busy.release
        const using = yield* both(two, Effect.never)
        expect(yield* two.a.stats).toMatchObject({ leased: 1 })
        yield* Fiber.interrupt(using)
        yield* isFree(two.a)
        yield* isFree(two.b)
      })
    ))

  it.effect("a pool that closes, drains or is suspended ends or delays it", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b } = two
        yield* warm(a, 1)
        yield* warm(b, 1)
        yield* b.suspend()
        const delayed = yield* both(two)
        expect(yield* isWaiting(delayed)).toBe(true)
        yield* b.resume
        yield* Fiber.join(delayed)
        const busy = yield* occupy(b)
        const waiting = yield* Effect.fork(Effect.flip(ConnectionPool.useAll([two.a, two.b], () => Effect.void)))
        yield* settled
        const closing = yield* Effect.fork(b.close())
        expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "PoolClosed" })
        yield* busy.release
        yield* Fiber.join(closing)
        yield* isFree(a)
        const late = yield* Effect.flip(ConnectionPool.useAll([two.a, two.b], () => Effect.void))
        expect(late).toMatchObject({ _tag: "PoolClosed" })
        yield* isFree(a)
      })
    ))

  it.effect("waits for a check that a connection needs, of as many as it asks for", () =>
    withPool({ ...tuning, maxSize: 2, checkAfterIdle: "1 second" }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 2)
        yield* TestClock.adjust("5 seconds")
        yield* ConnectionPool.useAll([pool, pool], () => Effect.void)
        expect((yield* fake.log).filter(({ event }) => event === "checked").length).toBe(2)
        expect((yield* fake.counts).opened).toBe(2)
      })))

  it.effect("does not deadlock with who holds one and asks for the other, who is told by its timeout", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const { a, b } = two
        const nested = yield* Effect.fork(a.use(() => Effect.zipRight(Effect.sleep(10), b.use(() => Effect.void))))
        yield* settled
        const waiting = yield* both(two)
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(nested)
        yield* Fiber.join(waiting)
      })
    ))

  it.effect("tells of each lease", () =>
    withTwo((two) =>
      Effect.gen(function*() {
        const events = yield* listen(two.a)
        const busy = yield* occupy(two.b)
        const waiting = yield* both(two)
        yield* busy.release
        yield* Fiber.join(waiting)
        yield* settled
        const told = events.map(({ _tag }) => _tag).filter((tag) => /Acqui|Released/.test(tag))
        expect(told).toEqual(["AcquireStarted", "Acquired", "Released"])
      })
    ))

  it.effect("says so where something is no pool of Cenote's", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.suspend(() => ConnectionPool.useAll([{} as FakePool], () => Effect.void)))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("no pool that Cenote has made")
    }))
})
