import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

it.effect("an idle connection that is invalidated is closed at once", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, release } = yield* hold(pool)
      yield* release
      yield* pool.invalidate(connection)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 1 })
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "Invalidated" }])
    })))

it.effect("a connection in use that is invalidated is closed when it comes back, and not before", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      yield* pool.invalidate(connection)
      yield* settled
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* settled
      expect(connection.isAlive).toBe(false)
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 0, closed: 1 })
    })))

it.effect("an invalidated connection does not go to a waiter, who gets another", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { connection, id, release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* pool.invalidate(connection)
      yield* release
      expect((yield* Fiber.join(waiter)).id).not.toBe(id)
    })))

it.effect("only the connection that was named is closed", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      const { connection } = yield* hold(pool)
      yield* pool.invalidate(connection)
      expect(yield* pool.stats).toMatchObject({ idle: 2, leased: 1, closing: 0 })
    })))

it.effect("a connection that is being reset is closed when the reset has ended", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("reset", FakeConnector.wait(gate))
      const { connection, release } = yield* hold(pool)
      connection.dirty()
      yield* release
      yield* gate.reached
      yield* pool.invalidate(connection)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ resetting: 1, closed: 0 })
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ resetting: 0, idle: 0, closed: 1 })
    })))

it.effect("a connection of another pool, or one that is closed, changes nothing", () =>
  withPool({}, (mine) =>
    withPool({}, (other) =>
      Effect.gen(function*() {
        yield* warm(mine.pool, 1)
        const foreign = yield* hold(other.pool)
        yield* mine.pool.invalidate(foreign.connection)
        const { connection, release } = yield* hold(mine.pool)
        yield* mine.pool.invalidate(connection)
        yield* release
        yield* settled
        yield* warm(mine.pool, 1)
        yield* mine.pool.invalidate(connection)
        yield* settled
        expect(yield* mine.pool.stats).toMatchObject({ idle: 1, closed: 1 })
        expect(yield* other.pool.stats).toMatchObject({ leased: 1, closed: 0 })
      }))))

it.effect("invalidating twice closes once", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      yield* pool.invalidate(connection)
      yield* pool.invalidate(connection)
      yield* release
      yield* pool.invalidate(connection)
      yield* settled
      expect(yield* fake.counts).toMatchObject({ closing: 1, closed: 1 })
    })))

it.effect("a connection that was invalidated and then dies is closed for the first of these reasons", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, release } = yield* hold(pool)
      yield* pool.invalidate(connection)
      yield* fake.kill(connection.id)
      yield* settled
      yield* release
      yield* settled
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "Invalidated" }])
    })))

it.effect("connections that are equal but not the same are told apart", () =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.sync(() => ({ host: "db" })) })
    const [first] = yield* Effect.all([hold(pool), hold(pool)])
    yield* pool.invalidate({ ...first!.connection })
    yield* first!.release
    yield* settled
    expect(yield* pool.stats).toMatchObject({ idle: 1, leased: 1, closed: 0 })
  })))

it.effect("invalidating cannot be interrupted halfway", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      const invalidation = yield* Effect.forkScoped(
        Effect.zipRight(pool.invalidate(connection), Effect.never)
      )
      yield* settled
      yield* Fiber.interrupt(invalidation)
      const waiter = yield* ask(pool)
      yield* release
      expect(yield* isWaiting(waiter)).toBe(false)
      expect((yield* pool.stats).closed).toBe(1)
    })))
