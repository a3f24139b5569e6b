import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, warm } from "./support.js"

/** The connections die with nobody told, as behind a cable that was cut. */
const unnoticed = { onLost: false } as const

it.effect("one failed check has every connection that has been idle since before it checked at once", () =>
  withPool({ maxSize: 5 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 5)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.hang)
      yield* ask(pool)
      expect(yield* pool.stats).toMatchObject({ checking: 1, idle: 4 })
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ checking: 4, idle: 0 })
      expect((yield* fake.counts).checked).toBe(5)
    })))

it.effect("while the suspects are checked, a connection is opened for the caller: it waits for one checkTimeout only", () =>
  withPool({ maxSize: 5 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 5)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.hang)
      const caller = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(caller)).id).toBe(5)
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ checking: 0, idle: 0, leased: 1, closed: 5 })
    })))

it.effect("the first caller after an outage is served, though each idle connection is dead", () =>
  withPool({ maxSize: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      yield* TestClock.adjust("10 minutes")
      yield* Effect.forEach([0, 1, 2, 3], fake.kill, { discard: true })
      const served = yield* pool.use((connection) => Effect.succeed(connection.isAlive))
      expect(served).toBe(true)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ openFailures: 0, closed: 4 })
    }), unnoticed))

it.effect("as many callers as there were dead connections are all served", () =>
  withPool({ maxSize: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      yield* TestClock.adjust("1 minute")
      yield* Effect.forEach([0, 1, 2, 3], fake.kill, { discard: true })
      const callers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkScoped(pool.use(() => Effect.void)))
      yield* settled
      yield* Fiber.joinAll(callers)
      expect((yield* fake.counts).mostAlive).toBe(4)
    }), unnoticed))

it.effect("a connection that was given back after the check had begun is no suspect", () =>
  withPool({ maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const used = yield* hold(pool)
      const [stale, older] = yield* Effect.all([hold(pool), hold(pool)])
      yield* older.release
      yield* stale.release
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.wait(gate, FakeConnector.fail("gone", "check")))
      const caller = yield* Effect.forkScoped(pool.use(() => Effect.void))
      yield* gate.reached
      yield* Fiber.interrupt(caller)
      yield* TestClock.adjust(1)
      yield* used.release
      yield* gate.open
      yield* settled
      const checked = (yield* fake.log).filter(({ event }) => event === "checked").map(({ connection }) => connection)
      expect(checked).toEqual([stale.connection.id, older.connection.id])
      expect(yield* pool.stats).toMatchObject({ idle: 2, closed: 1 })
    })))

it.effect("suspects that pass are idle again, and only those that fail are closed", () =>
  withPool({ maxSize: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 4)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forEach([3, 1], fake.kill, { discard: true })
      const { connection } = yield* hold(pool)
      yield* settled
      expect(connection.isAlive).toBe(true)
      expect((yield* fake.counts).checked).toBe(4)
      const alive = (yield* fake.log).filter(({ event }) => event === "closed").map(({ connection }) => connection)
      expect(alive.sort()).toEqual([1, 3])
    }), unnoticed))

it.effect("a ping that fails makes the others suspect, too", () =>
  withPool({ maxSize: 3, keepalive: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* Effect.forEach([0, 1, 2], fake.kill, { discard: true })
      yield* TestClock.adjust("1 minute")
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 3 })
      expect(yield* fake.counts).toMatchObject({ pinged: 1, checked: 2 })
    }), unnoticed))

it.effect("while the server is still down, suspects fail before callers do, and these get the connector's error", () =>
  withPool({ maxSize: 4 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.hang)
      yield* fake.set("open", FakeConnector.fail("connection refused"))
      const caller = yield* ask(pool)
      yield* TestClock.adjust("1 second")
      expect(yield* pool.stats).toMatchObject({ checking: 2, waiting: 1 })
      expect((yield* pool.stats).openFailures).toBeGreaterThan(0)
      expect(yield* isWaiting(caller)).toBe(true)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Effect.flip(Fiber.join(caller))).toMatchObject({ reason: "connection refused" })
    })))

it.effect("a suspect that passes serves the caller that could not be served otherwise", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.fail("gone", "check"), FakeConnector.wait(gate))
      yield* fake.set("open", FakeConnector.fail("connection refused"))
      const caller = yield* ask(pool)
      yield* gate.reached
      yield* TestClock.adjust("500 millis")
      expect(yield* isWaiting(caller)).toBe(true)
      yield* gate.open
      expect((yield* Fiber.join(caller)).id).toBe(0)
    })))
