import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only } from "./support.js"

const dirty = (connection: FakeConnector.FakeConnection) => Effect.sync(connection.dirty)

it.effect("a connection that needs no reset goes straight on", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      const stats = yield* Effect.zipRight(release, pool.stats)
      expect(stats).toMatchObject({ leased: 1, resetting: 0 })
      yield* Fiber.join(waiter)
      expect((yield* fake.counts).reset).toBe(0)
    })))

it.effect("giving back never waits for a reset, and the waiter gets the connection after it", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("reset", FakeConnector.wait(gate))
      yield* pool.use(dirty)
      expect(yield* pool.stats).toMatchObject({ leased: 0, resetting: 1, idle: 0 })
      const waiter = yield* ask(pool)
      yield* gate.reached
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* gate.open
      expect((yield* Fiber.join(waiter)).id).toBe(0)
      expect(yield* fake.counts).toMatchObject({ reset: 1, opened: 1 })
    })))

it.effect("with nobody waiting a reset connection is idle, and reset once", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* pool.use(dirty)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ resetting: 0, idle: 1 })
      yield* pool.use(() => Effect.void)
      yield* settled
      expect((yield* fake.counts).reset).toBe(1)
    })))

it.effect("a waiter does not have to wait for a reset where another connection may be opened", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("reset", FakeConnector.hang)
      yield* pool.use(dirty)
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(1)
    })))

const failures = [
  { name: "fails", behaviour: FakeConnector.fail("no", "reset"), after: 0 },
  { name: "dies", behaviour: FakeConnector.die(), after: 0 },
  { name: "hangs", behaviour: FakeConnector.hang, after: 5_000 },
  { name: "ignores its interruption", behaviour: FakeConnector.stick, after: 5_000 },
  { name: "takes too long", behaviour: FakeConnector.slow("6 seconds"), after: 5_000 }
]

for (const { after, behaviour, name } of failures) {
  it.effect(`a connection whose reset ${name} is closed, and the waiter gets another`, () =>
    withPool({ maxSize: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        yield* fake.next("reset", behaviour)
        yield* pool.use(dirty)
        const waiter = yield* ask(pool)
        if (after > 0) {
          yield* TestClock.adjust(after - 1)
          expect(yield* isWaiting(waiter)).toBe(true)
          yield* TestClock.adjust(1)
        }
        expect((yield* Fiber.join(waiter)).id).toBe(1)
        expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "ResetFailed", at: after }])
        expect(only(events, "ConnectionStepFailed")).toMatchObject([{ id: 0, step: "reset" }])
      })))
}

it.effect("resetTimeout bounds the reset", () =>
  withPool({ resetTimeout: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("reset", FakeConnector.slow("59 seconds"))
      yield* pool.use(dirty)
      yield* TestClock.adjust("59 seconds")
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 0 })
    })))

it.effect("a connector that cannot tell whether a reset is needed has each connection reset", () =>
  Effect.scoped(Effect.gen(function*() {
    let resets = 0
    const connector = Connector.make({
      open: Effect.succeed("connection"),
      reset: () => Effect.sync(() => ++resets)
    })
    const pool = yield* ConnectionPool.make({ connector })
    yield* pool.use(() => Effect.void)
    yield* settled
    yield* pool.use(() => Effect.void)
    yield* settled
    expect(resets).toBe(2)
  })))

it.effect("a broken connection is closed, not reset", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* pool.use((connection) => Effect.zipRight(dirty(connection), fake.kill(connection.id)))
      yield* settled
      expect(yield* fake.counts).toMatchObject({ reset: 0, closed: 1 })
    })))

it.effect("a connection that is used up is closed, not reset", () =>
  withPool({ maxUses: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* pool.use(dirty)
      yield* settled
      expect(yield* fake.counts).toMatchObject({ reset: 0, closed: 1 })
    })))

it.effect("a connection that reached its lifetime during its reset is closed", () =>
  withPool({ maxLifetime: "10 seconds", lifetimeJitter: 0 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { connection, release } = yield* hold(pool)
      yield* TestClock.adjust("8 seconds")
      yield* dirty(connection)
      yield* fake.next("reset", FakeConnector.slow("3 seconds"))
      yield* release
      yield* TestClock.adjust("3 seconds")
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "MaxLifetime", at: 11_000 }])
    })))

it.effect("a use that was interrupted leaves its connection to be reset before the next use", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const user = yield* Effect.forkScoped(
        pool.use((connection) => Effect.onInterrupt(Effect.never, () => dirty(connection)))
      )
      yield* settled
      yield* Fiber.interrupt(user)
      yield* pool.use(() => Effect.void)
      expect((yield* fake.log).map(({ event }) => event)).toEqual(["opening", "opened", "reset"])
    })))
