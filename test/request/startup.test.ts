import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { isWaiting } from "./support.js"

const refused = FakeConnector.fail("connection refused")

/** Makes a pool of a server that was told what to do, and says how that ended and what the server saw. */
const making = (
  startup: ConnectionPool.Startup,
  minSize: number,
  prepare: (fake: FakeConnector.FakeConnector) => Effect.Effect<void>
) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* prepare(fake)
    const fiber = yield* Effect.fork(
      Effect.exit(Effect.scoped(Effect.flatMap(
        ConnectionPool.make({ connector: fake.connector, startup, minSize }),
        (pool) => pool.stats
      )))
    )
    yield* settled
    return { fake, fiber }
  })

it.effect("a lazy pool is made though the server is down, and opens nothing before somebody asks", () =>
  Effect.gen(function*() {
    const { fake, fiber } = yield* making("lazy", 0, (fake) => fake.set("open", refused))
    expect(Exit.isSuccess(yield* Fiber.join(fiber))).toBe(true)
    expect((yield* fake.counts).opening).toBe(0)
  }))

it.effect("a lazy pool with a minSize does not wait for it", () =>
  Effect.gen(function*() {
    const { fiber } = yield* making("lazy", 2, (fake) => fake.set("open", FakeConnector.hang))
    expect(Exit.isSuccess(yield* Fiber.join(fiber))).toBe(true)
  }))

it.effect("probe waits until one connection is open", () =>
  Effect.gen(function*() {
    const { fake, fiber } = yield* making("probe", 0, (fake) => fake.set("open", FakeConnector.slow("2 seconds")))
    yield* TestClock.adjust(1_999)
    expect(yield* isWaiting(fiber)).toBe(true)
    yield* TestClock.adjust(1)
    expect(yield* yield* Fiber.join(fiber)).toMatchObject({ idle: 1, phase: "running" })
    expect((yield* fake.counts).opened).toBe(1)
  }))

it.effect("fill waits until minSize connections are open, maxConnecting at a time", () =>
  Effect.gen(function*() {
    const { fake, fiber } = yield* making("fill", 5, (fake) => fake.set("open", FakeConnector.slow("2 seconds")))
    yield* TestClock.adjust("5999 millis")
    expect(yield* isWaiting(fiber)).toBe(true)
    yield* TestClock.adjust(1)
    expect(yield* yield* Fiber.join(fiber)).toMatchObject({ idle: 5, phase: "running" })
    expect((yield* fake.counts).opened).toBe(5)
  }))

it.effect("fill with a minSize of 0 waits for nothing", () =>
  Effect.gen(function*() {
    const { fiber } = yield* making("fill", 0, (fake) => fake.set("open", FakeConnector.hang))
    expect(Exit.isSuccess(yield* Fiber.join(fiber))).toBe(true)
  }))

for (const startup of ["probe", "fill"] as const) {
  it.effect(`${startup} fails with the connector's error when an opening fails`, () =>
    Effect.gen(function*() {
      const { fiber } = yield* making(startup, 2, (fake) => fake.set("open", refused))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(
        new FakeConnector.FakeError({ step: "open", reason: "connection refused" })
      ))
    }))

  it.effect(`${startup} fails with a ConnectTimeout when an opening hangs`, () =>
    Effect.gen(function*() {
      const { fiber } = yield* making(startup, 2, (fake) => fake.set("open", FakeConnector.hang))
      yield* TestClock.adjust("15 seconds")
      const exit = yield* Fiber.join(fiber)
      expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "ConnectTimeout", after: 15_000 })
    }))

  it.effect(`${startup} dies with the defect when an opening dies`, () =>
    Effect.gen(function*() {
      const defect = new Error("bug in the driver")
      const { fiber } = yield* making(startup, 2, (fake) => fake.set("open", FakeConnector.die(defect)))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.die(defect))
    }))

  it.effect(`${startup} fails even where waiters would wait for the server`, () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      yield* fake.set("open", refused)
      const options = { connector: fake.connector, startup, minSize: 1, whenDown: "wait" } as const
      const error = yield* Effect.flip(Effect.scoped(ConnectionPool.make(options)))
      expect(error).toMatchObject({ _tag: "FakeError" })
    }))
}

it.effect("a fill that fails closes what it had opened, and stops what was still opening", () =>
  Effect.gen(function*() {
    const { fake, fiber } = yield* making(
      "fill",
      4,
      (fake) =>
        fake.next(
          "open",
          FakeConnector.ok,
          FakeConnector.slow("1 second"),
          FakeConnector.slow("2 seconds", refused),
          FakeConnector.hang
        )
    )
    yield* TestClock.adjust("2 seconds")
    expect(Exit.isFailure(yield* Fiber.join(fiber))).toBe(true)
    expect(yield* fake.counts).toMatchObject({ opening: 4, opened: 2, closed: 2, alive: 0 })
    expect(yield* Clock.currentTimeMillis).toBe(2_000)
  }))

it.effect("making a pool can be interrupted while it waits, and leaves nothing open", () =>
  Effect.gen(function*() {
    const { fake, fiber } = yield* making("fill", 3, (fake) =>
      fake.next("open", FakeConnector.ok, FakeConnector.hang, FakeConnector.hang))
    expect(yield* fake.counts).toMatchObject({ opening: 3, alive: 1 })
    yield* Fiber.interrupt(fiber)
    expect(yield* fake.counts).toMatchObject({ alive: 0, closed: 1 })
  }))

it.effect("what the startup has opened serves the first callers", () =>
  withPool({ startup: "probe" }, ({ fake, pool }) =>
    Effect.gen(function*() {
      expect(yield* pool.use(({ id }) => Effect.succeed(id), { acquireTimeout: 0 })).toBe(0)
      expect((yield* fake.counts).opened).toBe(1)
    })))
