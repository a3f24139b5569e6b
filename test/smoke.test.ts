import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { withPool } from "./support/pool.js"

it.effect("100 callers share 3 connections, in order", () =>
  withPool({ maxSize: 3 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const order: Array<number> = []
      const callers = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 100 }, (_, index) => index),
        (index) =>
          pool.use(() => {
            order.push(index)
            return Effect.sleep(10)
          }),
        { concurrency: "unbounded", discard: true }
      ))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(callers)
      expect(order).toEqual(Array.from({ length: 100 }, (_, index) => index))
      const counts = yield* fake.counts
      expect(counts.mostAlive).toBe(3)
    })))
