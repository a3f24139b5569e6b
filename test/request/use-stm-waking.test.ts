/** What wakes a transaction that waits, and who hears of what it took. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TestClock from "effect/TestClock"
import * as TRef from "effect/TRef"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { isWaiting, listen, occupy, warm } from "./support.js"

const tuning = { name: "one", maxSize: 1, checkAfterIdle: Infinity } as const

/** Retries until there is one. */
const take = (pool: FakePool) =>
  STM.flatMap(pool.tryTake(), Option.match({ onNone: () => STM.retry, onSome: STM.succeed }))

const isTaken = (pool: FakePool) =>
  ConnectionPool.useSTM(pool.tryTake(), (taken) => Effect.succeed(Option.isSome(taken)))

for (const freed of ["the first", "the second"] as const) {
  it.effect(`a transaction that takes from the one or else from the other wakes when ${freed} has one`, () =>
    withPool(
      tuning,
      ({ pool: first }) =>
        withPool({ ...tuning, name: "other" }, ({ pool: second }) =>
          Effect.gen(function*() {
            const holders = [yield* occupy(first), yield* occupy(second)]
            const claimer = yield* Effect.forkScoped(
              ConnectionPool.useSTM(STM.orElse(take(first), () => take(second)), () => Effect.void)
            )
            expect(yield* isWaiting(claimer)).toBe(true)
            yield* holders[freed === "the first" ? 0 : 1]!.release
            expect(yield* isWaiting(claimer)).toBe(false)
            yield* Fiber.join(claimer)
          }))
    ))
}

it.effect("a pool of which a branch asks only later wakes it as well", () =>
  withPool(
    tuning,
    ({ pool: first }) =>
      withPool({ ...tuning, name: "other" }, ({ pool: second }) =>
        Effect.gen(function*() {
          const holder = yield* occupy(second)
          yield* occupy(first)
          const isOpen = yield* TRef.make(false)
          const gate = STM.flatMap(TRef.get(isOpen), (isOpen) => isOpen ? take(second) : STM.retry)
          const claimer = yield* Effect.forkScoped(
            ConnectionPool.useSTM(
              STM.orElse(gate, () => STM.zipRight(TRef.get(isOpen), take(first))),
              () => Effect.void
            )
          )
          expect(yield* isWaiting(claimer)).toBe(true)
          yield* TRef.set(isOpen, true)
          expect(yield* isWaiting(claimer)).toBe(true)
          yield* holder.release
          expect(yield* isWaiting(claimer)).toBe(false)
        }))
  ))

it.effect("after a jump of time it is the claim itself that has the pool look, where nobody else comes", () =>
  withPool(
    { ...tuning, keepalive: Infinity, idleTimeout: Infinity, maxLifetime: Infinity },
    ({ pool }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 hour")
        yield* warm(pool, 1)
        yield* TestClock.setTime(0)
        const claimer = yield* Effect.forkScoped(ConnectionPool.useSTM(take(pool), () => Effect.void))
        expect(yield* isWaiting(claimer)).toBe(false)
        yield* Fiber.join(claimer)
        expect(yield* isTaken(pool)).toBe(true)
      }),
    { check: false, ping: false }
  ))

it.effect("who begins to listen during the use hears of its end only", () =>
  withPool(tuning, ({ pool }) =>
    Effect.gen(function*() {
      yield* warm(pool, 1)
      const events = yield* ConnectionPool.useSTM(take(pool), () => listen(pool))
      yield* settled
      expect(events.map(({ _tag }) => _tag)).toEqual(["Released"])
    })))
