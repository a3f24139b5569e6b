import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import type { Recorded } from "../support/pool.js"
import { withPool } from "../support/pool.js"
import { ask, hold, isWaiting, listen, only, warm } from "./support.js"

/** A pool that was told nothing: what happens to it, and when. */
const byDefault = <A, E, R>(test: (subject: Recorded) => Effect.Effect<A, E, R>) =>
  Effect.withRandom(withPool({}, test), Random.fixed([1]))

it.effect("10 connections may be open", () =>
  byDefault(({ fake, pool }) =>
    Effect.gen(function*() {
      yield* Effect.forEach(Array.from({ length: 10 }), () => hold(pool))
      expect(yield* isWaiting(yield* ask(pool))).toBe(true)
      expect(yield* fake.counts).toMatchObject({ opening: 10, opened: 10 })
    })
  ))

it.effect("an idle connection is pinged after 2 minutes, and closed after 10", () =>
  byDefault(({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 minutes")
      const pings = (yield* fake.log).filter(({ event }) => event === "pinged")
      expect(pings.map(({ at }) => at)).toEqual([120_000, 240_000, 360_000, 480_000])
      expect(only(events, "ConnectionClosing")).toMatchObject([{ at: 600_000, reason: "IdleTimeout" }])
    })
  ))

it.effect("a connection that is used all the time is replaced in the last quarter of its 30 minutes", () =>
  byDefault(({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* Effect.repeatN(Effect.zipRight(pool.use(() => Effect.void), TestClock.adjust("30 seconds")), 46)
      expect(only(events, "ConnectionClosing")).toMatchObject([{ at: 30 * 60_000 * 0.75, reason: "MaxLifetime" }])
    })
  ))

it.effect("closing the pool takes 20 seconds at most", () =>
  byDefault(({ close, pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("19999 millis")
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
    })
  ))

it.effect("a check may take 1 second, and a reset or a close 5", () =>
  byDefault(({ fake, pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      yield* fake.set("check", FakeConnector.hang)
      yield* fake.set("close", FakeConnector.hang)
      const caller = yield* ask(pool)
      yield* TestClock.adjust("6 seconds")
      expect(only(events, "ConnectionStepFailed")).toMatchObject([{ at: 11_000, step: "check" }])
      expect(only(events, "ConnectionClosed")).toMatchObject([{ at: 16_000, took: 5_000 }])
      const { connection, release } = yield* Fiber.join(caller)
      yield* fake.set("reset", FakeConnector.hang)
      yield* fake.set("close", FakeConnector.ok)
      connection.dirty()
      yield* release
      yield* TestClock.adjust("5 seconds")
      expect(only(events, "ConnectionStepFailed")[1]).toMatchObject({ at: 21_000, step: "reset" })
    })
  ))
