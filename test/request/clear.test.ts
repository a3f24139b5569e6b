/** What `clear` does to newcomers, waiters, openings, checks, resets, idle connections and leases. */
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, occupy, only, warm } from "./support.js"

const quiet: Tuning = { idleTimeout: Infinity, keepalive: Infinity, maxLifetime: Infinity }

it.effect("idle connections are closed, and none of them is handed out again", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      const events = yield* listen(pool)
      yield* pool.clear()
      expect((yield* hold(pool)).id).toBe(3)
      expect(only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])).toEqual([
        [0, "Cleared"],
        [1, "Cleared"],
        [2, "Cleared"]
      ])
      expect(yield* fake.counts).toMatchObject({ closed: 3, alive: 1 })
    })))

it.effect("a newcomer waits for a new connection, and is served by it", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* fake.next("close", FakeConnector.slow("2 seconds"))
      yield* pool.clear()
      const newcomer = yield* ask(pool)
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(newcomer)).id).toBe(1)
      expect((yield* fake.counts).mostAlive).toBe(1)
    })))

it.effect("whoever waits keeps its place", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const [first, second] = yield* Effect.all([ask(pool), ask(pool)])
      yield* pool.clear()
      expect(yield* Effect.forEach([first, second], isWaiting)).toEqual([true, true])
      yield* release
      const served = yield* Fiber.join(first)
      expect(served.id).toBe(1)
      expect(yield* isWaiting(second)).toBe(true)
      yield* served.release
      expect((yield* Fiber.join(second)).id).toBe(1)
    })))

it.effect("an opening is ended, and another one begun for who waits", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.hang)
      const waiter = yield* ask(pool)
      yield* pool.clear()
      expect((yield* Fiber.join(waiter)).id).toBe(1)
      expect(yield* pool.stats).toMatchObject({ openFailures: 0, failedInARow: 0 })
    })))

it.effect("an opening that cannot be interrupted ends afterwards, and nobody gets what it opened", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("open", FakeConnector.stickAt(gate))
      const waiter = yield* ask(pool)
      yield* gate.reached
      yield* pool.clear()
      yield* gate.open
      yield* settled
      expect((yield* Fiber.join(waiter)).id).toBe(1)
      expect(yield* fake.counts).toMatchObject({ opening: 2, alive: 1 })
    })))

it.effect("a back-off is forgotten: openings begin at once", () =>
  withPool({ ...quiet, whenDown: "wait" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.fail("the old primary is read-only"))
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("open", FakeConnector.ok)
      const before = yield* Clock.currentTimeMillis
      yield* pool.clear()
      yield* Fiber.join(waiter)
      expect(yield* Clock.currentTimeMillis).toBe(before)
      expect((yield* pool.stats).failedInARow).toBe(0)
    })))

it.effect("a check is ended with its connection, and the waiter is served by a new one", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.hang)
      const waiter = yield* ask(pool)
      expect((yield* pool.stats).checking).toBe(1)
      yield* pool.clear()
      expect((yield* Fiber.join(waiter)).id).toBe(1)
    })))

it.effect("a reset is ended with its connection", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("reset", FakeConnector.hang)
      yield* pool.use((connection) => Effect.sync(connection.dirty))
      yield* settled
      expect((yield* pool.stats).resetting).toBe(1)
      yield* pool.clear()
      yield* settled
      expect(yield* pool.stats).toMatchObject({ resetting: 0, closed: 1 })
    })))

it.effect("a lease goes on, and its connection is closed when it comes back", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, release } = yield* occupy(pool)
      yield* pool.clear()
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("20 seconds")
      expect(connection.isAlive).toBe(true)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      expect((yield* Fiber.join(waiter)).id).toBe(1)
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "Cleared" }])
      expect((yield* fake.counts).aborted).toBe(0)
    })))

it.effect("with abortLeases the connection is killed under its holder, whose fiber is not interrupted", () =>
  withPool({ ...quiet, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const gate = yield* FakeConnector.makeGate
      const holder = yield* Effect.forkScoped(
        pool.use((connection) => Effect.map(gate.pass, () => connection.isAlive))
      )
      yield* gate.reached
      yield* pool.clear({ abortLeases: true })
      expect(yield* isWaiting(holder)).toBe(true)
      expect(yield* fake.counts).toMatchObject({ aborted: 1, alive: 0, closed: 0 })
      expect(only(events, "LeaseAborted")).toMatchObject([{ reason: "Cleared", holder: { lease: 0, connection: 0 } }])
      const waiter = yield* ask(pool)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* gate.open
      expect(yield* Fiber.join(holder)).toBe(false)
      expect((yield* Fiber.join(waiter)).id).toBe(1)
      expect(only(events, "LeaseReturned")).toMatchObject([{ holder: { lease: 0 } }])
      expect(only(events, "ConnectionClosed")).toMatchObject([{ id: 0, reason: "Cleared" }])
    })))

it.effect("with abortLeases declared long leases are killed, too", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool, { long: true })
      yield* pool.clear({ abortLeases: true })
      expect((yield* fake.counts).aborted).toBe(1)
    })))

it.effect("a connector that cannot abort lets the holder go on: the connection is closed when it comes back", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* occupy(pool)
      yield* pool.clear({ abortLeases: true })
      expect(connection.isAlive).toBe(true)
      yield* release
      yield* settled
      expect((yield* fake.counts).closed).toBe(1)
    }), { abort: false }))

it.effect("cleared twice, each connection is closed once, and each lease killed once", () =>
  withPool(quiet, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { release } = yield* occupy(pool)
      yield* warm(pool, 1)
      yield* pool.clear()
      yield* pool.clear({ abortLeases: true })
      yield* pool.clear({ abortLeases: true })
      yield* release
      yield* settled
      expect(yield* fake.counts).toMatchObject({ opened: 2, closed: 2, aborted: 1 })
      expect(only(events, "LeaseAborted").length).toBe(1)
      expect(only(events, "PoolCleared").map(({ abortLeases }) => abortLeases)).toEqual([false, true, true])
    })))

it.effect("what is opened afterwards is not touched", () =>
  withPool(quiet, ({ pool }) =>
    Effect.gen(function*() {
      const old = yield* occupy(pool)
      yield* pool.clear()
      const young = yield* occupy(pool)
      yield* Effect.all([old.release, young.release])
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 1 })
      expect((yield* hold(pool)).id).toBe(1)
    })))

it.effect("minSize is open again afterwards, at most maxConnecting at a time", () =>
  withPool({ ...quiet, minSize: 4, maxConnecting: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* fake.set("open", FakeConnector.slow("1 second"))
      yield* pool.clear()
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 0, opening: 2 })
      yield* TestClock.adjust("2 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 4, opening: 0 })
    })))

it.effect("never are more than maxSize open, those that are closing included", () =>
  withPool({ ...quiet, maxSize: 2, closeTimeout: "4 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* fake.set("close", FakeConnector.slow("3 seconds"))
      yield* pool.clear()
      const exits = yield* Effect.forkScoped(
        Effect.all([1, 2, 3].map(() => Effect.exit(pool.use(() => Effect.void))), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("3 seconds")
      expect((yield* Fiber.join(exits)).every(Exit.isSuccess)).toBe(true)
      expect((yield* fake.counts).mostAlive).toBe(2)
      yield* fake.set("close", FakeConnector.ok)
    })))
