import type { AcquireTimeout } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, occupy } from "./support.js"

/** A caller that, holding a connection, asks for another one when the gate opens, and says which two it has had. */
const nested = (pool: FakePool, gate: FakeConnector.Gate) =>
  Effect.zipLeft(
    Effect.forkScoped(
      pool.use(({ id: outer }) =>
        Effect.zipRight(gate.pass, pool.use(({ id: inner }) => Effect.succeed({ inner, outer })))
      )
    ),
    settled
  )

const gates = (count: number) => Effect.all(Array.from({ length: count }, () => FakeConnector.makeGate))

it.effect("a caller that asks inside its own use of the only connection is told at once", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(pool.use(() => pool.use(() => Effect.void)))
      expect(error).toMatchObject({
        _tag: "PoolDeadlock",
        sizes: { leased: 1, waiting: 1 },
        leases: [{ connection: 0 }]
      })
      expect(yield* Clock.currentTimeMillis).toBe(0)
      expect(yield* pool.stats).toMatchObject({ idle: 1, leased: 0, waiting: 0 })
    })))

it.effect("a caller that can have a second connection is not told so", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      expect(yield* pool.use(({ id: a }) => pool.use(({ id: b }) => Effect.succeed([a, b])))).toEqual([0, 1])
    })))

it.effect("of two that hold all and wait for each other, the last to ask is told, and the other one served", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const [first, second] = yield* gates(2)
      const a = yield* nested(pool, first!)
      const b = yield* nested(pool, second!)
      yield* first!.open
      expect(yield* isWaiting(a)).toBe(true)
      yield* second!.open
      expect(yield* failureOf(b)).toMatchObject({ _tag: "PoolDeadlock", sizes: { leased: 2, waiting: 2 } })
      expect(yield* Fiber.join(a)).toEqual({ outer: 0, inner: 1 })
      expect(yield* Clock.currentTimeMillis).toBe(0)
    })))

it.effect("in a ring of three only the last to ask is told, and the others are served in turn", () =>
  withPool({ maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const [first, second, third] = yield* gates(3)
      const callers = yield* Effect.forEach([first!, second!, third!], (gate) => nested(pool, gate))
      yield* Effect.forEach([second!, third!, first!], (gate) => Effect.zipRight(gate.open, settled))
      expect(yield* failureOf(callers[0]!)).toMatchObject({ _tag: "PoolDeadlock" })
      expect(yield* Fiber.join(callers[1]!)).toEqual({ outer: 1, inner: 0 })
      expect(yield* Fiber.join(callers[2]!)).toMatchObject({ outer: 2 })
    })))

it.effect("one that holds two and asks for a third is told, when who holds the third waits, too", () =>
  withPool({ maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const other = yield* nested(pool, gate)
      const holdsTwo = yield* Effect.forkScoped(pool.use(() => pool.use(() => pool.use(() => Effect.void))))
      expect(yield* isWaiting(holdsTwo)).toBe(true)
      yield* gate.open
      expect(yield* failureOf(other)).toMatchObject({ _tag: "PoolDeadlock" })
      yield* Fiber.join(holdsTwo)
    })))

it.effect("who holds nothing and waits is not told, and is served when the deadlock is broken", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const holder = yield* nested(pool, gate)
      const outsider = yield* ask(pool)
      yield* gate.open
      expect(yield* failureOf(holder)).toMatchObject({ _tag: "PoolDeadlock" })
      expect((yield* Fiber.join(outsider)).id).toBe(0)
    })))

it.effect("while one holder works, whoever waits for it waits", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* Effect.forkScoped(pool.use(() => Effect.sleep("5 seconds")))
      const waiter = yield* nested(pool, gate)
      yield* gate.open
      yield* TestClock.adjust(4_999)
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(waiter)).toEqual({ outer: 1, inner: 0 })
    })))

it.effect("a lease of a Scope, taken by a fiber that has ended, is no reason to be told", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const waiter = yield* Effect.fork(Effect.scoped(hold(pool)))
      yield* TestClock.adjust("29 seconds")
      expect(yield* isWaiting(waiter)).toBe(true)
      yield* release
      yield* Fiber.join(waiter)
    })))

it.effect("an ask by a child fiber is not seen: it ends by its timeout, whose error says what to look for", () =>
  withPool({ maxSize: 1, acquireTimeout: "5 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const inner = Effect.timeout(pool.use(() => Effect.void), "1 minute")
      const caller = yield* Effect.fork(pool.use(() => inner))
      yield* TestClock.adjust("5 seconds")
      const error = yield* failureOf(caller)
      expect(error).toMatchObject({ _tag: "AcquireTimeout", waited: 5_000 })
      expect((error as AcquireTimeout).message).toContain(
        "do their holders wait for this caller, as where it was asked inside of a use by a child fiber (timeout, race, all)?"
      )
    })))

const steps = {
  opening: (fake: FakeConnector.FakeConnector) => fake.next("open", FakeConnector.slow("2 seconds")),
  closing: (fake: FakeConnector.FakeConnector) => fake.next("close", FakeConnector.slow("2 seconds")),
  resetting: (fake: FakeConnector.FakeConnector) => fake.next("reset", FakeConnector.slow("2 seconds")),
  checking: (fake: FakeConnector.FakeConnector) => fake.next("check", FakeConnector.slow("500 millis"))
}

for (const [step, prepare] of Object.entries(steps)) {
  it.effect(`a caller is not told while a connection is ${step}, and gets it when that has ended`, () =>
    withPool({ maxSize: 2 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const gate = yield* FakeConnector.makeGate
        const caller = yield* nested(pool, gate)
        if (step === "opening") {
          yield* prepare(fake)
        } else {
          const other = yield* occupy(pool)
          if (step === "closing") yield* other.lease.invalidate
          if (step === "resetting") other.connection.dirty()
          yield* prepare(fake)
          yield* other.release
          if (step === "checking") yield* TestClock.adjust("10 seconds")
        }
        yield* gate.open
        expect(yield* isWaiting(caller)).toBe(true)
        expect(yield* pool.stats).toMatchObject({ [step]: 1, waiting: 1 })
        yield* TestClock.adjust("2 seconds")
        expect(Exit.isSuccess(yield* Fiber.await(caller))).toBe(true)
      })))
}

it.effect("while a back-off lasts nobody is told: a connection is opened after it", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const caller = yield* nested(pool, gate)
      yield* fake.next("open", FakeConnector.fail())
      yield* gate.open
      expect(yield* isWaiting(caller)).toBe(true)
      expect(yield* pool.stats).toMatchObject({ opening: 0, openFailures: 1 })
      yield* TestClock.adjust("100 millis")
      expect(yield* Fiber.join(caller)).toEqual({ outer: 0, inner: 2 })
    })))

it.effect("a pool that is made smaller tells the last, when all that are left wait for each other", () =>
  withPool({ maxSize: 3, closeTimeout: "1 second" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const [first, second] = yield* gates(2)
      const a = yield* nested(pool, first!)
      const b = yield* nested(pool, second!)
      yield* fake.next("open", FakeConnector.hang)
      yield* first!.open
      yield* second!.open
      expect(yield* Effect.forEach([a, b], isWaiting)).toEqual([true, true])
      yield* pool.resize({ maxSize: 2 })
      expect(yield* failureOf(b)).toMatchObject({ _tag: "PoolDeadlock" })
      yield* Fiber.join(a)
    })))

it.effect("who gives up in time breaks it, and nobody is told", () =>
  withPool({ maxSize: 2, acquireTimeout: "2 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const [first, second] = yield* gates(2)
      const a = yield* nested(pool, first!)
      const b = yield* nested(pool, second!)
      yield* first!.open
      yield* TestClock.adjust("2 seconds")
      expect(yield* failureOf(a)).toMatchObject({ _tag: "AcquireTimeout" })
      yield* second!.open
      expect(yield* Fiber.join(b)).toEqual({ outer: 1, inner: 0 })
    })))
