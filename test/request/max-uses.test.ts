import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, listen, only } from "./support.js"

it.effect("a connection is closed after maxUses uses", () =>
  withPool({ maxUses: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const events = yield* listen(pool)
      const ids = yield* Effect.forEach(
        Array.from({ length: 7 }),
        () => Effect.zipLeft(pool.use(({ id }) => Effect.succeed(id)), settled)
      )
      expect(ids).toEqual([0, 0, 0, 1, 1, 1, 2])
      expect(only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])).toEqual([
        [0, "MaxUses"],
        [1, "MaxUses"]
      ])
    })))

it.effect("with maxUses 1 no connection is used twice, even where callers wait for it", () =>
  withPool({ maxUses: 1, maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const users = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.forkScoped(pool.use(({ id }) => Effect.succeed(id)))
      )
      expect(yield* Fiber.join(Fiber.all(users))).toEqual([0, 1, 2, 3, 4])
      expect((yield* fake.counts).mostAlive).toBe(1)
    })))

it.effect("a failed use counts, and so does one that was interrupted", () =>
  withPool({ maxUses: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* Effect.flip(pool.use(() => Effect.fail("no")))
      const user = yield* Effect.forkScoped(pool.use(() => Effect.never))
      yield* settled
      yield* Fiber.interrupt(user)
      yield* settled
      expect(yield* pool.stats).toMatchObject({ idle: 0, closed: 1 })
    })))

it.effect("checks and pings are no uses", () =>
  withPool({ maxUses: 2, keepalive: "1 minute" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* pool.use(() => Effect.void)
      yield* TestClock.adjust("150 seconds")
      const user = yield* ask(pool)
      const { id } = yield* Fiber.join(user)
      expect(id).toBe(0)
      expect(yield* fake.counts).toMatchObject({ pinged: 2, checked: 1, closing: 0 })
    })))

it.effect("without a bound a connection is used for ever", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* Effect.repeatN(pool.use(() => Effect.void), 200)
      const { release } = yield* hold(pool)
      yield* release
      expect((yield* fake.counts).opened).toBe(1)
    })))
