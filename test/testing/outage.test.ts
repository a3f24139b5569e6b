import { FakeConnector, Outage } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { hold, isWaiting, listen, only } from "../request/support.js"
import { settled, withPool } from "../support/pool.js"

it.effect("while it is down sessions are dead and nobody is let in; afterwards the pool serves again", () =>
  withPool({ maxSize: 2, checkAfterIdle: 0 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      yield* fake.outage("10 seconds")
      expect(yield* fake.counts).toMatchObject({ opened: 1, killed: 1, alive: 0 })
      expect(holder.connection.isAlive).toBe(false)
      yield* holder.release
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({
        _tag: "FakeError",
        step: "open",
        reason: "the server is down"
      })
      yield* TestClock.adjust("10 seconds")
      expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBeGreaterThan(0)
    })))

it.effect("an idle connection that dies in an outage is closed without an error", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* pool.use(() => Effect.void)
      yield* fake.outage("1 second")
      yield* settled
      expect(only(events, "ConnectionClosed")).toMatchObject([{ reason: "Lost", outcome: { _tag: "Closed" } }])
    })))

it.effect("an opening that is under way when the server goes down fails", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("1 second"))
      const caller = yield* Effect.fork(Effect.flip(pool.use(() => Effect.void)))
      yield* settled
      yield* fake.outage("5 seconds")
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(caller)).toMatchObject({ reason: "the server is down" })
      expect((yield* fake.counts).opened).toBe(0)
    })))

it.effect("a server that refuses lets nobody in and keeps whom it has", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      yield* fake.outage("10 seconds", Outage.refuse)
      yield* holder.connection.call
      const waiting = yield* Effect.fork(pool.use(({ id }) => Effect.succeed(id)))
      yield* settled
      expect(yield* pool.stats).toMatchObject({ leased: 1, waiting: 1, failedInARow: 1 })
      yield* holder.release
      expect(yield* Fiber.join(waiting)).toBe(0)
    })))

it.effect("a slow server takes so much longer for everything", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("open", FakeConnector.slow("100 millis"))
      yield* fake.outage("1 minute", Outage.slow("2 seconds"))
      const caller = yield* Effect.fork(
        pool.use(({ call }) => Effect.zipRight(call, Clock.currentTimeMillis))
      )
      yield* TestClock.adjust("2099 millis")
      expect((yield* fake.counts).opened).toBe(0)
      yield* TestClock.adjust("1 millis")
      expect((yield* fake.counts).opened).toBe(1)
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(caller)).toBe(4_100)
      yield* fake.recover
    })))

it.effect("what hangs in an outage is answered when it is over, as it would have been", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const holder = yield* hold(pool)
      yield* fake.outage("10 seconds", Outage.hang)
      yield* fake.next("call", FakeConnector.fail("no such table", "call"))
      const call = yield* Effect.fork(Effect.flip(holder.connection.call))
      const caller = yield* Effect.fork(pool.use(({ id }) => Effect.succeed(id)))
      yield* TestClock.adjust("9999 millis")
      expect(yield* isWaiting(call)).toBe(true)
      expect(yield* isWaiting(caller)).toBe(true)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(call)).toMatchObject({ reason: "no such table" })
      expect(yield* Fiber.join(caller)).toBe(1)
    })))

it.effect("what hangs can be interrupted, and leaves no fiber", () =>
  withPool({ connectTimeout: "3 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.outage("1 hour", Outage.hang)
      const caller = yield* Effect.fork(Effect.flip(pool.use(() => Effect.void)))
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.join(caller)).toMatchObject({ _tag: "ConnectTimeout" })
      yield* fake.recover
      yield* TestClock.adjust("1 second")
      yield* pool.use(() => Effect.void)
    })))

it.effect("without a duration it lasts until it recovers", () =>
  withPool({ whenDown: "wait", acquireTimeout: "1 hour" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.outage()
      const caller = yield* Effect.fork(pool.use(({ id }) => Effect.succeed(id)))
      yield* TestClock.adjust("2 minutes")
      expect(yield* isWaiting(caller)).toBe(true)
      yield* fake.recover
      yield* TestClock.adjust("5 seconds")
      expect(yield* isWaiting(caller)).toBe(false)
    })))

it.scoped("a script plays by the clock, from when it is given", () =>
  Effect.gen(function*() {
    yield* TestClock.adjust("1 minute")
    const fake = yield* FakeConnector.make()
    yield* fake.outages(
      Outage.between("10 seconds", "20 seconds"),
      Outage.between("20 seconds", "30 seconds", Outage.refuse)
    )
    const opening = Effect.map(Effect.exit(Effect.scoped(fake.connector.open)), Exit.isSuccess)
    const session = yield* fake.connector.open
    const seen: Array<boolean> = []
    for (const seconds of [9.999, 0.001, 9.999, 0.001, 9.999, 0.001]) {
      yield* TestClock.adjust(`${seconds} seconds`)
      seen.push(yield* opening)
    }
    expect(seen).toEqual([true, false, false, false, false, true])
    expect(session.isAlive).toBe(false)
    expect((yield* fake.log).find(({ event }) => event === "killed")).toEqual({
      event: "killed",
      connection: 0,
      at: 70_000
    })
  }))

it.scoped("of outages that overlap the one that was named last holds", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* fake.outages(Outage.between(0, 100, Outage.hang), Outage.between(10, 20, Outage.refuse))
    yield* TestClock.adjust(15)
    expect(yield* Effect.flip(fake.connector.open)).toMatchObject({ reason: "the server refuses connections" })
  }))

it.effect("a script ends with its Scope, and with recover", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const scope = yield* Scope.make()
    const session = yield* Scope.extend(fake.connector.open, scope)
    const script = yield* Scope.make()
    yield* Scope.extend(fake.outages(Outage.between("1 second", "1 minute")), script)
    yield* fake.recover
    yield* TestClock.adjust("2 seconds")
    expect(session.isAlive).toBe(true)
    yield* Scope.extend(fake.outages(Outage.between("1 second", "1 minute")), script)
    yield* Scope.close(script, Exit.void)
    yield* TestClock.adjust("2 seconds")
    expect(session.isAlive).toBe(true)
    yield* Scope.close(scope, Exit.void)
  }))

it("an outage that ends before it begins is refused", () => {
  expect(() => Outage.between("2 seconds", "1 second")).toThrow(RangeError)
  expect(Outage.between("1 second", "1 second")).toMatchObject({ from: 1_000, to: 1_000 })
})
