/** Operations against each other: in any order, again, too late, and with input that cannot be. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { FakePool, Recorded } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { Numbers } from "../support/schedulers.js"
import { ask, isWaiting, listen, occupy, warm } from "./support.js"

const MAX_SIZE = 6

const tuning: Tuning = {
  maxSize: MAX_SIZE,
  maxConnecting: 1,
  idleTimeout: Infinity,
  keepalive: Infinity,
  maxLifetime: Infinity,
  acquireTimeout: "1 hour"
}

/** What ends only with the pool goes on in a fiber of its own. */
const operations: Record<string, (pool: FakePool) => Effect.Effect<unknown, unknown, any>> = {
  clear: (pool) => pool.clear(),
  abort: (pool) => pool.clear({ abortLeases: true }),
  recycle: (pool) => pool.recycle({ within: "2 seconds" }),
  suspend: (pool) => pool.suspend(),
  refuse: (pool) => pool.suspend({ newcomers: "refuse", duration: "3 seconds" }),
  resume: (pool) => pool.resume,
  smaller: (pool) => pool.resize({ maxSize: 2 }),
  larger: (pool) => pool.resize({ maxSize: 8, minSize: 1 }),
  drain: (pool) => Effect.forkScoped(pool.drain),
  close: (pool) => Effect.forkScoped(pool.close({ deadline: "5 seconds" }))
}

const names = Object.keys(operations)

/** One connection is idle, two are leased, one each is checked, reset and opened, and three callers wait for them. */
const busy = ({ fake, pool }: Recorded) =>
  Effect.gen(function*() {
    const holders = yield* Effect.forEach([1, 2, 3], () => occupy(pool))
    yield* warm(pool, 1)
    yield* TestClock.adjust("10 seconds")
    yield* fake.next("reset", FakeConnector.slow("1 second"))
    holders[2]!.connection.dirty()
    yield* holders[2]!.release
    yield* fake.set("check", FakeConnector.slow("500 millis"))
    yield* fake.set("open", FakeConnector.slow("1 second"))
    const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
    expect(yield* pool.stats).toMatchObject({ leased: 2, resetting: 1, checking: 1, opening: 1, waiting: 3 })
    return { holders: holders.slice(0, 2), waiters }
  })

/** Nothing is lost by it: whoever waited has an answer, and all of the capacity can be had, or the pool is closed. */
const survives = (sequence: ReadonlyArray<string>) =>
  withPool(tuning, (recorded) =>
    Effect.gen(function*() {
      const { fake, pool } = recorded
      const { holders, waiters } = yield* busy(recorded)
      for (const name of sequence) {
        // A pool that is closing refuses; that is another test.
        yield* Effect.exit(operations[name]!(pool))
        yield* TestClock.adjust("100 millis")
      }
      yield* Effect.forEach(holders, ({ release }) => release)
      yield* fake.set("open", FakeConnector.ok)
      yield* fake.set("check", FakeConnector.ok)
      yield* Effect.exit(pool.resume)
      yield* Effect.exit(pool.resize({ maxSize: MAX_SIZE }))
      for (let turn = 0; turn < 6; turn++) {
        yield* TestClock.adjust("1 second")
        yield* Effect.forEach(waiters, (waiter) =>
          Effect.flatMap(isWaiting(waiter), (waits) =>
            waits ?
              Effect.void :
              Effect.flatMap(
                Effect.exit(Fiber.join(waiter)),
                (exit) => Exit.isSuccess(exit) ? exit.value.release : Effect.void
              )))
      }
      expect(yield* Effect.forEach(waiters, isWaiting)).toEqual([false, false, false])
      if (sequence.includes("drain") || sequence.includes("close")) {
        expect(yield* pool.stats).toMatchObject({ phase: "closed", opening: 0, idle: 0, leased: 0, closing: 0 })
        expect((yield* fake.counts).alive).toBe(0)
      } else {
        const all = yield* Effect.forEach(Array.from({ length: MAX_SIZE }), () => ask(pool))
        yield* TestClock.adjust("1 second")
        expect(yield* Effect.forEach(all, isWaiting)).toEqual(all.map(() => false))
        expect(yield* pool.stats).toMatchObject({ phase: "running", leased: MAX_SIZE, waiting: 0 })
      }
    }))

describe("one after the other loses nothing:", () => {
  for (const first of names) {
    it.effect(`${first} and then each of all`, () =>
      Effect.forEach(names, (second) => survives([first, second]), { discard: true }))
  }
})

describe("many in any order lose nothing:", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const numbers = new Numbers(seed)
    const sequence = Array.from({ length: 6 }, () => numbers.pick(names))
    it.effect(sequence.join(", "), () => survives(sequence))
  }
})

const refused = {
  clear: (pool) => pool.clear(),
  "clear, with leases": (pool) => pool.clear({ abortLeases: true }),
  recycle: (pool) => pool.recycle({ within: 0 }),
  suspend: (pool) => pool.suspend(),
  resume: (pool) => pool.resume,
  resize: (pool) => pool.resize({ maxSize: 1 })
} satisfies Record<string, (pool: ConnectionPool<any, any>) => Effect.Effect<void, unknown>>

for (const [name, operation] of Object.entries(refused)) {
  it.effect(`${name}: a pool that is closed answers PoolClosed, and so does one that is closing`, () =>
    withPool({ ...tuning, name: "orders" }, ({ pool }) =>
      Effect.gen(function*() {
        const { release } = yield* occupy(pool)
        const closing = yield* Effect.forkScoped(pool.close())
        yield* settled
        const events = yield* listen(pool)
        const before = yield* pool.stats
        expect(yield* Effect.flip(operation(pool))).toMatchObject({ _tag: "PoolClosed", pool: "orders" })
        expect(yield* pool.stats).toEqual(before)
        expect(events).toEqual([])
        yield* release
        yield* Fiber.join(closing)
        expect(yield* Effect.flip(operation(pool))).toMatchObject({ _tag: "PoolClosed" })
        expect((yield* pool.stats).phase).toBe("closed")
      })))

  it.effect(`${name}: a pool that drains takes it, and goes on draining`, () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        const { release } = yield* occupy(pool)
        const draining = yield* Effect.forkScoped(pool.drain)
        yield* settled
        yield* operation(pool)
        expect((yield* pool.stats).phase).toBe("draining")
        yield* release
        yield* Fiber.join(draining)
      })))
}

it.effect("a closed pool still says how it was, who holds what, and that nothing can be had", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* pool.close()
      expect(yield* pool.stats).toMatchObject({ phase: "closed", opened: 2, closed: 2 })
      expect(yield* pool.leases).toEqual([])
      yield* pool.drain
      yield* pool.close()
      expect(yield* Effect.flip(Effect.scoped(pool.get))).toMatchObject({ _tag: "PoolClosed" })
    })))

const nonsense: Record<string, (pool: FakePool) => Effect.Effect<void, unknown>> = {
  within: (pool) => pool.recycle({ within: -1 }),
  duration: (pool) => pool.suspend({ duration: "soon" as any }),
  newcomers: (pool) => pool.suspend({ newcomers: "later" as any }),
  deadline: (pool) => pool.close({ deadline: NaN }),
  maxSize: (pool) => pool.resize({ maxSize: 0 })
}

for (const [field, operation] of Object.entries(nonsense)) {
  it.effect(`what cannot be is refused by its name, ${field}, and changes nothing`, () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const before = yield* pool.stats
        expect(yield* Effect.flip(operation(pool))).toMatchObject({ _tag: "InvalidOptions", issues: [{ field }] })
        expect(yield* pool.stats).toEqual(before)
      })))
}
