/** What ten thousand keys cost, and keys that come and go at the same time. */
import * as KeyedPool from "@cenote/core/KeyedPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import { FakeConnector, World as Kit } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import { withKeyed } from "../support/keyed.js"
import { settled } from "../support/pool.js"
import { Numbers, shuffled, World } from "../support/schedulers.js"

const COUNT = 10_000

describe("ten thousand keys", () => {
  it("cost neither a fiber nor a timer each, idle or at rest", { timeout: 60_000 }, () => {
    const world = new Kit.World(undefined, { mostTurns: Infinity })
    const program = Effect.scoped(Effect.gen(function*() {
      const pool = yield* KeyedPool.make({
        connector: (_: number) => Effect.succeed({}),
        maxTotal: COUNT,
        idleTimeout: "1 minute"
      })
      for (let key = 0; key < COUNT; key++) yield* pool.use(key, () => Effect.void)
      const costs = () => ({ fibers: world.alive, timers: world.timers })
      const idle = { stats: yield* pool.stats, ...costs() }
      yield* Effect.sleep("6 minutes")
      const rested = { stats: yield* pool.stats, ...costs() }
      yield* Effect.sleep("20 minutes")
      return { idle, rested, gone: { stats: yield* pool.stats, ...costs() } }
    }))
    const { gone, idle, rested } = Exit.getOrElse(world.run(program, 1), (cause) => {
      throw new Error(Cause.pretty(cause))
    })
    expect(idle.stats).toMatchObject({ keys: COUNT, idle: COUNT })
    expect(rested.stats).toMatchObject({ keys: COUNT, idle: 0, closed: COUNT })
    expect(gone.stats).toMatchObject({ keys: 0, requests: COUNT, closed: COUNT })
    // The program's own fiber, and those of a few alarms.
    for (const { fibers, timers } of [idle, rested, gone]) {
      expect(fibers).toBeLessThan(30)
      expect(timers).toBeLessThan(30)
    }
  })

  it.effect("have one set of series in the metrics", () =>
    withKeyed({ name: "keyed-metrics", maxTotal: 3 }, ({ pool }) =>
      Effect.gen(function*() {
        yield* PoolMetrics.register(pool)
        for (let key = 0; key < 50; key++) yield* pool.use(`tenant ${key}`, () => Effect.void)
        const held = yield* Effect.zipLeft(Effect.fork(pool.use("held", () => Effect.never)), settled)
        const series = (yield* Metric.snapshot).filter(({ metricKey }) =>
          metricKey.tags.some(({ value }) => value === "keyed-metrics")
        )
        expect(series.length).toBeLessThan(25)
        expect(series.flatMap(({ metricKey }) => metricKey.tags.map(({ value }) => value)).join()).not.toContain(
          "tenant"
        )
        const value = (name: string, state?: string) => {
          const found = series.find(({ metricKey }) =>
            metricKey.name === name && (state === undefined || metricKey.tags.some((tag) => tag.value === state))
          )
          const metricState = found?.metricState
          return MetricState.isCounterState(metricState)
            ? Number(metricState.count)
            : MetricState.isHistogramState(metricState)
            ? metricState.count
            : undefined
        }
        expect(value("db.client.connection.max")).toBe(3)
        expect(value("db.client.connection.count", "used")).toBe(1)
        expect(value("db.client.connection.wait_time")).toBe(51)
        expect(value("db.client.connection.use_time")).toBe(50)
        yield* Fiber.interrupt(held)
      }).pipe(Effect.scoped)))
})

describe("in whatever order fibers go,", () => {
  /** Six fibers ask for two keys that are forgotten all the time, by time and by word. */
  const run = (seed: number) => {
    const numbers = new Numbers(seed)
    const world = new World(shuffled(numbers, 0.3, 0))
    world.setClock(1_000)
    const program = Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const pool = yield* KeyedPool.make({
        connector: (_: string) => fake.connector,
        maxPerKey: 1,
        maxTotal: 1,
        idleTimeout: 2,
        keyIdleTimeout: 1,
        acquireTimeout: "1 minute"
      })
      const asks = Effect.forEach(
        Array.from({ length: 6 }, (_, index) => index),
        (index) =>
          Effect.forEach(Array.from({ length: 5 }, (_, round) => round), (round) =>
            Effect.zipRight(
              Effect.sleep((index * 7 + round * 3) % 5),
              pool.use(index % 2 === 0 ? "a" : "b", () => Effect.sleep(round % 2))
            )),
        { concurrency: "unbounded", discard: true }
      )
      const forgets = Effect.forEach(
        Array.from({ length: 8 }, (_, index) => index),
        (index) => Effect.zipRight(Effect.sleep(index), pool.forget(index % 2 === 0 ? "a" : "b"))
      )
      yield* Effect.zip(asks, forgets, { concurrent: true })
      const { acquired, leases, requests } = yield* pool.stats
      return { acquired, leases, requests, mostAlive: (yield* fake.counts).mostAlive }
    }))
    return { exit: world.run(program, seed), defects: world.defects }
  }

  it("everybody is served though keys are forgotten all the time, and no more than maxTotal are open", {
    timeout: 60_000
  }, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { defects, exit } = run(seed)
      expect({ seed, exit, defects }).toEqual({
        seed,
        exit: Exit.succeed({ acquired: expect.any(Number), leases: 0, requests: expect.any(Number), mostAlive: 1 }),
        defects: []
      })
      // Who met a key that was gone has asked anew, and is counted once.
      expect(Exit.isSuccess(exit) && [exit.value.acquired, exit.value.requests]).toEqual([30, 30])
    }
  })
})
