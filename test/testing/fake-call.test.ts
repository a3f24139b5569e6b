import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { hold, listen, only, warm } from "../request/support.js"
import { settled, withPool } from "../support/pool.js"

it.effect("a call does what its step was told to", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next(
        "call",
        FakeConnector.ok,
        FakeConnector.fail("a conflict", "call"),
        FakeConnector.die("told to"),
        FakeConnector.slow("1 second")
      )
      const { connection: { call } } = yield* hold(pool)
      yield* call
      expect(yield* Effect.flip(call)).toMatchObject({ step: "call", reason: "a conflict" })
      expect(yield* Effect.flip(Effect.sandbox(call))).toMatchObject({ _tag: "Die", defect: "told to" })
      const slow = yield* Effect.fork(Effect.zipRight(call, Clock.currentTimeMillis))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(slow)).toBe(1_000)
      expect((yield* fake.counts).called).toBe(4)
    })))

it.effect("a call that is under way fails as soon as the connection dies: killed, aborted, or in an outage", () =>
  withPool({ maxSize: 3, maxLease: "5 seconds" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.set("call", FakeConnector.hang)
      const [first, second, third] = [yield* hold(pool), yield* hold(pool), yield* hold(pool)] as const
      const call = (holder: typeof first) =>
        Effect.fork(Effect.zipRight(Effect.flip(holder.connection.call), Clock.currentTimeMillis))
      const calls = [yield* call(first), yield* call(second), yield* call(third)]
      yield* TestClock.adjust("1 second")
      yield* fake.kill(first.id)
      yield* TestClock.adjust("1 second")
      yield* pool.invalidate(second.connection)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.joinAll(calls)).toEqual([1_000, 5_000, 5_000])
    })))

it.effect("a call on a connection that is dead fails", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { connection } = yield* hold(pool)
      yield* fake.kill(connection.id)
      expect(yield* Effect.flip(connection.call)).toMatchObject({ reason: "the connection is dead" })
      expect((yield* fake.counts).called).toBe(0)
    })))

it.effect("a call that is interrupted ends at once and leaves the connection to be reset", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* fake.next("call", FakeConnector.hang)
      const caller = yield* Effect.fork(pool.use(({ call }) => call))
      yield* settled
      yield* Fiber.interrupt(caller)
      yield* settled
      expect(yield* fake.counts).toMatchObject({ reset: 1, alive: 1 })
      yield* pool.use(({ call, isDirty }) => isDirty ? Effect.dieMessage("dirty") : call)
    })))

it.effect("a connector that calls the server critical makes idle connections suspect", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 2)
      yield* fake.critical(1)
      yield* settled
      expect(only(events, "PoolSuspected")).toMatchObject([{ reason: "Critical" }])
      yield* pool.use(() => Effect.void)
      expect((yield* fake.counts).checked).toBe(1)
      yield* fake.critical(77)
    })))
