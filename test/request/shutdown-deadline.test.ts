import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { hold, isWaiting, warm } from "./support.js"

it.effect("a lease that is out at the deadline is aborted, and the pool closed", () =>
  withPool({ shutdownTimeout: "20 seconds" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const { connection, lease } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("19999 millis")
      expect(yield* isWaiting(closing)).toBe(true)
      expect(connection.isAlive).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect(connection.isAlive).toBe(false)
      expect(lease.connection).toBe(connection)
      expect(yield* fake.counts).toMatchObject({ aborted: 1, closing: 1 })
      expect(yield* pool.stats).toMatchObject({ phase: "closed", leased: 0, aborted: 1, closed: 1 })
    })))

it.effect("the holder of an aborted lease is not interrupted: it goes on without its connection", () =>
  withPool({ shutdownTimeout: "5 seconds" }, ({ close, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const user = yield* Effect.fork(pool.use((connection) => Effect.as(gate.pass, connection.isAlive)))
      yield* gate.reached
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      expect(yield* isWaiting(user)).toBe(true)
      yield* gate.open
      expect(yield* Fiber.await(user)).toEqual(Exit.succeed(true))
    })))

it.effect("giving back after the pool has closed is harmless", () =>
  withPool({ shutdownTimeout: "1 second" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const { lease, release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      const before = { stats: yield* pool.stats, counts: yield* fake.counts }
      yield* lease.invalidate
      yield* release
      yield* TestClock.adjust("1 minute")
      expect({ stats: yield* pool.stats, counts: yield* fake.counts }).toEqual(before)
    })))

for (
  const [name, behaviour] of [["hangs", FakeConnector.hang], ["ignores interruption", FakeConnector.stick]] as const
) {
  it.effect(`a close that ${name} is aborted after closeTimeout, and the pool is closed then`, () =>
    withPool(
      { closeTimeout: "5 seconds", shutdownTimeout: "20 seconds" },
      ({ close, fake, pool }) =>
        Effect.gen(function*() {
          yield* warm(pool, 2)
          yield* fake.set("close", behaviour)
          const closing = yield* Effect.forkScoped(close)
          yield* TestClock.adjust("4999 millis")
          expect(yield* isWaiting(closing)).toBe(true)
          yield* TestClock.adjust(1)
          yield* Fiber.join(closing)
          expect((yield* fake.counts).aborted).toBe(2)
          expect(yield* pool.stats).toMatchObject({ phase: "closed", aborted: 2, closed: 2 })
        })
    ))

  it.effect(`the deadline ends a close that ${name}, though closeTimeout is longer`, () =>
    withPool(
      { closeTimeout: "1 hour", shutdownTimeout: "3 seconds" },
      ({ close, fake, pool }) =>
        Effect.gen(function*() {
          yield* warm(pool, 2)
          yield* fake.set("close", behaviour)
          const closing = yield* Effect.forkScoped(close)
          yield* TestClock.adjust("2999 millis")
          expect(yield* isWaiting(closing)).toBe(true)
          yield* TestClock.adjust(1)
          yield* Fiber.join(closing)
          expect((yield* fake.counts).aborted).toBe(2)
          expect(yield* pool.stats).toMatchObject({ phase: "closed", aborted: 2, closing: 0 })
        })
    ))
}

it.effect("a close that had begun before the pool's own is part of it, and bounded by the same deadline", () =>
  withPool({ closeTimeout: "1 hour", shutdownTimeout: "3 seconds" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("close", FakeConnector.hang)
      yield* pool.use((connection) => pool.invalidate(connection))
      yield* TestClock.adjust("10 seconds")
      expect((yield* pool.stats).closing).toBe(1)
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ aborted: 1, closing: 1 })
    })))

it.effect("a lease that comes back just before the deadline has until the deadline to close", () =>
  withPool(
    { closeTimeout: "1 hour", shutdownTimeout: "10 seconds" },
    ({ close, fake, pool }) =>
      Effect.gen(function*() {
        const { release } = yield* hold(pool)
        yield* fake.set("close", FakeConnector.slow("2 seconds"))
        const closing = yield* Effect.forkScoped(close)
        yield* TestClock.adjust("9 seconds")
        yield* release
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
        expect(yield* Clock.currentTimeMillis).toBe(10_000)
        expect((yield* fake.counts).aborted).toBe(1)
      })
  ))

it.effect("what was aborted is closed besides, once", () =>
  withPool({ shutdownTimeout: "1 second" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      yield* release
      yield* settled
      expect((yield* fake.log).map(({ event }) => event)).toEqual(["opening", "opened", "aborted", "closing", "closed"])
    })))

it.effect("with a shutdownTimeout of 0 the pool aborts at once what is out", () =>
  withPool({ shutdownTimeout: 0 }, ({ close, pool }) =>
    Effect.gen(function*() {
      const { connection } = yield* hold(pool)
      yield* warm(pool, 1)
      yield* close
      expect(connection.isAlive).toBe(false)
      expect(yield* pool.stats).toMatchObject({ phase: "closed", leased: 0, idle: 0 })
      expect(yield* Clock.currentTimeMillis).toBe(0)
    })))

it.effect("with an infinite shutdownTimeout leases are awaited for as long as they last", () =>
  withPool({ shutdownTimeout: Infinity }, ({ close, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("30 days")
      expect(yield* isWaiting(closing)).toBe(true)
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* Fiber.join(closing)
    })))

it.effect("a connector without abort is given up on at the deadline all the same", () =>
  withPool({ shutdownTimeout: "2 seconds" }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ aborted: 0, closing: 1 })
      expect(yield* pool.stats).toMatchObject({ phase: "closed", aborted: 1 })
    }), { abort: false }))
