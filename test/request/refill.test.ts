import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only } from "./support.js"

it.effect("minSize connections are opened though nobody asks", () =>
  withPool({ minSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 3, minSize: 3, requests: 0 })
      expect((yield* fake.counts).opened).toBe(3)
    })))

it.effect("they are opened maxConnecting at a time", () =>
  withPool(
    { minSize: 5, maxConnecting: 2 },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* settled
        for (const open of [0, 2, 4]) {
          expect(yield* pool.stats).toMatchObject({ idle: open, opening: open === 4 ? 1 : 2 })
          yield* TestClock.adjust("1 second")
        }
        expect(yield* pool.stats).toMatchObject({ idle: 5, opening: 0 })
      }),
    {},
    (fake) => fake.set("open", FakeConnector.slow("1 second"))
  ))

it.effect("what is in use counts: nothing is opened besides", () =>
  withPool({ minSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* Effect.all([hold(pool), hold(pool)])
      yield* settled
      expect((yield* fake.counts).opening).toBe(2)
    })))

it.effect("a connection that is closed is replaced", () =>
  withPool({ minSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* settled
      yield* pool.use((connection) => pool.invalidate(connection))
      yield* fake.kill(0)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 2, opened: 4 })
      expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual(["Refill", "Refill"])
    })))

it.effect("above minSize a connection that is closed is not replaced", () =>
  withPool({ minSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* settled
      const [, second] = yield* Effect.all([hold(pool), hold(pool)])
      yield* second!.lease.invalidate
      yield* second!.release
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 0, opened: 2, closed: 1 })
    })))

it.effect("the openings of those who wait come before those for minSize", () =>
  withPool({ minSize: 3, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      const events = yield* listen(pool)
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("open", FakeConnector.wait(gate))
      yield* Effect.forEach([0, 1, 2], fake.kill, { discard: true })
      yield* gate.reached
      const callers = yield* Effect.forEach([1, 2], () => ask(pool))
      yield* gate.open
      expect(yield* Effect.forEach(callers, isWaiting)).toEqual([false, false])
      // One is under way already; it serves the first caller. The next is for the second, the last for minSize.
      expect(only(events, "ConnectionOpening").map(({ purpose }) => purpose)).toEqual(["Refill", "Waiter", "Refill"])
    })))

it.effect("a refill that fails fails nobody, and is tried again after the back-off", () =>
  withPool(
    { minSize: 1 },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* settled
        expect(yield* pool.stats).toMatchObject({ openFailures: 1, idle: 0 })
        yield* TestClock.adjust("100 millis")
        expect(yield* pool.stats).toMatchObject({ openFailures: 1, idle: 1 })
      }),
    {},
    (fake) => fake.next("open", FakeConnector.fail())
  ))

it.effect("idle connections are kept at minSize, whatever their age of idleness", () =>
  withPool(
    { minSize: 2, idleTimeout: "1 minute", maxLifetime: Infinity, keepalive: Infinity },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* settled
        yield* TestClock.adjust("1 hour")
        expect((yield* pool.stats).idle).toBe(2)
        expect((yield* fake.counts).opened).toBe(2)
      })
  ))
