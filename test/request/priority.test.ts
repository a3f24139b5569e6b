import type { Priority } from "@cenote/core/PoolOptions"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, occupy } from "./support.js"

const tuning = { maxSize: 1, ageing: "5 seconds", acquireTimeout: "10 minutes", checkAfterIdle: Infinity } as const

/** A queue behind one holder: each asks a moment after the one before it, and notes when it is served. */
const queue = (
  pool: FakePool,
  callers: ReadonlyArray<{ readonly name: string; readonly priority: Priority; readonly after?: number }>
) =>
  Effect.gen(function*() {
    const { release } = yield* occupy(pool)
    const served: Array<string> = []
    const fibers = yield* Effect.forEach(callers, ({ after = 1, name, priority }) =>
      Effect.zipRight(
        TestClock.adjust(after),
        Effect.zipLeft(
          Effect.forkScoped(pool.use(() => Effect.sync(() => served.push(name)), { priority })),
          settled
        )
      ))
    yield* release
    yield* Fiber.joinAll(fibers)
    return served
  })

it.effect("high goes before normal and normal before low, and in a class who came first", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const served = yield* queue(pool, [
        { name: "low 1", priority: "low" },
        { name: "normal 1", priority: "normal" },
        { name: "low 2", priority: "low" },
        { name: "high 1", priority: "high" },
        { name: "normal 2", priority: "normal" },
        { name: "high 2", priority: "high" }
      ])
      expect(served).toEqual(["high 1", "high 2", "normal 1", "normal 2", "low 1", "low 2"])
    })))

it.effect("who says nothing is normal", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const plain = yield* ask(pool)
      const normal = yield* ask(pool, { priority: "normal" })
      const high = yield* ask(pool, { priority: "high" })
      yield* release
      const first = yield* Fiber.join(high)
      yield* first.release
      const second = yield* Fiber.join(plain)
      expect(yield* isWaiting(normal)).toBe(true)
      yield* second.release
      yield* Fiber.join(normal)
    })))

it.effect("who has waited for longer than the ageing goes before a newcomer of the class above", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const served = yield* queue(pool, [
        { name: "low", priority: "low" },
        { name: "normal, 5 s later", priority: "normal", after: 5_000 },
        { name: "normal, 5.001 s later", priority: "normal" },
        { name: "high, 9.999 s later", priority: "high", after: 4_998 },
        { name: "high, 10.001 s later", priority: "high", after: 2 }
      ])
      // At the same turn the higher class goes first.
      expect(served).toEqual([
        "high, 9.999 s later",
        "normal, 5 s later",
        "low",
        "high, 10.001 s later",
        "normal, 5.001 s later"
      ])
    })))

it.effect("nobody starves: a low caller is served in time though high ones fill the pool all the time", () =>
  withPool({ ...tuning, ageing: "1 second" }, ({ pool }) =>
    Effect.gen(function*() {
      const high = pool.use(() => Effect.sleep(100), { priority: "high" })
      yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(Effect.forever(high)))
      yield* TestClock.adjust("1 second")
      const low = yield* ask(pool, { priority: "low" })
      const normal = yield* ask(pool)
      yield* TestClock.adjust("900 millis")
      expect(yield* isWaiting(normal)).toBe(true)
      yield* TestClock.adjust("400 millis")
      yield* (yield* Fiber.join(normal)).release
      expect(yield* isWaiting(low)).toBe(true)
      yield* TestClock.adjust("1 second")
      yield* (yield* Fiber.join(low)).release
    })))

it.effect("with an ageing of 0 there are no classes: who came first is served first", () =>
  withPool({ ...tuning, ageing: 0 }, ({ pool }) =>
    Effect.gen(function*() {
      const served = yield* queue(pool, [
        { name: "low", priority: "low" },
        { name: "normal", priority: "normal" },
        { name: "high", priority: "high" }
      ])
      expect(served).toEqual(["low", "normal", "high"])
    })))

it.effect("with an infinite ageing a class is served only when nobody of a higher one waits, in order within it", () =>
  withPool({ ...tuning, ageing: Infinity }, ({ pool }) =>
    Effect.gen(function*() {
      const served = yield* queue(pool, [
        { name: "low 1", priority: "low" },
        { name: "low 2", priority: "low" },
        { name: "normal", priority: "normal", after: 60_000 },
        { name: "high 1", priority: "high", after: 60_000 },
        { name: "high 2", priority: "high", after: 60_000 }
      ])
      expect(served).toEqual(["high 1", "high 2", "normal", "low 1", "low 2"])
    })))

it.effect("each caller's own time ends its wait, whatever its class", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const low = yield* ask(pool, { priority: "low", acquireTimeout: "3 seconds" })
      const normal = yield* ask(pool, { acquireTimeout: "1 second" })
      const high = yield* ask(pool, { priority: "high", acquireTimeout: "2 seconds" })
      const seen: Array<ReadonlyArray<boolean>> = []
      for (let second = 0; second < 3; second++) {
        yield* TestClock.adjust("1 second")
        seen.push(yield* Effect.forEach([high, normal, low], isWaiting))
      }
      expect(seen).toEqual([[true, false, true], [false, false, true], [false, false, false]])
    })))

it.effect("an AcquireTimeout's place is that among the turns of all classes", () =>
  withPool({ ...tuning, acquireTimeout: "1 second" }, ({ pool }) =>
    Effect.gen(function*() {
      yield* occupy(pool)
      const low = yield* ask(pool, { priority: "low" })
      const normal = yield* ask(pool)
      const high = yield* ask(pool, { priority: "high" })
      yield* TestClock.adjust("1 second")
      const places = yield* Effect.forEach([low, normal, high], failureOf)
      expect(places).toMatchObject([{ place: 3 }, { place: 2 }, { place: 1 }])
    })))

it.effect("an interrupted caller costs the others of its class and the other classes nothing", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* occupy(pool)
      const leaver = yield* ask(pool, { priority: "high" })
      const normal = yield* ask(pool)
      const low = yield* ask(pool, { priority: "low" })
      yield* Fiber.interrupt(leaver)
      yield* release
      yield* (yield* Fiber.join(normal)).release
      yield* Fiber.join(low)
      expect(yield* pool.stats).toMatchObject({ gaveUp: 1, acquired: 3, waiting: 0 })
    })))

it.effect("a class changes nothing for who is served at once", () =>
  withPool({ ...tuning, maxSize: 3 }, ({ pool }) =>
    Effect.gen(function*() {
      const holders = yield* Effect.forEach(["low", "normal", "high"] as const, (priority) => hold(pool, { priority }))
      expect(holders.map(({ id }) => id)).toEqual([0, 1, 2])
    })))
