import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting } from "./support.js"

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

it.effect("callers that wait get a connection in the order in which they asked", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const served: Array<number> = []
      const callers = yield* Effect.forEach(
        upTo(20),
        (index) => Effect.forkScoped(pool.use(() => Effect.sync(() => served.push(index))))
      )
      yield* settled
      expect(served).toEqual([])
      yield* release
      yield* Fiber.joinAll(callers)
      expect(served).toEqual(upTo(20))
    })))

it.effect("a newcomer does not overtake a waiter, though the connection comes back just before it asks", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const served: Array<string> = []
      const waiter = yield* Effect.forkScoped(pool.use(() => Effect.sync(() => served.push("waiter"))))
      yield* settled
      // One fiber, without a pause: the waiter has not even been resumed when the newcomer asks.
      yield* Effect.zipRight(release, pool.use(() => Effect.sync(() => served.push("newcomer"))))
      yield* Fiber.join(waiter)
      expect(served).toEqual(["waiter", "newcomer"])
    })))

it.effect("a caller that asks again at once goes behind those who wait", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const served: Array<string> = []
      const twice = (name: string) =>
        Effect.forEach([1, 2], (time) =>
          pool.use(() =>
            Effect.zipRight(Effect.sync(() => served.push(`${name}${time}`)), Effect.sleep("1 second"))
          ), { discard: true })
      const callers = yield* Effect.forEach(["a", "b", "c"], (name) =>
        Effect.forkScoped(twice(name)))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.joinAll(callers)
      expect(served).toEqual(["a1", "b1", "c1", "a2", "b2", "c2"])
    })))

it.effect("a connection opened for one caller goes to whoever has waited longest when it is open", () =>
  withPool({ maxSize: 2, maxConnecting: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const holder = yield* hold(pool)
      yield* fake.next("open", FakeConnector.wait(gate))
      const opensFor = yield* ask(pool)
      yield* gate.reached
      const next = yield* ask(pool)
      // What comes back serves the first, so what it had opened is for the second.
      yield* holder.release
      const served = yield* Fiber.join(opensFor)
      expect(served.id).toBe(holder.id)
      expect(yield* isWaiting(next)).toBe(true)
      yield* gate.open
      expect((yield* Fiber.join(next)).id).not.toBe(holder.id)
    })))

it.effect("a caller with little time left is not served before those who asked earlier", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const patient = yield* ask(pool, { acquireTimeout: "1 hour" })
      const hurried = yield* ask(pool, { acquireTimeout: "1 second" })
      yield* release
      const first = yield* Fiber.join(patient)
      expect(yield* isWaiting(hurried)).toBe(true)
      yield* first.release
      yield* Fiber.join(hurried)
    })))

it.effect("several connections that come back together serve the first waiters, one each", () =>
  withPool({ maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      const waiters = yield* Effect.forEach(upTo(5), () => ask(pool))
      yield* Effect.forEach(holders, ({ release }) => release, { concurrency: "unbounded" })
      const waiting = yield* Effect.forEach(waiters, isWaiting)
      expect(waiting).toEqual([false, false, false, true, true])
      const served = yield* Effect.forEach(waiters.slice(0, 3), Fiber.join)
      expect(new Set(served.map(({ id }) => id)).size).toBe(3)
    })))
