import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, warm } from "./support.js"

it.effect("an idle connection is handed out at once, and no other is opened", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const ids = yield* Effect.forEach([1, 2, 3], () => pool.use((connection) => Effect.succeed(connection.id)))
      expect(ids).toEqual([0, 0, 0])
      expect((yield* fake.counts).opened).toBe(1)
    })))

it.effect("a connection that comes back is the waiter's before the waiter has run", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { id, release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      // One fiber, without a pause: the waiter has not been resumed yet.
      const stats = yield* Effect.zipRight(release, pool.stats)
      expect(stats).toMatchObject({ leased: 1, idle: 0, waiting: 0 })
      expect((yield* Fiber.join(waiter)).id).toBe(id)
    })))

it.effect("a caller that waits gets what comes back, while its own opening is still under way", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const { id, release } = yield* hold(pool)
      yield* fake.next("open", FakeConnector.wait(gate))
      const waiter = yield* ask(pool)
      yield* gate.reached
      yield* release
      expect((yield* Fiber.join(waiter)).id).toBe(id)
      expect(yield* pool.stats).toMatchObject({ opening: 1, leased: 1 })
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ opening: 0, idle: 1, leased: 1 })
    })))

it.effect("a connection that comes back broken is replaced, and the waiter gets the new one", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, id, release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* fake.kill(connection.id)
      yield* release
      const served = yield* Fiber.join(waiter)
      expect(served.id).not.toBe(id)
      expect(served.connection.isAlive).toBe(true)
      expect((yield* fake.counts).mostAlive).toBe(1)
    })))

it.effect("a permit comes back when the close has ended, not before: the server never sees more than maxSize", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const { lease, release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* fake.next("close", FakeConnector.wait(gate))
      yield* lease.invalidate
      yield* release
      yield* gate.reached
      expect(yield* isWaiting(waiter)).toBe(true)
      expect(yield* pool.stats).toMatchObject({ closing: 1, opening: 0, waiting: 1 })
      yield* gate.open
      yield* Fiber.join(waiter)
      expect((yield* fake.counts).mostAlive).toBe(1)
    })))

it.effect("callers share what the pool may open, and no more is opened", () =>
  withPool({ maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* Effect.forEach(
        Array.from({ length: 50 }),
        () => pool.use(() => Effect.yieldNow()),
        { concurrency: "unbounded", discard: true }
      )
      expect(yield* fake.counts).toMatchObject({ opened: 3, mostAlive: 3 })
    })))
