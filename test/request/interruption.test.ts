import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as TestClock from "effect/TestClock"
import { settled, withPool } from "../support/pool.js"
import { ask, hold, isWaiting, warm } from "./support.js"

it.effect("a caller that is interrupted while it waits is gone at once, and the queue is one shorter", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      yield* hold(pool)
      const waiter = yield* Effect.forkScoped(pool.use(() => Effect.void))
      yield* settled
      expect((yield* pool.stats).waiting).toBe(1)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(waiter))).toBe(true)
      expect(yield* pool.stats).toMatchObject({ waiting: 0, leased: 1, timedOut: 0 })
      expect(yield* Clock.currentTimeMillis).toBe(0)
    })))

it.effect("an interrupted waiter costs nobody their place", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const served: Array<string> = []
      const waiters = yield* Effect.forEach(
        ["a", "b", "c", "d", "e"],
        (name) => Effect.forkScoped(pool.use(() => Effect.sync(() => served.push(name))))
      )
      yield* settled
      yield* Fiber.interrupt(waiters[0]!)
      yield* Fiber.interrupt(waiters[3]!)
      yield* release
      yield* settled
      expect(served).toEqual(["b", "c", "e"])
    })))

for (const by of ["use", "get", "lease"] as const) {
  it.effect(`a grant that meets an interruption on its way goes to the next waiter (${by})`, () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const { id, release } = yield* hold(pool)
        let ran = false
        const body = Effect.sync(() => {
          ran = true
        })
        const take = {
          use: pool.use(() => body),
          get: Effect.scoped(Effect.zipRight(pool.get, body)),
          lease: Effect.scoped(Effect.zipRight(pool.lease(), body))
        }[by]
        const unlucky = yield* Effect.forkScoped(take)
        yield* settled
        const next = yield* ask(pool)
        // One fiber, without a pause: the grant is committed, and its holder has not been resumed.
        yield* Effect.zipRight(release, Effect.sync(() => unlucky.unsafeInterruptAsFork(FiberId.none)))
        expect(Exit.isInterrupted(yield* Fiber.await(unlucky))).toBe(true)
        expect(ran).toBe(false)
        expect((yield* Fiber.join(next)).id).toBe(id)
        expect(yield* pool.stats).toMatchObject({ leased: 1, opened: 1 })
      })))

  it.effect(`a grant that meets an interruption, with nobody else waiting, leaves the connection idle (${by})`, () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const { release } = yield* hold(pool)
        const take = {
          use: pool.use(() => Effect.never),
          get: Effect.scoped(Effect.zipRight(pool.get, Effect.never)),
          lease: Effect.scoped(Effect.zipRight(pool.lease(), Effect.never))
        }[by]
        const unlucky = yield* Effect.forkScoped(take)
        yield* settled
        yield* Effect.zipRight(release, Effect.sync(() => unlucky.unsafeInterruptAsFork(FiberId.none)))
        yield* Fiber.await(unlucky)
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1, closing: 0 })
      })))

  it.effect(`a caller that is interrupted in the middle of its use gives the connection back (${by})`, () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const take = {
          use: pool.use(() => Effect.never),
          get: Effect.scoped(Effect.zipRight(pool.get, Effect.never)),
          lease: Effect.scoped(Effect.zipRight(pool.lease(), Effect.never))
        }[by]
        const user = yield* Effect.forkScoped(take)
        yield* settled
        expect((yield* pool.stats).leased).toBe(1)
        yield* Fiber.interrupt(user)
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
        expect(yield* pool.use(({ id }) => Effect.succeed(id))).toBe(0)
      })))
}

it.effect("an opening goes on when its caller is gone, and the connection is the pool's", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("open", FakeConnector.wait(gate))
      const caller = yield* Effect.forkScoped(pool.use(() => Effect.void))
      yield* gate.reached
      yield* Fiber.interrupt(caller)
      expect(yield* pool.stats).toMatchObject({ opening: 1, waiting: 0 })
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ opening: 0, idle: 1 })
      expect(yield* pool.use(({ id }) => Effect.succeed(id), { acquireTimeout: 0 })).toBe(0)
      expect((yield* fake.counts).opening).toBe(1)
    })))

it.effect("a check goes on when its caller is gone, and the connection stays", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      yield* TestClock.adjust("10 seconds")
      const gate = yield* FakeConnector.makeGate
      yield* fake.next("check", FakeConnector.wait(gate))
      const caller = yield* Effect.forkScoped(pool.use(() => Effect.void))
      yield* gate.reached
      yield* Fiber.interrupt(caller)
      expect(yield* pool.stats).toMatchObject({ checking: 1, waiting: 0 })
      yield* gate.open
      yield* settled
      expect(yield* pool.stats).toMatchObject({ checking: 0, idle: 1, closed: 0 })
    })))

it.effect("callers that come and go while nothing can be opened leave nothing behind", () =>
  withPool({ maxSize: 2 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      yield* fake.set("open", FakeConnector.wait(gate))
      for (let round = 0; round < 10; round++) {
        const callers = yield* Effect.forEach([1, 2, 3], () => Effect.forkScoped(pool.use(() => Effect.void)))
        yield* settled
        yield* Fiber.interruptAll(callers)
      }
      expect(yield* pool.stats).toMatchObject({ opening: 2, waiting: 0, requests: 30 })
      yield* gate.open
      yield* settled
      expect(yield* fake.counts).toMatchObject({ opening: 2, opened: 2 })
    })))

it.effect("a waiter that is cut off by its caller's own timeout leaves the queue", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { release } = yield* hold(pool)
      const impatient = yield* Effect.forkScoped(
        Effect.timeoutOption(pool.use(() => Effect.void), "2 seconds")
      )
      const patient = yield* ask(pool)
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(impatient)).toMatchObject({ _tag: "None" })
      expect((yield* pool.stats).waiting).toBe(1)
      yield* release
      yield* Fiber.join(patient)
    })))

it.effect("a caller that was interrupted before it asked asks for nothing", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkScoped(pool.use(() => Effect.void))
      fiber.unsafeInterruptAsFork(FiberId.none)
      yield* Fiber.await(fiber)
      yield* settled
      expect((yield* fake.counts).opening).toBe(0)
      expect(yield* pool.stats).toMatchObject({ requests: 0, waiting: 0 })
    })))

it.effect("an interruption during a release does not keep the connection from coming back", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const user = yield* Effect.forkScoped(pool.use(() => gate.pass))
      yield* gate.reached
      const waiter = yield* ask(pool)
      // The body ends and its fiber is interrupted in one go.
      yield* Effect.zipRight(gate.open, Effect.sync(() => user.unsafeInterruptAsFork(FiberId.none)))
      expect(yield* isWaiting(waiter)).toBe(false)
      expect(yield* pool.stats).toMatchObject({ leased: 1, idle: 0 })
    })))
