import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { endsAfter } from "../resource/support.js"
import { settled, withPool } from "../support/pool.js"
import { ask, failureOf, hold, isWaiting, warm } from "./support.js"

it.effect("a pool with nothing in use closes at once, and closes what is idle", () =>
  withPool({}, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 3)
      yield* close
      expect(yield* fake.counts).toMatchObject({ closed: 3, aborted: 0, alive: 0 })
      expect(yield* pool.stats).toMatchObject({ phase: "closed", idle: 0, closing: 0, closed: 3 })
      expect(yield* Clock.currentTimeMillis).toBe(0)
    })))

it.effect("a newcomer is refused with PoolClosed, while the pool is closing and after", () =>
  withPool({ name: "orders" }, ({ close, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      expect((yield* pool.stats).phase).toBe("closing")
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed", pool: "orders" })
      yield* release
      yield* Fiber.join(closing)
      expect(yield* Effect.flip(pool.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed", pool: "orders" })
      expect(yield* Effect.flip(Effect.scoped(pool.get))).toMatchObject({ _tag: "PoolClosed" })
      expect(yield* Effect.flip(Effect.scoped(pool.lease()))).toMatchObject({ _tag: "PoolClosed" })
    })))

it.effect("waiters are refused with PoolClosed at once", () =>
  withPool({ maxSize: 1 }, ({ close, pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const waiters = yield* Effect.forEach([1, 2, 3], () => ask(pool))
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      const errors = yield* Effect.forEach(waiters, failureOf)
      expect(errors.map(({ _tag }) => _tag)).toEqual(["PoolClosed", "PoolClosed", "PoolClosed"])
      expect(yield* isWaiting(closing)).toBe(true)
      yield* release
      yield* Fiber.join(closing)
    })))

it.effect("leases are awaited: their connections stay usable, and are closed when they come back", () =>
  withPool({}, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([hold(pool), hold(pool)])
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("10 seconds")
      expect([first.connection.isAlive, second.connection.isAlive]).toEqual([true, true])
      yield* first.release
      yield* settled
      expect(first.connection.isAlive).toBe(false)
      expect(yield* isWaiting(closing)).toBe(true)
      yield* second.release
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ closed: 2, aborted: 0 })
      expect(yield* Clock.currentTimeMillis).toBe(10_000)
    })))

it.effect("a connection that comes back while the pool closes is not reset first", () =>
  withPool({}, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      const { connection, release } = yield* hold(pool)
      connection.dirty()
      const closing = yield* Effect.forkScoped(close)
      yield* settled
      yield* release
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ reset: 0, closed: 1 })
    })))

it.effect("a close is awaited", () =>
  withPool({}, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* fake.set("close", FakeConnector.slow("3 seconds"))
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("2999 millis")
      expect(yield* isWaiting(closing)).toBe(true)
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect(yield* fake.counts).toMatchObject({ closed: 2, aborted: 0 })
    })))

for (
  const { behaviour, name, wait } of [
    { name: "an opening that can be interrupted", behaviour: FakeConnector.hang, wait: 0 },
    { name: "an opening that ignores its interruption", behaviour: FakeConnector.stick, wait: 5_000 },
    { name: "an opening that takes long", behaviour: FakeConnector.slow("14 seconds"), wait: 0 }
  ]
) {
  it.effect(`${name} holds up the close for ${wait} ms, and opens nothing after it`, () =>
    withPool(
      { minSize: 1 },
      ({ close, fake, pool }) =>
        Effect.gen(function*() {
          yield* settled
          expect((yield* pool.stats).opening).toBe(1)
          expect(yield* endsAfter(close, wait)).toEqual(Exit.void)
          expect(yield* pool.stats).toMatchObject({ phase: "closed", opening: 0, openFailures: 0 })
          yield* TestClock.adjust("1 minute")
          expect(yield* fake.counts).toMatchObject({ opening: 1, opened: 0, alive: 0 })
          expect((yield* pool.stats).phase).toBe("closed")
        }),
      {},
      (fake) => fake.next("open", behaviour)
    ))
}

it.effect("the pool is closed when what an opening had opened so far is closed, and not before", () =>
  Effect.gen(function*() {
    let open = false
    const socket = Effect.acquireRelease(
      Effect.sync(() => {
        open = true
      }),
      () =>
        Effect.zipRight(
          Effect.sleep("2 seconds"),
          Effect.sync(() => {
            open = false
          })
        )
    )
    const scope = yield* Scope.make()
    yield* Scope.extend(
      ConnectionPool.make({ connector: Effect.zipRight(socket, Effect.never), minSize: 1 }),
      scope
    )
    yield* settled
    expect(open).toBe(true)
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("1 second")
    expect(yield* isWaiting(closing)).toBe(true)
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
    expect(open).toBe(false)
  }))

for (const step of ["check", "ping", "reset"] as const) {
  it.effect(`a ${step} is cut short, and its connection closed`, () =>
    withPool({ keepalive: "1 minute" }, ({ close, fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.set(step, FakeConnector.stick)
        yield* pool.use((connection) => Effect.sync(() => step === "reset" ? connection.dirty() : undefined))
        yield* TestClock.adjust(step === "ping" ? "1 minute" : step === "check" ? "10 seconds" : 0)
        const callers = step === "check" ? [yield* ask(pool)] : []
        const stats = yield* pool.stats
        expect(stats.checking + stats.resetting).toBe(1)
        yield* close
        expect(yield* pool.stats).toMatchObject({ phase: "closed", checking: 0, resetting: 0, aborted: 0 })
        expect((yield* fake.counts).alive).toBe(0)
        const errors = yield* Effect.forEach(callers, failureOf)
        expect(errors.map(({ _tag }) => _tag)).toEqual(step === "check" ? ["PoolClosed"] : [])
      })))
}

it.effect("nothing is refilled while the pool closes, nor after", () =>
  withPool({ minSize: 2 }, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* settled
      const { release } = yield* hold(pool)
      const closing = yield* Effect.forkScoped(close)
      yield* TestClock.adjust("10 seconds")
      yield* release
      yield* Fiber.join(closing)
      yield* TestClock.adjust("1 hour")
      expect(yield* fake.counts).toMatchObject({ opening: 2, closed: 2 })
    })))

it.effect("closing it again changes nothing", () =>
  withPool({}, ({ close, fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 2)
      yield* close
      yield* close
      expect(yield* fake.counts).toMatchObject({ closing: 2, closed: 2 })
    })))
