import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

const id = (connection: FakeConnector.FakeConnection) => Effect.succeed(connection.id)

it.effect("a connection that was used within the last second is handed out without a check", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust(1_000)
      yield* pool.use(id)
      expect((yield* fake.counts).checked).toBe(0)
    })))

it.effect("a connection that was idle for longer is checked, and then handed out", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust(1_001)
      expect(yield* pool.use(id)).toBe(0)
      expect(yield* fake.counts).toMatchObject({ checked: 1, opened: 1 })
    })))

it.effect("checkAfterIdle says how long a connection is trusted", () =>
  withPool({ checkAfterIdle: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("1 minute")
      yield* pool.use(id)
      expect((yield* fake.counts).checked).toBe(0)
      yield* TestClock.adjust(60_001)
      yield* pool.use(id)
      expect((yield* fake.counts).checked).toBe(1)
    })))

it.effect("with checkAfterIdle 0 each idle connection is checked, and one that was never idle is not", () =>
  withPool({ checkAfterIdle: 0, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const first = yield* hold(pool)
      expect((yield* fake.counts).checked).toBe(0)
      const waiter = yield* ask(pool)
      yield* first.release
      const second = yield* Fiber.join(waiter)
      expect((yield* fake.counts).checked).toBe(0)
      yield* second.release
      yield* pool.use(id)
      expect((yield* fake.counts).checked).toBe(1)
    })))

it.effect("a clock that went backwards proves nothing: the connection is checked", () =>
  withPool({ checkAfterIdle: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 hour")
      yield* warm(pool, 1)
      yield* TestClock.setTime(Duration.toMillis("30 minutes"))
      yield* pool.use(id)
      expect((yield* fake.counts).checked).toBe(1)
    })))

it.effect("an infinite checkAfterIdle checks nothing", () =>
  withPool(
    { checkAfterIdle: Infinity, keepalive: Infinity, idleTimeout: Infinity },
    ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        yield* TestClock.adjust("29 minutes")
        yield* pool.use(id)
        expect((yield* fake.counts).checked).toBe(0)
      })
  ))

it.effect("a connector without a check has its connections handed out as they are", () =>
  withPool({ checkAfterIdle: 0 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("5 minutes")
      expect(yield* pool.use(id, { acquireTimeout: 0 })).toBe(0)
      expect(yield* fake.counts).toMatchObject({ checked: 0, opened: 1 })
    }), { check: false, ping: false }))

it.effect("a check that passes counts as a recent use", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.flip(pool.use(id, { acquireTimeout: 0 }))
      yield* settled
      expect((yield* fake.counts).checked).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(yield* pool.use(id, { acquireTimeout: 0 })).toBe(0)
      expect((yield* fake.counts).checked).toBe(1)
    })))

const failures = [
  { name: "fails", behaviour: FakeConnector.fail("gone", "check"), after: 0 },
  { name: "dies", behaviour: FakeConnector.die(), after: 0 },
  { name: "hangs", behaviour: FakeConnector.hang, after: 1_000 },
  { name: "ignores its interruption", behaviour: FakeConnector.stick, after: 1_000 },
  { name: "takes too long", behaviour: FakeConnector.slow("2 seconds"), after: 1_000 }
]

for (const { after, behaviour, name } of failures) {
  it.effect(`a connection whose check ${name} is closed, and its caller gets another`, () =>
    withPool({ maxSize: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const events = yield* listen(pool)
        yield* warm(pool, 1)
        yield* TestClock.adjust("10 seconds")
        yield* fake.next("check", behaviour)
        const caller = yield* ask(pool)
        if (after > 0) {
          yield* TestClock.adjust(after - 1)
          expect(yield* isWaiting(caller)).toBe(true)
          yield* TestClock.adjust(1)
        }
        expect((yield* Fiber.join(caller)).id).toBe(1)
        expect(only(events, "ConnectionClosing")).toMatchObject([{ id: 0, reason: "CheckFailed", at: 10_000 + after }])
        expect(only(events, "ConnectionStepFailed")).toMatchObject([{ id: 0, step: "check" }])
      })))
}

it.effect("checkTimeout bounds the check", () =>
  withPool({ checkTimeout: "5 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      yield* fake.next("check", FakeConnector.slow("4999 millis"))
      const caller = yield* ask(pool)
      yield* TestClock.adjust("4999 millis")
      expect((yield* Fiber.join(caller)).id).toBe(0)
    })))

it.effect("callers have their connections checked besides each other, not one after the other", () =>
  withPool({ maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.slow("500 millis"))
      const callers = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      expect(yield* pool.stats).toMatchObject({ checking: 3, waiting: 3 })
      yield* TestClock.adjust("500 millis")
      yield* Fiber.joinAll(callers)
    })))

it.effect("a checked connection goes to whoever has waited longest when it has passed", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      yield* Effect.flatMap(hold(pool), ({ release }) => release)
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.wait(gate))
      const first = yield* ask(pool)
      const second = yield* ask(pool)
      // What comes back serves the first, so what was checked for it is for the second.
      yield* holder.release
      expect((yield* Fiber.join(first)).id).toBe(0)
      expect(yield* isWaiting(second)).toBe(true)
      yield* gate.open
      expect((yield* Fiber.join(second)).id).toBe(1)
    })))

it.effect("a connection goes back to its place in the line when nobody waits for its check any more", () =>
  withPool({ maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.all([hold(pool), hold(pool), hold(pool)])
      yield* holders[0].release
      yield* holders[1].release
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.wait(gate))
      const caller = yield* Effect.forkScoped(pool.use(() => Effect.void))
      yield* gate.reached
      yield* Fiber.interrupt(caller)
      yield* holders[2].release
      yield* gate.open
      yield* settled
      // Last in, first out: 2 came back last, then 1, then 0. The check of 1 has not moved it to the end.
      const order = yield* Effect.forEach([1, 2, 3], () => hold(pool))
      expect(order.map(({ id }) => id)).toEqual([2, 1, 0])
    })))

it.effect("a caller that waits for a check takes what is opened or returned meanwhile, and the check goes on", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { id, release } = yield* hold(pool)
      yield* Effect.flatMap(hold(pool), ({ release }) => release)
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.wait(gate))
      const caller = yield* ask(pool)
      yield* release
      expect((yield* Fiber.join(caller)).id).toBe(id)
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 1, closed: 0 })
    })))
