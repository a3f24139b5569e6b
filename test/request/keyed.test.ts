import * as KeyedPool from "@cenote/core/KeyedPool"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { FakeKeyed } from "../support/keyed.js"
import { withKeyed } from "../support/keyed.js"
import { settled } from "../support/pool.js"

/** Somebody who has a connection of the key until the test ends it. */
const occupy = (pool: FakeKeyed, key: string) => Effect.zipLeft(Effect.fork(pool.use(key, () => Effect.never)), settled)

/** A connection of the key is open, and idle. */
const warm = (pool: FakeKeyed, key: string) => pool.use(key, ({ id }) => Effect.succeed(id))

describe("a keyed pool", () => {
  it.effect("has connections of its own for each key, and opens them when they are needed", () =>
    withKeyed({ maxPerKey: 2 }, ({ asked, fake, pool }) =>
      Effect.gen(function*() {
        expect((yield* pool.stats).keys).toBe(0)
        expect(yield* warm(pool, "a")).toBe(0)
        expect(yield* warm(pool, "b")).toBe(1)
        expect([yield* warm(pool, "a"), yield* warm(pool, "b")]).toEqual([0, 1])
        expect(asked).toEqual(["a", "b"])
        expect(yield* pool.keys).toEqual(["a", "b"])
        expect((yield* fake.counts).opened).toBe(2)
        expect(yield* pool.stats).toMatchObject({
          keys: 2,
          idle: 2,
          leased: 0,
          requests: 4,
          acquired: 4,
          opened: 2,
          maxTotal: 100,
          maxPerKey: 2,
          hungryKeys: 0,
          phase: "running"
        })
        expect(Option.getOrThrow(yield* pool.statsOf("a"))).toMatchObject({ requests: 2, idle: 1, maxSize: 2 })
        expect(yield* pool.statsOf("nobody")).toEqual(Option.none())
      })))

  it.effect("opens at most maxPerKey of one key, and at most maxTotal of all", () =>
    withKeyed({ maxPerKey: 2, maxTotal: 3, maxConnecting: Infinity }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const fibers = yield* Effect.forEach(["a", "a", "a", "b", "b", "c"], (key) => occupy(pool, key))
        expect(yield* pool.stats).toMatchObject({ leased: 3, waiting: 3, hungryKeys: 2, leases: 3 })
        expect(Option.getOrThrow(yield* pool.statsOf("a"))).toMatchObject({ leased: 2, waiting: 1 })
        expect((yield* fake.counts).mostAlive).toBe(3)
        yield* Effect.forEach(fibers, Fiber.interrupt)
        yield* settled
        expect(yield* pool.stats).toMatchObject({ leased: 0, waiting: 0, hungryKeys: 0 })
        expect((yield* fake.counts).mostAlive).toBe(3)
      })))

  it.effect("ends the connection that is idle for longest where a key needs a permit and none is free", () =>
    withKeyed({ maxTotal: 2 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, "a")
        yield* TestClock.adjust(100)
        yield* warm(pool, "b")
        expect(yield* warm(pool, "c")).toBe(2)
        expect(Option.getOrThrow(yield* pool.statsOf("a"))).toMatchObject({ idle: 0, closed: 1 })
        expect(Option.getOrThrow(yield* pool.statsOf("b"))).toMatchObject({ idle: 1, closed: 0 })
        expect((yield* fake.counts).mostAlive).toBe(2)
      })))

  it.effect("is not held up by a close that hangs, once closeTimeout is over", () =>
    withKeyed({ maxTotal: 1, closeTimeout: "2 seconds" }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, "a")
        yield* fake.next("close", FakeConnector.hang)
        const waiting = yield* Effect.fork(warm(pool, "b"))
        yield* TestClock.adjust(1_999)
        expect(Option.isNone(yield* Fiber.poll(waiting))).toBe(true)
        yield* TestClock.adjust(1)
        expect(yield* Fiber.join(waiting)).toBe(1)
        expect((yield* fake.counts).aborted).toBe(1)
      })))

  it.effect("closes a connection that is invalidated, whatever Scope is around it: P10", () =>
    withKeyed({ maxPerKey: 2 }, ({ fake, pool }) =>
      Effect.scoped(Effect.gen(function*() {
        for (let round = 0; round < 5; round++) {
          yield* Effect.scoped(Effect.flatMap(pool.get("a"), pool.invalidate))
          yield* settled
        }
        expect(yield* fake.counts).toMatchObject({ opened: 5, closing: 5, alive: 0, mostAlive: 1 })
        const lease = yield* pool.lease("a")
        yield* lease.invalidate
        expect((yield* fake.counts).alive).toBe(1)
      }))))

  it.effect("fails the callers of a key whose openings fail, and no others", () =>
    withKeyed({ maxTotal: 2 }, ({ other, pool }) =>
      Effect.gen(function*() {
        yield* other.set("open", FakeConnector.fail())
        const exit = yield* Effect.exit(warm(pool, "other"))
        expect(Exit.isFailure(exit) && Cause.failureOption(exit.cause)).toMatchObject(
          Option.some({ _tag: "FakeError", step: "open" })
        )
        expect(yield* warm(pool, "a")).toBe(0)
        yield* other.set("open", FakeConnector.ok)
        yield* TestClock.adjust("5 seconds")
        expect(yield* warm(pool, "other")).toBeGreaterThan(0)
      })))

  it.effect("dies for a key for which the connector throws, or is none, and works for others", () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const pool = yield* KeyedPool.make({
        connector: (key: string) => {
          if (key === "bad") throw new Error("no such tenant")
          return key === "none" ? "nothing" as never : fake.connector
        }
      })
      const dies = (key: string) =>
        Effect.map(
          Effect.exit(pool.use(key, () => Effect.void)),
          (exit) => Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "fine"
        )
      expect(yield* dies("bad")).toContain("no such tenant")
      expect(yield* dies("none")).toContain("must be a Connector")
      expect(yield* dies("good")).toBe("fine")
      expect(yield* pool.keys).toEqual(["good"])
    }).pipe(Effect.scoped))

  it.effect("serves the callers of one key in order of arrival", () =>
    withKeyed({ maxPerKey: 1, maxTotal: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const order: Array<string> = []
        const holder = yield* occupy(pool, "a")
        const fibers = yield* Effect.forEach(["a1", "a2", "a3"], (name) =>
          Effect.zipLeft(Effect.fork(pool.use("a", () => Effect.sync(() => order.push(name)))), settled))
        yield* Fiber.interrupt(holder)
        yield* Fiber.joinAll(fibers)
        expect(order).toEqual(["a1", "a2", "a3"])
      })))

  it.effect("says in an AcquireTimeout that other keys have what maxTotal allows", () =>
    withKeyed(
      { name: "tenants", maxTotal: 1, acquireTimeout: "1 second", describe: (key) => key },
      ({ pool }) =>
        Effect.gen(function*() {
          const holder = yield* occupy(pool, "a")
          const late = yield* Effect.fork(Effect.flip(warm(pool, "b")))
          yield* TestClock.adjust("1 second")
          const error = yield* Fiber.join(late)
          expect(error).toMatchObject({ _tag: "AcquireTimeout", pool: "tenants/b" })
          expect(error.message).toContain("raise maxTotal")
          expect(error).toMatchObject({ quota: 0 })
          yield* Fiber.interrupt(holder)
        })
    ))
})

describe("the end of a keyed pool", () => {
  it.effect("refuses newcomers and waiters of every key, and waits for leases", () =>
    withKeyed({ maxPerKey: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* occupy(pool, "a")
        yield* warm(pool, "b")
        const waiting = yield* Effect.zipLeft(Effect.fork(Effect.flip(warm(pool, "a"))), settled)
        const closing = yield* Effect.zipLeft(Effect.fork(pool.close()), settled)
        expect((yield* Fiber.join(waiting))._tag).toBe("PoolClosed")
        for (const key of ["a", "b", "new"]) expect((yield* Effect.flip(warm(pool, key)))._tag).toBe("PoolClosed")
        expect((yield* pool.stats).phase).toBe("closing")
        expect(Option.isNone(yield* Fiber.poll(closing))).toBe(true)
        yield* Fiber.interrupt(holder)
        yield* Fiber.join(closing)
        expect(yield* pool.stats).toMatchObject({ phase: "closed", keys: 0, leased: 0, opened: 2, closed: 2 })
        yield* pool.close()
      })))

  it.effect("comes at the deadline, whatever holders do", () =>
    withKeyed({}, ({ fake, pool }) =>
      Effect.gen(function*() {
        const holder = yield* occupy(pool, "a")
        const closing = yield* Effect.fork(pool.close({ deadline: "3 seconds" }))
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(closing)
        expect((yield* fake.counts).aborted).toBe(1)
        yield* Fiber.interrupt(holder)
      })))

  it.effect("drain serves who waits, and then ends", () =>
    withKeyed({ maxTotal: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* occupy(pool, "a")
        const waiting = yield* Effect.zipLeft(Effect.fork(warm(pool, "b")), settled)
        const draining = yield* Effect.zipLeft(Effect.fork(pool.drain), settled)
        expect((yield* Effect.flip(warm(pool, "c")))._tag).toBe("PoolClosed")
        yield* Fiber.interrupt(holder)
        expect(yield* Fiber.join(waiting)).toBe(1)
        yield* Fiber.join(draining)
        expect((yield* pool.stats).phase).toBe("closed")
      })))
})

describe("options of a keyed pool", () => {
  it.effect("that cannot be are all named, with what to write instead", () =>
    Effect.gen(function*() {
      const make = (options: unknown) =>
        Effect.flip(Effect.scoped(KeyedPool.make<string, string, never, never>(options as never)))
      const error = yield* make({
        connector: "pg",
        maxPerKey: 0,
        maxTotal: 1.5,
        keyIdleTimeout: -1,
        maxSize: 3,
        startup: "fill",
        acquireTimeout: "soon",
        maxWaitres: 3,
        describe: "name"
      })
      const fields = error.issues.map(({ field }) => field).sort()
      expect(fields).toEqual([
        "acquireTimeout",
        "connector",
        "describe",
        "keyIdleTimeout",
        "maxPerKey",
        "maxSize",
        "maxTotal",
        "maxWaitres",
        "startup"
      ])
      expect(error.message).toContain("write maxPerKey")
      expect((yield* make(undefined)).message).toContain("must be an object")
    }))
})

describe("events of a keyed pool", () => {
  it.effect("say of which key they are, and end with the pool", () =>
    withKeyed({ maxTotal: 1 }, ({ close, pool }) =>
      Effect.gen(function*() {
        const reading = yield* Effect.zipLeft(Effect.fork(Stream.runCollect(pool.events)), settled)
        yield* warm(pool, "a")
        yield* warm(pool, "b")
        yield* pool.forget("a")
        yield* settled
        yield* close
        const events = Chunk.toReadonlyArray(yield* Fiber.join(reading))
        const said = events.map((event) => event._tag === "KeyEvent" ? `${event.key} ${event.event._tag}` : event._tag)
        expect(said.slice(0, 4)).toEqual(["KeyAdded", "a AcquireStarted", "a ConnectionOpening", "a ConnectionOpened"])
        expect(events).toContainEqual(expect.objectContaining({
          _tag: "KeyEvent",
          key: "a",
          event: expect.objectContaining({ _tag: "ConnectionClosing", reason: "Ceded" })
        }))
        expect(said.filter((words) => words === "KeyForgotten")).toHaveLength(2)
        expect(said.at(-1)).toBe("KeyedPoolClosed")
        expect(said.filter((words) => words.endsWith("ConnectionClosed"))).toHaveLength(2)
      })))
})
