/** P1 to P5: how callers wait. Each scenario is also run on Effect's own Pool, where it shows the defect. */
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/TestClock"
import type { Make } from "./support.js"
import { cenote, effects, hasEnded, scenario, settled } from "./support.js"

describe("P1: a caller cannot be interrupted while a connect is pending", () => {
  const endsInTime = (make: Make) =>
    scenario(
      make,
      { min: 0, max: 1 },
      ({ get }) =>
        Effect.gen(function*() {
          const caller = yield* Effect.fork(Effect.timeoutOption(Effect.scoped(get), 100))
          yield* settled
          yield* TestClock.adjust(100)
          return yield* hasEnded(caller)
        }),
      (fake) => fake.set("open", FakeConnector.slow("2 seconds"))
    )

  it.effect("a timeout of 100 ms ends a wait for a connect of 2 s after 100 ms", () =>
    Effect.map(endsInTime(cenote), (ended) => expect(ended).toBe(true)))

  it.effect("on Effect's pool it does not", () => Effect.map(endsInTime(effects), (ended) => expect(ended).toBe(false)))
})

describe("P2: a release does not wake a caller who is parked behind a hung connect", () => {
  const isServed = (make: Make) =>
    scenario(make, { min: 1, max: 2 }, ({ get }, fake) =>
      Effect.gen(function*() {
        yield* settled
        const holder = yield* Effect.fork(Effect.scoped(Effect.zipRight(get, Effect.sleep(100))))
        yield* settled
        yield* fake.set("open", FakeConnector.hang)
        const caller = yield* Effect.forkDaemon(Effect.interruptible(Effect.scoped(get)))
        yield* settled
        yield* TestClock.adjust(600)
        yield* Fiber.join(holder)
        const ended = yield* hasEnded(caller)
        yield* Fiber.interruptFork(caller)
        return ended
      }))

  it.effect("a returned connection goes to the caller who waits", () =>
    Effect.map(isServed(cenote), (served) => expect(served).toBe(true)))

  it.effect("on Effect's pool the caller still waits after 500 ms", () =>
    Effect.map(isServed(effects), (served) => expect(served).toBe(false)))
})

describe("P3: a failure of the past is served later", () => {
  const laterFailures = (make: Make) =>
    scenario(
      make,
      { min: 5, max: 5 },
      ({ get }, fake) =>
        Effect.gen(function*() {
          yield* settled
          yield* fake.set("open", FakeConnector.ok)
          yield* TestClock.adjust("1 second")
          const exits = yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.exit(Effect.scoped(get)))
          return exits.filter(Exit.isFailure).length
        }),
      (fake) => fake.set("open", FakeConnector.fail("the server is down"))
    )

  it.effect("one second after the server came back, all five callers are served", () =>
    Effect.map(laterFailures(cenote), (failures) => expect(failures).toBe(0)))

  it.effect("on Effect's pool all five get the old failure", () =>
    Effect.map(laterFailures(effects), (failures) => expect(failures).toBe(5)))
})

describe("P4: newcomers overtake", () => {
  const turns = (make: Make) =>
    scenario(make, { min: 1, max: 1 }, ({ get }) =>
      Effect.gen(function*() {
        const counts = [0, 0, 0, 0, 0, 0, 0, 0]
        let left = 800
        yield* settled
        yield* Effect.forEach(counts, (_, loop) =>
          Effect.whileLoop({
            while: () => left > 0,
            body: () =>
              Effect.scoped(Effect.zipRight(
                get,
                Effect.suspend(() => {
                  counts[loop]!++
                  left--
                  return Effect.yieldNow()
                })
              )),
            step: () => {}
          }), { concurrency: "unbounded", discard: true })
        return counts
      }))

  it.effect("eight loops on one connection get as many turns each", () =>
    Effect.map(turns(cenote), (counts) => {
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }))

  it.effect("on Effect's pool one of them gets nearly all", () =>
    Effect.map(turns(effects), (counts) => {
      expect(Math.max(...counts)).toBeGreaterThan(700)
    }))
})

describe("P5: each release wakes everybody who waits", () => {
  /** Counts what is scheduled: a fiber that is woken is. */
  class Counting implements Scheduler.Scheduler {
    scheduled = 0

    scheduleTask(task: () => void, priority: number): void {
      this.scheduled++
      Scheduler.defaultScheduler.scheduleTask(task, priority)
    }

    shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
      return Scheduler.defaultScheduler.shouldYield(fiber)
    }
  }

  /** How many fibers are scheduled for each of so many callers, all of which wait for one connection. */
  const scheduledEach = (make: Make, callers: number) => {
    const counting = new Counting()
    return Effect.map(
      scenario(make, { min: 1, max: 1 }, ({ get }) =>
        Effect.gen(function*() {
          yield* settled
          counting.scheduled = 0
          yield* Effect.forEach(
            Array.from({ length: callers }),
            () => Effect.scoped(Effect.zipRight(get, Effect.yieldNow())),
            { concurrency: "unbounded", discard: true }
          )
          return counting.scheduled / callers
        })).pipe(Effect.withScheduler(counting)),
      (each) => each
    )
  }

  const growth = (make: Make) =>
    Effect.map(
      Effect.all([scheduledEach(make, 50), scheduledEach(make, 200)]),
      ([few, many]) => many / few
    )

  it.effect("with four times the callers, as many fibers are woken for each", () =>
    Effect.map(growth(cenote), (factor) => expect(factor).toBeLessThan(1.2)))

  it.effect("on Effect's pool, several times as many", () =>
    Effect.map(growth(effects), (factor) => expect(factor).toBeGreaterThan(2)))
})
