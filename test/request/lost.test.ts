import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, listen, only, warm } from "./support.js"

it.effect("an idle connection that dies is gone at once, before any caller meets it", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 2)
      yield* fake.kill(1)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 1, closed: 1 })
      expect(only(events, "ConnectionLost")).toEqual([{
        _tag: "ConnectionLost",
        at: 0,
        id: 1,
        reason: "it was killed"
      }])
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 1, reason: "Lost" }])
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
    })))

it.effect("a connection that dies in use is closed when it comes back, and its user goes on", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const { id, release } = yield* hold(pool)
      yield* fake.kill(id)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, closed: 0 })
      yield* release
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 0, closed: 1 })
      expect(only(events, "ConnectionClosing")).toMatchObject([{ id, reason: "Lost" }])
    })))

it.effect("a connection that dies in use is not the waiter's", () =>
  withPool({ maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { id, release } = yield* hold(pool)
      const waiter = yield* ask(pool)
      yield* fake.kill(id)
      yield* settled
      yield* release
      const served = yield* Fiber.join(waiter)
      expect(served.connection.isAlive).toBe(true)
    })))

/** A connector whose connections the test declares dead, while its checks and resets wait at a gate, and pass. */
const declared = Effect.gen(function*() {
  const gate = yield* FakeConnector.makeGate
  const listeners: Array<(reason: unknown) => void> = []
  const connector = Connector.make({
    open: Effect.sync(() => ({ number: listeners.length })),
    check: () => gate.pass,
    reset: () => gate.pass,
    needsReset: ({ number }) => number === 1,
    onLost: (_, lost) => listeners.push(lost)
  })
  const lose = (number: number) => Effect.zipRight(Effect.sync(() => listeners[number]!("declared dead")), settled)
  return { connector, gate, lose }
})

it.scoped("a connection that dies while it is checked is not handed out, though the check passes", () =>
  Effect.gen(function*() {
    const { connector, gate, lose } = yield* declared
    const pool = yield* ConnectionPool.make({ connector, maxSize: 1 })
    const events = yield* listen(pool)
    yield* warm(pool, 1)
    yield* TestClock.adjust("10 seconds")
    const caller = yield* ask(pool)
    yield* gate.reached
    yield* lose(0)
    expect((yield* pool.stats).checking).toBe(1)
    yield* gate.open
    expect((yield* Fiber.join(caller)).id).toBe(1)
    expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "Lost" }])
  }))

it.scoped("a connection that dies while it is reset is not handed out, though the reset passes", () =>
  Effect.gen(function*() {
    const { connector, gate, lose } = yield* declared
    const pool = yield* ConnectionPool.make({ connector, maxSize: 2 })
    const events = yield* listen(pool)
    yield* hold(pool)
    yield* pool.use(() => Effect.void)
    const caller = yield* ask(pool)
    yield* gate.reached
    yield* lose(1)
    expect((yield* pool.stats).resetting).toBe(1)
    yield* gate.open
    expect((yield* Fiber.join(caller)).id).toBe(2)
    expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 1, reason: "Lost" }])
  }))

it.scoped("a connection that is dead when it is opened serves one caller at most, and is closed when it comes back", () =>
  Effect.gen(function*() {
    let opened = 0
    const connector = Connector.make({
      open: Effect.sync(() => ++opened),
      onLost: (connection, lost) => connection === 1 ? lost("stillborn") : undefined
    })
    const pool = yield* ConnectionPool.make({ connector, maxSize: 1 })
    yield* pool.use(() => settled)
    expect(yield* pool.use((connection) => Effect.succeed(connection))).toBe(2)
  }))

it.scoped("a connection that is dead when it is opened does not stay idle", () =>
  Effect.gen(function*() {
    let opened = 0
    const connector = Connector.make({
      open: Effect.sync(() => ++opened),
      onLost: (connection, lost) => connection === 1 ? lost("stillborn") : undefined
    })
    const pool = yield* ConnectionPool.make({ connector, minSize: 1 })
    yield* settled
    expect(yield* pool.stats).toMatchObject({ idle: 1, opened: 2, closed: 1 })
  }))

it.effect("a death that is reported when the connection is closed already changes nothing", () =>
  Effect.gen(function*() {
    const { connector, lose } = yield* declared
    yield* Effect.scoped(Effect.gen(function*() {
      const pool = yield* ConnectionPool.make({ connector, minSize: 1 })
      const events = yield* listen(pool)
      yield* settled
      yield* pool.use((connection) => pool.invalidate(connection))
      yield* settled
      const before = yield* pool.stats
      yield* lose(0)
      expect(yield* pool.stats).toEqual(before)
      expect(only(events, "ConnectionLost")).toEqual([])
    }))
    // Not even after the pool.
    yield* lose(0)
  }))

it.effect("connections that die are replaced up to minSize", () =>
  withPool({ minSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* Effect.forEach([0, 1, 2], fake.kill, { discard: true })
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 3, closed: 3, opened: 6 })
    })))

it.effect("without onLost a connection that died idle is found out by its check", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* fake.kill(0)
      yield* settled
      expect((yield* pool.stats).idle).toBe(1)
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(1)
    }), { onLost: false }))
