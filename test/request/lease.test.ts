import { LeaseEnded } from "@cenote/core/PoolError"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { hold, listen, only } from "./support.js"

it.effect("a lease knows its connection by the number that events know it by", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* hold(pool)
      const { connection, lease } = yield* hold(pool)
      yield* settled
      expect(lease.id).toBe(1)
      expect(lease.connection).toBe(connection)
      expect(only(events, "Acquired").map(({ id, lease }) => ({ id, lease }))).toEqual([
        { id: 0, lease: 0 },
        { id: 1, lease: lease.number }
      ])
    })))

it.effect("leases are numbered in order of asking", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const numbers: Array<number> = []
      for (let use = 0; use < 3; use++) {
        yield* Effect.scoped(Effect.map(pool.lease(), ({ number }) => numbers.push(number)))
      }
      expect(numbers).toEqual([0, 1, 2])
    })))

it.effect("a lease knows how long it has lasted, and afterwards how long it did", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 minute")
      const { lease, release } = yield* hold(pool)
      expect(yield* lease.age).toBe(0)
      yield* TestClock.adjust("3 seconds")
      expect(yield* lease.age).toBe(3_000)
      yield* TestClock.adjust("4 seconds")
      yield* release
      yield* TestClock.adjust("1 hour")
      expect(yield* lease.age).toBe(7_000)
    })))

it.effect("the age of a lease does not count the wait for it", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const first = yield* hold(pool)
      const second = yield* Effect.forkScoped(Effect.scoped(
        Effect.flatMap(pool.lease(), (lease) => Effect.zipRight(Effect.sleep("2 seconds"), lease.age))
      ))
      yield* TestClock.adjust("5 seconds")
      yield* first.release
      yield* TestClock.adjust("2 seconds")
      expect(yield* second).toBe(2_000)
    })))

it.effect("a lease that is invalidated has its connection closed when it ends", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, lease, release } = yield* hold(pool)
      yield* lease.invalidate
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* settled
      expect(connection.isAlive).toBe(false)
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "Invalidated" }])
    })))

it.effect("a connection that is read after its lease is a defect that names the lease", () =>
  withPool({ name: "orders" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.scoped(pool.lease())
      const lease = yield* Effect.scoped(pool.lease())
      const exit = yield* Effect.exit(Effect.sync(() => lease.connection))
      expect(exit).toEqual(Exit.die(new LeaseEnded({ pool: "orders", lease: 1, connection: 0 })))
      expect(new LeaseEnded({ pool: "orders", lease: 1, connection: 0 }).message).toBe(
        "Lease 1 of connection 0 of pool \"orders\" has ended, and was used afterwards. " +
          "Keep the connection inside of its Scope."
      )
    })))

it.effect("invalidating after the lease is a defect, and does not touch the connection", () =>
  withPool({ name: "orders" }, ({ pool }) =>
    Effect.gen(function*() {
      const lease = yield* Effect.scoped(pool.lease())
      const exit = yield* Effect.exit(lease.invalidate)
      expect(exit).toEqual(Exit.die(new LeaseEnded({ pool: "orders", lease: 0, connection: 0 })))
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 0 })
    })))

it.effect("a lease has ended when its connection comes back, even where a finalizer of the Scope still runs", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      let late: Exit.Exit<unknown> = Exit.void
      yield* Effect.scoped(Effect.gen(function*() {
        // Runs after the release, which was added later.
        let read: Effect.Effect<unknown> = Effect.void
        yield* Effect.addFinalizer(() => Effect.map(Effect.exit(Effect.suspend(() => read)), (exit) => late = exit))
        const lease = yield* pool.lease()
        read = Effect.sync(() => lease.connection)
        expect(Exit.isSuccess(yield* Effect.exit(read))).toBe(true)
      }))
      expect(late).toEqual(Exit.die(new LeaseEnded({ pool: "fake", lease: 0, connection: 0 })))
    })))

it.effect("a finalizer that was added after the lease may still use the connection", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      let alive = false
      yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* pool.lease()
        yield* Effect.addFinalizer(() => Effect.sync(() => alive = lease.connection.isAlive))
      }))
      expect(alive).toBe(true)
    })))
