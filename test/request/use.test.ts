import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { FakePool } from "../support/pool.js"
import { withPool } from "../support/pool.js"
import { warm } from "./support.js"

/** A body runs either with an idle connection, at once, or after a wait: both paths keep the same promises. */
const paths = [
  { path: "handed out at once", idle: 1 },
  { path: "waited for", idle: 0 }
]

for (const { idle, path } of paths) {
  const withIdle = <A, E, R>(test: (pool: FakePool) => Effect.Effect<A, E, R>) =>
    withPool({}, ({ pool }) => Effect.zipRight(warm(pool, idle), test(pool)))

  it.effect(`a body's value is the value of use, and its connection comes back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        expect(yield* pool.use((connection) => Effect.succeed(`row ${connection.id}`))).toBe("row 0")
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      })
    ))

  it.effect(`a body's failure is the failure of use, and its connection comes back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        expect(yield* Effect.flip(pool.use(() => Effect.fail("no such table")))).toBe("no such table")
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      })
    ))

  it.effect(`a body's defect is the defect of use, and its connection comes back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        const defect = new Error("bug")
        expect(yield* Effect.exit(pool.use(() => Effect.die(defect)))).toEqual(Exit.die(defect))
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      })
    ))

  it.effect(`a body that throws before it is an Effect is a defect, and its connection comes back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        const defect = new Error("thrown by the function itself")
        const exit = yield* Effect.exit(pool.use((): Effect.Effect<void> => {
          throw defect
        }))
        expect(exit).toEqual(Exit.die(defect))
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      })
    ))

  it.effect(`a body that interrupts itself gives its connection back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(pool.use(() => Effect.interrupt))
        expect(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)).toBe(true)
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      })
    ))

  it.effect(`a body is as interruptible as its caller (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        const interruptible = pool.use(() => Effect.checkInterruptible(Effect.succeed))
        expect(yield* interruptible).toBe(true)
        expect(yield* Effect.uninterruptible(interruptible)).toBe(false)
      })
    ))

  it.effect(`a body's finalizers have run when its connection comes back (${path})`, () =>
    withIdle((pool) =>
      Effect.gen(function*() {
        let atFinalizer = -1
        yield* pool.use(() =>
          Effect.ensuring(
            Effect.void,
            Effect.flatMap(pool.stats, ({ leased }) => Effect.sync(() => atFinalizer = leased))
          )
        )
        expect(atFinalizer).toBe(1)
        expect(yield* pool.stats).toMatchObject({ leased: 0 })
      })
    ))
}

it.effect("a scoped connection is the caller's until its Scope closes", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const inside = yield* Effect.scoped(Effect.flatMap(pool.get, () => pool.stats))
      expect(inside).toMatchObject({ leased: 1, idle: 0 })
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
    })))

it.effect("a connection that is asked for in a Scope that has closed already comes back at once", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      yield* Scope.extend(pool.get, scope)
      const lease = yield* Scope.extend(pool.lease(), scope)
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 1 })
      expect(() => lease.connection).toThrow("has ended")
    })))

it.effect("two connections of one Scope both come back when it closes", () =>
  withPool({}, ({ pool }) =>
    Effect.gen(function*() {
      const both = yield* Effect.scoped(Effect.all([pool.get, pool.get]))
      expect(new Set(both.map(({ id }) => id)).size).toBe(2)
      expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 2 })
    })))

it.effect("a caller that asks inside of its use gets another connection", () =>
  withPool({ maxSize: 2 }, ({ pool }) =>
    Effect.gen(function*() {
      const ids = yield* pool.use((outer) => pool.use((inner) => Effect.succeed([outer.id, inner.id])))
      expect(ids).toEqual([0, 1])
    })))
