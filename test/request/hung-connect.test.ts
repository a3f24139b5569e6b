import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting } from "./support.js"

it.effect("a caller behind a hung connect gets the connection that comes back first", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { id, release } = yield* hold(pool)
      yield* fake.set("open", FakeConnector.hang)
      const waiter = yield* ask(pool)
      yield* TestClock.adjust("5 seconds")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      expect((yield* Fiber.join(waiter)).id).toBe(id)
      // The opening is still under way, and when its time is over, fails nobody.
      expect((yield* pool.stats).opening).toBe(1)
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.stats).toMatchObject({ opening: 0, openFailures: 1, leased: 1 })
    })))

it.effect("a hung connect does not hold up callers that a returned connection can serve one after the other", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      yield* fake.set("open", FakeConnector.hang)
      const users = yield* Effect.forEach(
        [1, 2, 3, 4],
        () => Effect.forkScoped(pool.use(() => Effect.sleep("1 second")))
      )
      yield* settled
      yield* release
      yield* TestClock.adjust("4 seconds")
      yield* Fiber.joinAll(users)
    })))

it.effect("a connect that was overtaken is there for the next caller when it ends well", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const { id, release } = yield* hold(pool)
      yield* fake.next("open", FakeConnector.wait(gate))
      const waiter = yield* ask(pool)
      yield* gate.reached
      yield* release
      yield* Fiber.join(waiter)
      const next = yield* ask(pool)
      expect((yield* fake.counts).opening).toBe(2)
      yield* gate.open
      expect((yield* Fiber.join(next)).id).not.toBe(id)
      expect((yield* fake.counts).opening).toBe(2)
    })))

it.effect("a second opening is not held up by a hung first one", () =>
  withPool({ maxConnecting: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("open", FakeConnector.hang)
      const first = yield* ask(pool)
      const second = yield* ask(pool)
      // The second opening serves the first caller, who has waited longest.
      yield* Fiber.join(first)
      expect(yield* isWaiting(second)).toBe(true)
      expect((yield* pool.stats).opening).toBe(1)
    })))

it.effect("a caller is served by an idle connection once that is checked, though a connect for minSize hangs", () =>
  withPool({ minSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      yield* fake.set("open", FakeConnector.hang)
      yield* fake.kill(0)
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.stats).toMatchObject({ opening: 1, idle: 1 })
      const caller = yield* ask(pool)
      expect((yield* Fiber.join(caller)).id).toBe(1)
      expect((yield* fake.counts).checked).toBe(1)
    })))
