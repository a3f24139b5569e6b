import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Supervisor from "effect/Supervisor"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { hold } from "./support.js"

const COUNT = 10_000

/** A pool of one connection that is in use, without the recorded history: reading that takes longer than the test. */
const busyPool = Effect.gen(function*() {
  const fake = yield* FakeConnector.make()
  const fibers = yield* Supervisor.track
  const pool = yield* Effect.supervised(
    ConnectionPool.make({ connector: fake.connector, maxSize: 1, keepalive: Infinity, idleTimeout: Infinity }),
    fibers
  )
  const { release } = yield* hold(pool)
  yield* settled
  return { pool, release, ownFibers: Effect.map(fibers.value, (fibers) => fibers.length) }
})

const armed = Effect.map(TestClock.sleeps(), Chunk.size)

const forkWaiters = (
  count: number,
  pool: ConnectionPool.ConnectionPool<FakeConnector.FakeConnection, FakeConnector.FakeError>,
  secondsOf: (index: number) => number
) =>
  Effect.zipLeft(
    Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      (index) => Effect.fork(pool.use(() => Effect.void, { acquireTimeout: secondsOf(index) * 1_000 }))
    ),
    settled
  )

const expectAllTimedOut = (fibers: ReadonlyArray<Fiber.RuntimeFiber<void, { readonly _tag: string }>>) =>
  Effect.gen(function*() {
    const errors = yield* Effect.forEach(fibers, (fiber) => Effect.flip(Fiber.join(fiber)))
    expect(new Set(errors.map(({ _tag }) => _tag))).toEqual(new Set(["AcquireTimeout"]))
    expect(errors.length).toBe(COUNT)
  })

it.scoped("10,000 waiters with the same time expire together, with one timer and one fiber of the pool", () =>
  Effect.gen(function*() {
    const { ownFibers, pool } = yield* busyPool
    const before = yield* armed
    const fibers = yield* forkWaiters(COUNT, pool, () => 30)
    expect((yield* pool.stats).waiting).toBe(COUNT)
    expect((yield* armed) - before).toBeLessThanOrEqual(1)
    expect(yield* ownFibers).toBeLessThanOrEqual(2)
    yield* TestClock.adjust("30 seconds")
    yield* expectAllTimedOut(fibers)
    expect(yield* pool.stats).toMatchObject({ waiting: 0, timedOut: COUNT })
  }))

it.scoped("1,000 waiters whose deadlines fall do not each get a timer", () =>
  Effect.gen(function*() {
    const { ownFibers, pool } = yield* busyPool
    const fibers = yield* forkWaiters(1_000, pool, (index) => (1_000 - index) / 100)
    expect((yield* pool.stats).waiting).toBe(1_000)
    expect(yield* ownFibers).toBeLessThanOrEqual(10)
    yield* Effect.forEach(fibers, Fiber.interruptFork, { discard: true })
    yield* settled
    expect((yield* pool.stats).waiting).toBe(0)
  }))

it.scoped("10,000 waiters that are interrupted leave an empty queue, and the connection to the next caller", () =>
  Effect.gen(function*() {
    const { pool, release } = yield* busyPool
    const fibers = yield* forkWaiters(COUNT, pool, () => 30)
    yield* Effect.forEach(fibers, Fiber.interruptFork, { discard: true })
    yield* settled
    expect((yield* pool.stats).waiting).toBe(0)
    yield* release
    yield* pool.use(() => Effect.void, { acquireTimeout: 0 })
    expect(yield* pool.stats).toMatchObject({ timedOut: 0, idle: 1, opened: 1 })
  }))
