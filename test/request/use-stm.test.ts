import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import * as TestClock from "effect/TestClock"
import * as TRef from "effect/TRef"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"
import { ask, isWaiting, listen, occupy, warm } from "./support.js"

const tuning = { maxSize: 1, acquireTimeout: "1 minute", checkAfterIdle: Infinity } as const

/** Retries until there is one. */
const take = (pool: FakePool) =>
  STM.flatMap(pool.tryTake(), Option.match({ onNone: () => STM.retry, onSome: STM.succeed }))

/** Two pools, with one idle connection each. */
const withTwo = <A, E>(
  body: (one: FakePool, other: FakePool) => Effect.Effect<A, E, Scope.Scope>
) =>
  withPool(
    tuning,
    ({ pool: one }) =>
      withPool(tuning, ({ pool: other }) =>
        Effect.zipRight(Effect.zipRight(warm(one, 1), warm(other, 1)), Effect.scoped(body(one, other))))
  )

const isFree = (pool: FakePool) =>
  Effect.map(pool.stats, (stats) => {
    expect(stats).toMatchObject({ leased: 0, leases: 0, waiting: 0, idle: 1 })
  })

describe("tryTake", () => {
  it.effect("takes an idle connection with what the transaction writes, and gives it back when the use has ended", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const budget = yield* TRef.make(3)
        const id = yield* ConnectionPool.useSTM(
          STM.zipLeft(take(pool), TRef.update(budget, (left) => left - 1)),
          (connection) =>
            Effect.gen(function*() {
              expect(yield* pool.stats).toMatchObject({ leased: 1, requests: 2, acquired: 2 })
              expect(yield* TRef.get(budget)).toBe(2)
              return connection.id
            })
        )
        expect(id).toBe(0)
        yield* isFree(pool)
      })))

  it.effect("gives two connections where it is asked twice", () =>
    withPool({ ...tuning, maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 2)
        const third = STM.all([take(pool), take(pool), pool.tryTake()])
        yield* ConnectionPool.useSTM(third, ([one, other, none]) =>
          Effect.sync(() => {
            expect(one.id).not.toBe(other.id)
            expect(none).toEqual(Option.none())
          }))
        expect(yield* pool.stats).toMatchObject({ leased: 0, idle: 2 })
      })))

  it.effect("is None while anybody waits, and where a connection would have to be opened or checked", () =>
    withPool({ ...tuning, maxSize: 2, checkAfterIdle: "1 second" }, ({ pool }) =>
      Effect.gen(function*() {
        const none = ConnectionPool.useSTM(pool.tryTake(), (taken) => Effect.succeed(Option.isNone(taken)))
        expect(yield* none).toBe(true)
        expect(yield* pool.stats).toMatchObject({ opening: 0, requests: 0 })
        yield* warm(pool, 1)
        expect(yield* none).toBe(false)
        yield* TestClock.adjust("2 seconds")
        expect(yield* none).toBe(true)
      })))

  it.effect("does not overtake who waits", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        const first = yield* occupy(pool)
        const waiter = yield* ask(pool)
        const claimer = yield* Effect.forkScoped(ConnectionPool.useSTM(take(pool), () => Effect.never))
        yield* first.release
        const second = yield* Fiber.join(waiter)
        expect(yield* isWaiting(claimer)).toBe(true)
        yield* second.release
        yield* settled
        expect(yield* pool.stats).toMatchObject({ leased: 1, waiting: 0 })
        yield* Fiber.interrupt(claimer)
        yield* isFree(pool)
      })))

  it.effect("shares a connection where the pool lets it, and has it for itself where it says so", () =>
    withPool({ ...tuning, concurrency: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const alone = ConnectionPool.useSTM(
          pool.tryTake({ exclusive: true }),
          (taken) => Effect.succeed(Option.isSome(taken))
        )
        yield* ConnectionPool.useSTM(STM.all([take(pool), take(pool)]), ([one, other]) =>
          Effect.gen(function*() {
            expect(one).toBe(other)
            expect(yield* pool.stats).toMatchObject({ leased: 1, leases: 2 })
            expect(yield* alone).toBe(false)
          }))
        expect(yield* alone).toBe(true)
      })))
})

describe("a transaction that takes from several pools", () => {
  it.effect("takes all or nothing: where one has none, the other's stays free for others while it waits", () =>
    withTwo((one, other) =>
      Effect.gen(function*() {
        const busy = yield* occupy(other)
        const both = yield* Effect.forkScoped(
          ConnectionPool.useSTM(STM.all([take(one), take(other)]), () => Effect.succeed("both"))
        )
        expect(yield* isWaiting(both)).toBe(true)
        yield* isFree(one)
        yield* one.use(() => Effect.void)
        yield* busy.release
        expect(yield* Fiber.join(both)).toBe("both")
        yield* isFree(one)
        yield* isFree(other)
      })
    ))

  it.effect("keeps nothing of a branch that retries", () =>
    withTwo((one, other) =>
      Effect.gen(function*() {
        yield* ConnectionPool.useSTM(
          STM.orElse(STM.zipRight(take(one), STM.retry), () => take(other)),
          () => Effect.zipRight(isFree(one), Effect.map(other.stats, ({ leased }) => expect(leased).toBe(1)))
        )
        yield* isFree(other)
      })
    ))

  it.effect("has changed nothing where it fails or dies", () =>
    withTwo((one, other) =>
      Effect.gen(function*() {
        const count = yield* TRef.make(0)
        const writing = STM.zipRight(STM.all([take(one), take(other)]), TRef.set(count, 1))
        const failed = yield* Effect.exit(
          ConnectionPool.useSTM(STM.zipRight(writing, STM.fail("no")), () => Effect.dieMessage("never"))
        )
        expect(failed).toEqual(Exit.fail("no"))
        const died = yield* Effect.exit(
          ConnectionPool.useSTM(STM.zipRight(writing, STM.die("bug")), () => Effect.dieMessage("never"))
        )
        expect(died).toEqual(Exit.die("bug"))
        expect(yield* TRef.get(count)).toBe(0)
        yield* isFree(one)
        yield* isFree(other)
        expect(yield* one.stats).toMatchObject({ requests: 1 })
      })
    ))

  it.effect("gives back what Effect left taken: it took, retried, woke, and then failed", () =>
    withTwo((one, _other) =>
      Effect.gen(function*() {
        const go = yield* TRef.make(false)
        const stm = STM.gen(function*() {
          yield* take(one)
          if (!(yield* TRef.get(go))) return yield* STM.retry
          return yield* STM.fail("no")
        })
        const claimer = yield* Effect.forkScoped(Effect.flip(ConnectionPool.useSTM(stm, () => Effect.void)))
        yield* settled
        yield* TRef.set(go, true)
        expect(yield* Fiber.join(claimer)).toBe("no")
        yield* isFree(one)
      })
    ))
})

describe("useSTM", () => {
  it.effect("gives back on every exit of the use", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        expect(yield* Effect.exit(ConnectionPool.useSTM(take(pool), () => Effect.fail("no")))).toEqual(Exit.fail("no"))
        yield* isFree(pool)
        const thrown = yield* Effect.exit(ConnectionPool.useSTM(take(pool), (): Effect.Effect<void> => {
          throw new Error("thrown")
        }))
        expect(Exit.isFailure(thrown) && Cause.isDie(thrown.cause)).toBe(true)
        yield* isFree(pool)
        const used = yield* Effect.forkScoped(ConnectionPool.useSTM(take(pool), () => Effect.never))
        yield* settled
        yield* Fiber.interrupt(used)
        yield* isFree(pool)
      })))

  it.effect("resets, or closes, what it gives back in need of that", () =>
    withPool(tuning, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        yield* ConnectionPool.useSTM(take(pool), (connection) => Effect.sync(() => connection.dirty()))
        yield* settled
        expect((yield* fake.log).some(({ event }) => event === "reset")).toBe(true)
        yield* ConnectionPool.useSTM(take(pool), ({ id }) => fake.kill(id))
        yield* settled
        expect(yield* fake.counts).toMatchObject({ opened: 1, closing: 1 })
      })))

  it.effect("fails where the pool closes, also while its transaction waits", () =>
    withPool(tuning, ({ close, pool }) =>
      Effect.gen(function*() {
        const first = yield* occupy(pool)
        const claimer = yield* Effect.fork(Effect.flip(ConnectionPool.useSTM(take(pool), () => Effect.void)))
        yield* settled
        const closing = yield* Effect.fork(close)
        expect(yield* Fiber.join(claimer)).toMatchObject({ _tag: "PoolClosed", pool: "fake" })
        yield* first.release
        yield* Fiber.join(closing)
        expect(yield* Effect.flip(ConnectionPool.useSTM(pool.tryTake(), () => Effect.void))).toMatchObject({
          _tag: "PoolClosed"
        })
      })))

  it.effect("interrupted while its transaction waits, leaves nothing", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        const first = yield* occupy(pool)
        const claimer = yield* Effect.forkScoped(ConnectionPool.useSTM(take(pool), () => Effect.void))
        yield* settled
        yield* Fiber.interrupt(claimer)
        yield* first.release
        yield* isFree(pool)
      })))

  it.effect("tells of its leases as of any other", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const events = yield* listen(pool)
        yield* ConnectionPool.useSTM(take(pool), () => Effect.void)
        yield* settled
        expect(events.map(({ _tag }) => _tag)).toEqual(["AcquireStarted", "Acquired", "Released"])
        expect(events[1]).toMatchObject({ lease: 1, id: 0 })
      })))

  it.effect("an owner that was carried off takes nothing when its useSTM has ended", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const context = yield* ConnectionPool.useSTM(STM.context<ConnectionPool.ClaimOwner>(), Effect.succeed)
        const late = yield* Effect.exit(STM.commit(STM.provideContext(pool.tryTake(), context)))
        expect(Exit.isFailure(late) && Cause.pretty(late.cause)).toContain("outside of the transaction of its useSTM")
        yield* isFree(pool)
      })))

  it.effect("the same in the use itself", () =>
    withTwo((one, other) =>
      Effect.gen(function*() {
        const both = STM.zip(take(one), STM.context<ConnectionPool.ClaimOwner>())
        const late = yield* Effect.exit(
          ConnectionPool.useSTM(both, ([, context]) => STM.commit(STM.provideContext(take(other), context)))
        )
        expect(Exit.isFailure(late) && Cause.pretty(late.cause)).toContain("outside of the transaction of its useSTM")
        yield* isFree(one)
        yield* isFree(other)
      })
    ))

  it.effect("is there for typed services", () =>
    Effect.gen(function*() {
      class Db extends ConnectionPool.Tag("test/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}
      const fake = yield* FakeConnector.make()
      const program = Effect.gen(function*() {
        yield* Db.use(() => Effect.void)
        return yield* ConnectionPool.useSTM(Db.tryTake(), (taken) => Effect.succeed(Option.isSome(taken)))
      })
      const taken = yield* Effect.provide(program, Db.layer({ connector: fake.connector }))
      expect(taken).toBe(true)
    }))

  it.effect("a time that has jumped makes what is idle suspect, to it as well", () =>
    withPool({ ...tuning, maxLifetime: "1 day" }, ({ pool }) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 hour")
        yield* warm(pool, 1)
        yield* TestClock.setTime(0)
        const none = ConnectionPool.useSTM(pool.tryTake(), (taken) => Effect.succeed(Option.isNone(taken)))
        expect(yield* none).toBe(true)
      })))

  it.effect("one that holds by a claim and asks for another is told of the deadlock", () =>
    withPool(tuning, ({ pool }) =>
      Effect.gen(function*() {
        yield* warm(pool, 1)
        const error = yield* Effect.flip(
          ConnectionPool.useSTM(take(pool), () =>
            Effect.flatMap(Deferred.make<void>(), () => pool.use(() => Effect.void)))
        )
        expect(error).toMatchObject({ _tag: "PoolDeadlock" })
      })))
})
