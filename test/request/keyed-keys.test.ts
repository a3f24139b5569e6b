/** What a key of a keyed pool is, and how it comes and goes. */
import * as KeyedPool from "@cenote/core/KeyedPool"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { use } from "../../packages/core/src/request/acquire.js"
import { withKey } from "../../packages/core/src/request/keys/lookup.js"
import { make } from "../../packages/core/src/request/keys/make.js"
import { fromCore } from "../../packages/core/src/request/keys/pool.js"
import type { FakeKeyed } from "../support/keyed.js"
import { withKeyed } from "../support/keyed.js"
import { settled } from "../support/pool.js"

/** Somebody who has a connection of the key until the test ends it. */
const occupy = (pool: FakeKeyed, key: string) => Effect.zipLeft(Effect.fork(pool.use(key, () => Effect.never)), settled)

/** A connection of the key is open, and idle. */
const warm = (pool: FakeKeyed, key: string) => pool.use(key, ({ id }) => Effect.succeed(id))

describe("a key", () => {
  class Tenant extends Data.Class<{ readonly region: string; readonly name: string }> {}

  it.effect("is compared by value", () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const pool = yield* KeyedPool.make({ connector: (_: Tenant) => fake.connector })
      for (let round = 0; round < 3; round++) {
        yield* pool.use(new Tenant({ region: "eu", name: "acme" }), () => Effect.void)
      }
      expect(yield* pool.keys).toHaveLength(1)
      expect((yield* fake.counts).opened).toBe(1)
    }).pipe(Effect.scoped))

  const nonsense: ReadonlyArray<readonly [string, unknown, string]> = [
    ["a plain object", { tenant: "acme" }, "Data.struct"],
    ["an array", ["acme"], "Data.tuple"],
    ["a Date", new Date(0), "implement Equal"],
    ["a function", () => "acme", "is a function"],
    ["NaN", Number.NaN, "equals nothing"],
    ["null", null, "is null"],
    ["undefined", undefined, "is undefined"]
  ]
  for (const [name, key, words] of nonsense) {
    it.effect(`cannot be ${name}: InvalidKey`, () =>
      withKeyed({ name: "tenants" }, ({ asked, pool }) =>
        Effect.gen(function*() {
          for (
            const call of [
              pool.use(key as never, () => Effect.void),
              Effect.scoped(pool.get(key as never)),
              Effect.scoped(pool.lease(key as never))
            ]
          ) {
            const error = yield* Effect.flip(call)
            expect(error).toMatchObject({ _tag: "InvalidKey", pool: "tenants" })
            expect(error.message).toContain(words)
          }
          expect(asked).toEqual([])
          expect(yield* pool.keys).toEqual([])
          yield* pool.forget(key as never)
          expect(yield* pool.statsOf(key as never)).toEqual(Option.none())
        })))
  }

  it.effect("is not named in errors, unless describe says how", () =>
    withKeyed({ name: "tenants", acquireTimeout: 0 }, ({ pool }) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(warm(pool, "postgres://user:secret@host/db"))
        expect(error._tag).toBe("AcquireTimeout")
        expect(JSON.stringify(error) + String(error)).not.toContain("secret")
        yield* settled
      })))

  it.effect("that was not used for keyIdleTimeout after its last connection ended is forgotten", () =>
    withKeyed(
      { idleTimeout: "1 minute", keyIdleTimeout: "5 minutes", keepalive: Infinity },
      ({ asked, pool }) =>
        Effect.gen(function*() {
          yield* warm(pool, "a")
          yield* TestClock.adjust("5 minutes")
          yield* TestClock.adjust("59 seconds")
          expect(yield* pool.keys).toEqual(["a"])
          yield* TestClock.adjust("5 minutes")
          expect(yield* pool.keys).toEqual([])
          expect(yield* pool.stats).toMatchObject({ keys: 0, requests: 1, acquired: 1, opened: 1, closed: 1 })
          yield* warm(pool, "a")
          expect(asked).toEqual(["a", "a"])
          expect(yield* pool.stats).toMatchObject({ keys: 1, requests: 2, opened: 2 })
        })
    ))

  it.effect("that is forgotten while somebody has a connection and others wait serves them with new ones", () =>
    withKeyed({ maxPerKey: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const holder = yield* occupy(pool, "a")
        const next = yield* Effect.zipLeft(Effect.fork(warm(pool, "a")), settled)
        yield* pool.forget("a")
        expect(yield* pool.keys).toEqual(["a"])
        yield* Fiber.interrupt(holder)
        expect(yield* Fiber.join(next)).toBe(1)
        yield* settled
        expect(yield* fake.counts).toMatchObject({ opened: 2, closing: 1 })
        yield* pool.forget("a")
        yield* settled
        expect(yield* pool.keys).toEqual([])
        expect((yield* fake.counts).alive).toBe(0)
      })))

  it.effect("that is gone between the moment it was looked up and the take is looked up again", () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const all = yield* make({ connector: (_: string) => fake.connector })
      const pool = fromCore(all)
      yield* warm(pool, "a")
      const before = all.find("a")!
      const met: Array<unknown> = []
      const id = yield* withKey(all, "a", (core) => {
        met.push(core)
        const late = use(core, ({ id }) => Effect.succeed(id), undefined, undefined)
        return core === before ? Effect.zipRight(Effect.zipRight(pool.forget("a"), settled), late) : late
      })
      expect(id).toBe(1)
      expect(met).toEqual([before, all.find("a")])
      expect(met[1]).not.toBe(before)
      expect((yield* before.allocator.snapshot).phase._tag).toBe("Closed")
      expect(yield* pool.stats).toMatchObject({ keys: 1, requests: 2, acquired: 2 })
    }).pipe(Effect.scoped))

  it.effect("that two fibers make at once is one key", () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const all = yield* make({ connector: (_: string) => fake.connector, keyIdleTimeout: "1 minute" })
      const pool = fromCore(all)
      const first = yield* withKey(all, "a", (core) => Effect.succeed(core))
      // Another fiber has looked before: the key that it makes is nobody's, and is forgotten.
      let looks = 0
      const find = all.find.bind(all)
      Object.assign(all, { find: (key: string) => looks++ === 0 ? undefined : find(key) })
      expect(yield* withKey(all, "a", (core) => Effect.succeed(core))).toBe(first)
      expect(yield* pool.keys).toEqual(["a"])
      expect(all.byId.size).toBe(2)
      yield* TestClock.adjust("1 minute")
      expect(all.byId.size).toBe(0)
    }).pipe(Effect.scoped))

  it.effect("that nobody uses is gone as soon as it is forgotten, and its connector is asked for again", () =>
    withKeyed({}, ({ asked, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, "a")
        yield* pool.forget("a")
        yield* settled
        expect(yield* pool.keys).toEqual([])
        expect(yield* warm(pool, "a")).toBe(1)
        expect(asked).toEqual(["a", "a"])
      })))
})
