import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

const tuning = { keepalive: "2 minutes", idleTimeout: Infinity, maxLifetime: Infinity } as const

it.effect("an idle connection is pinged each time that keepalive has passed", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("7 minutes")
      const times = (yield* fake.log).filter(({ event }) => event === "pinged").map(({ at }) => at)
      expect(times).toEqual([120_000, 240_000, 360_000])
      expect((yield* fake.counts).checked).toBe(0)
    })))

it.effect("a use or a check puts the ping off", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("119 seconds")
      yield* pool.use(() => Effect.void)
      yield* TestClock.adjust("119 seconds")
      expect((yield* fake.counts).pinged).toBe(0)
      yield* TestClock.adjust("1 second")
      expect((yield* fake.counts).pinged).toBe(1)
    })))

it.effect("a ping renews the trust in a connection: no check is needed right after it", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("121 seconds")
      yield* pool.use(() => Effect.void, { acquireTimeout: 0 })
      expect(yield* fake.counts).toMatchObject({ pinged: 1, checked: 0 })
    })))

it.effect("connections are pinged one at a time", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* fake.set("ping", FakeConnector.slow("500 millis"))
      yield* TestClock.adjust("2 minutes")
      for (const pinged of [1, 2, 3]) {
        expect((yield* fake.counts).pinged).toBe(pinged)
        expect(yield* pool.stats).toMatchObject({ checking: 1, idle: 2 })
        yield* TestClock.adjust("500 millis")
      }
      expect(yield* pool.stats).toMatchObject({ checking: 0, idle: 3 })
      const order = (yield* fake.log).filter(({ event }) => event === "pinged").map(({ connection }) => connection)
      expect(order).toEqual([0, 1, 2])
    })))

it.effect("of those that are due, the one that was known to work the longest time ago is pinged first", () =>
  withPool(tuning, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* holders[1].release
      yield* TestClock.adjust("100 millis")
      yield* holders[2].release
      yield* TestClock.adjust("200 millis")
      yield* holders[0].release
      // When the first ping has ended, both of the others are due.
      yield* fake.set("ping", FakeConnector.slow("900 millis"))
      yield* TestClock.adjust("123 seconds")
      const order = (yield* fake.log).filter(({ event }) => event === "pinged").map(({ connection }) => connection)
      expect(order).toEqual([1, 2, 0])
    })))

it.effect("a second ping does not begin during the first, though something else becomes due meanwhile", () =>
  withPool({ ...tuning, idleTimeout: "180500 millis" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [surplus, ...others] = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* surplus.release
      yield* TestClock.adjust("1 minute")
      yield* Effect.forEach(others, ({ release }) => release)
      yield* fake.set("ping", FakeConnector.slow("900 millis"))
      yield* TestClock.adjust("120600 millis")
      // The surplus one has just been closed for its idleness, and one of the others is being pinged.
      expect(yield* pool.stats).toMatchObject({ closed: 1, checking: 1, idle: 1 })
    })))

it.effect("a ping does not change whose turn it is", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* Effect.forEach([2, 0, 1], (index) => holders[index]!.release)
      yield* TestClock.adjust("5 minutes")
      const order = yield* Effect.forEach([1, 2, 3], () => hold(pool))
      expect(order.map(({ id }) => id)).toEqual([1, 0, 2])
    })))

it.effect("pings do not keep surplus connections from being closed for idleness", () =>
  withPool({ ...tuning, idleTimeout: "10 minutes" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* TestClock.adjust("10 minutes")
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 2 })
    })))

for (
  const { after, behaviour, name } of [
    { name: "fails", behaviour: FakeConnector.fail("gone", "ping"), after: 0 },
    { name: "dies", behaviour: FakeConnector.die(), after: 0 },
    { name: "hangs", behaviour: FakeConnector.hang, after: 1_000 },
    { name: "ignores its interruption", behaviour: FakeConnector.stick, after: 1_000 }
  ]
) {
  it.effect(`a connection whose ping ${name} is closed`, () =>
    withPool(tuning, ({ fake, pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        yield* warm(pool, 1)
        yield* fake.next("ping", behaviour)
        yield* TestClock.adjust(120_000 + after)
        expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "PingFailed", at: 120_000 + after }])
        expect(only(events, "ConnectionStepFailed")).toMatchObject([{ id: 0, step: "ping" }])
        expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 1 })
      })))
}

it.effect("a caller that comes during a ping gets the connection when the ping has passed", () =>
  withPool({ ...tuning, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* warm(pool, 1)
      yield* fake.next("ping", FakeConnector.wait(gate))
      yield* TestClock.adjust("2 minutes")
      const caller = yield* ask(pool)
      expect(yield* isWaiting(caller)).toBe(true)
      yield* gate.open
      expect((yield* Fiber.join(caller)).id).toBe(0)
      expect((yield* fake.counts).checked).toBe(0)
    })))

it.effect("a caller does not wait for a ping where another connection may be opened", () =>
  withPool({ ...tuning, maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* fake.next("ping", FakeConnector.hang)
      yield* TestClock.adjust("2 minutes")
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(1)
    })))

it.effect("an infinite keepalive pings nothing", () =>
  withPool({ ...tuning, keepalive: Infinity }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* TestClock.adjust("30 days")
      expect((yield* fake.counts).pinged).toBe(0)
    })))

it.effect("a connector without a ping is pinged by its check, and one without either is left alone", () =>
  Effect.gen(function*() {
    const pinged = (fakeOptions: FakeConnector.FakeOptions) =>
      withPool(tuning, ({ fake, pool }) =>
        Effect.gen(function*() {
          yield* warm(pool, 1)
          yield* TestClock.adjust("5 minutes")
          const { checked, pinged } = yield* fake.counts
          return { checked, pinged, timers: Chunk.size(yield* TestClock.sleeps()) }
        }), fakeOptions)
    expect(yield* pinged({ ping: false, check: false })).toEqual({ checked: 0, pinged: 0, timers: 0 })
    expect(yield* pinged({ ping: false })).toEqual({ checked: 2, pinged: 0, timers: 1 })
  }))

it.effect("a connector with only a ping has its idle connections pinged", () =>
  Effect.scoped(Effect.gen(function*() {
    let pings = 0
    const connector = Connector.make({ open: Effect.succeed("connection"), ping: () => Effect.sync(() => ++pings) })
    const pool = yield* ConnectionPool.make({ connector, ...tuning })
    yield* warm(pool, 1)
    yield* TestClock.adjust("2 minutes")
    yield* settled
    expect(pings).toBe(1)
  })))
