import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { warm } from "./support.js"

class Db extends ConnectionPool.Tag("test/operations/Db")<
  Db,
  FakeConnector.FakeConnection,
  FakeConnector.FakeError
>() {}

/** Runs with the pool in the context, whose connections a test can count. */
const withDb = <A, E>(
  test: (fake: FakeConnector.FakeConnector) => Effect.Effect<A, E, Db | Scope.Scope>
) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    return yield* Effect.provide(Effect.scoped(test(fake)), Db.layer({ connector: fake.connector }))
  })

it.effect("a tag's leases and health are those of the pool in the context", () =>
  withDb(() =>
    Effect.gen(function*() {
      expect(yield* Db.leases).toEqual([])
      expect(yield* Db.health).toMatchObject({ _tag: "Healthy", pool: "fake" })
      yield* Db.use(() =>
        Effect.map(Db.leases, (leases) => expect(leases).toMatchObject([{ lease: 0, connection: 0 }]))
      )
    })
  ))

it.effect("a tag's lease says that it is long", () =>
  withDb(() =>
    Effect.gen(function*() {
      yield* Db.lease({ long: true })
      expect(yield* Db.leases).toMatchObject([{ isLong: true }])
    })
  ))

it.effect("a tag's resize, clear and recycle are those of the pool in the context", () =>
  withDb((fake) =>
    Effect.gen(function*() {
      const pool = yield* Db
      yield* warm(pool, 3)
      yield* Db.resize({ maxSize: 2 })
      yield* settled
      expect(yield* Db.stats).toMatchObject({ maxSize: 2, idle: 2 })
      yield* Db.clear()
      yield* settled
      expect((yield* fake.counts).alive).toBe(0)
      yield* warm(pool, 2)
      yield* Db.recycle({ within: "1 minute" })
      yield* TestClock.adjust("2 minutes")
      expect(yield* fake.counts).toMatchObject({ opened: 7, closed: 5, alive: 2 })
      expect(yield* Effect.flip(Db.resize({ maxSize: 0 }))).toMatchObject({ _tag: "InvalidOptions" })
    })
  ))

it.effect("a tag's suspend and resume are those of the pool in the context", () =>
  withDb(() =>
    Effect.gen(function*() {
      yield* Db.suspend({ newcomers: "refuse" })
      expect(yield* Effect.flip(Db.use(() => Effect.void))).toMatchObject({ _tag: "PoolRefused", reason: "Suspended" })
      yield* Db.resume
      yield* Db.use(() => Effect.void)
    })
  ))

it.effect("a tag's drain and close are those of the pool in the context", () =>
  withDb((fake) =>
    Effect.gen(function*() {
      const gate = yield* FakeConnector.makeGate
      const caller = yield* Effect.fork(Db.use(() => gate.pass))
      yield* gate.reached
      const draining = yield* Effect.fork(Db.drain)
      yield* settled
      expect(yield* Effect.flip(Db.use(() => Effect.void))).toMatchObject({ _tag: "PoolClosed" })
      const closing = yield* Effect.fork(Db.close({ deadline: "1 second" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.joinAll([draining, closing])
      expect(yield* fake.counts).toMatchObject({ aborted: 1, alive: 0 })
      yield* gate.open
      yield* Fiber.await(caller)
    })
  ))
