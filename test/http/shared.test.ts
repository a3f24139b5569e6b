/** What the fibers of one request share: one connection, whoever asks first, and whoever is interrupted meanwhile. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import * as RequestService from "@cenote/core/RequestService"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { failureOf, hold, isWaiting } from "../request/support.js"
import type { FakePool } from "../support/pool.js"
import { settled, withPool } from "../support/pool.js"

class Ended {
  readonly _tag = "Ended"
}

const share = (pool: FakePool, policy: "Kept" | "PerUse" = "Kept") =>
  new RequestService.Shared(
    Effect.map(pool.lease(), (lease) => lease.connection),
    () => new Ended(),
    policy
  )

const idOf = (connection: FakeConnector.FakeConnection) => Effect.succeed(connection.id)

/** A use that a test ends. */
const longUse = (shared: ReturnType<typeof share>) =>
  Effect.gen(function*() {
    const gate = yield* FakeConnector.makeGate
    const fiber = yield* Effect.forkScoped(shared.use((connection) => Effect.as(gate.pass, connection.id)))
    yield* gate.reached
    return { fiber, end: Effect.zipRight(gate.open, settled) }
  })

const leased = (pool: FakePool) => Effect.map(pool.stats, ({ leased }) => leased)

describe("the first use", () => {
  it.effect("by two fibers at once leases one connection for both", () =>
    withPool({ maxSize: 5 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        const ids = yield* Effect.all(Array.from({ length: 20 }, () => shared.use(idOf)), { concurrency: "unbounded" })
        expect(new Set(ids)).toEqual(new Set([0]))
        expect((yield* pool.stats).requests).toBe(1)
        yield* shared.end
      })))

  it.effect("that is interrupted keeps the place in the queue for the fiber that asked second", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* hold(pool)
        const shared = share(pool)
        const first = yield* Effect.fork(shared.use(idOf))
        yield* settled
        const second = yield* Effect.fork(shared.use(idOf))
        yield* settled
        const stranger = yield* Effect.fork(pool.use(idOf))
        yield* settled
        expect(Exit.isInterrupted(yield* Fiber.interrupt(first))).toBe(true)
        expect((yield* pool.stats).waiting).toBe(2)
        yield* holder.release
        expect(yield* Fiber.join(second)).toBe(0)
        // It has the connection now, before the stranger who came after it.
        expect(yield* isWaiting(stranger)).toBe(true)
        yield* shared.end
        expect(yield* Fiber.join(stranger)).toBe(0)
      })))

  it.effect("leaves the queue when all that asked are interrupted, and the next asks anew", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* hold(pool)
        const shared = share(pool)
        const fibers = yield* Effect.forEach([1, 2], () => Effect.zipLeft(Effect.fork(shared.use(idOf)), settled))
        expect((yield* pool.stats).waiting).toBe(1)
        yield* Fiber.interruptAll(fibers)
        yield* settled
        expect((yield* pool.stats).waiting).toBe(0)
        const next = yield* Effect.fork(shared.use(idOf))
        yield* settled
        yield* holder.release
        expect(yield* Fiber.join(next)).toBe(0)
        yield* shared.end
      })))

  it.effect("that is interrupted in the moment of the grant gives the connection back", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const holder = yield* hold(pool)
        const shared = share(pool)
        const fiber = yield* Effect.fork(shared.use(idOf))
        yield* settled
        // The grant is on its way, and nobody has woken yet.
        yield* holder.release
        fiber.unsafeInterruptAsFork(fiber.id())
        yield* settled
        yield* shared.end
        expect(yield* leased(pool)).toBe(0)
        expect((yield* pool.stats).waiting).toBe(0)
      })))

  it.effect("that fails is told so, is not remembered, and the next tries again", () =>
    withPool({ maxSize: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        yield* fake.next("open", FakeConnector.fail("down"))
        const shared = share(pool)
        const failures = yield* Effect.all([Effect.flip(shared.use(idOf)), Effect.flip(shared.use(idOf))], {
          concurrency: "unbounded"
        })
        expect(failures.map((failure) => failure._tag)).toEqual(["FakeError", "FakeError"])
        expect(shared.current).toBe(undefined)
        const next = yield* Effect.fork(shared.use(idOf))
        // The pool's back-off after one failed opening.
        yield* TestClock.adjust("100 millis")
        expect(yield* Fiber.join(next)).toBe(1)
        yield* shared.end
      })))

  it.effect("that fails is not remembered either for a fiber that tries again at once, while others are still being told", () =>
    withPool({ maxSize: 1 }, ({ fake, pool }) =>
      Effect.gen(function*() {
        const gate = yield* FakeConnector.makeGate
        yield* fake.next("open", FakeConnector.wait(gate, FakeConnector.fail("down")))
        const shared = share(pool)
        // Who asked last is told first.
        const once = yield* Effect.fork(shared.use(idOf))
        yield* settled
        const again = yield* Effect.fork(Effect.retry(shared.use(idOf), { times: 1 }))
        yield* settled
        yield* gate.open
        expect((yield* failureOf(once))._tag).toBe("FakeError")
        yield* TestClock.adjust("100 millis")
        expect(yield* Fiber.join(again)).toBe(1)
        yield* shared.end
      })))

  it.effect("in a finalizer of a fiber that was interrupted gets its connection", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        let id: number | undefined
        const last = Effect.map(Effect.orDie(shared.use(idOf)), (used) => {
          id = used
        })
        const fiber = yield* Effect.fork(Effect.onInterrupt(Effect.never, () => last))
        yield* settled
        yield* Fiber.interrupt(fiber)
        expect(id).toBe(0)
        yield* shared.end
      })))

  it.effect("in an uninterruptible region is bounded by acquireTimeout", () =>
    withPool({ maxSize: 1, acquireTimeout: "3 seconds" }, ({ pool }) =>
      Effect.gen(function*() {
        yield* hold(pool)
        const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flip(share(pool).use(idOf))))
        yield* settled
        fiber.unsafeInterruptAsFork(fiber.id())
        expect(yield* isWaiting(fiber)).toBe(true)
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.await(fiber)
        expect((yield* pool.stats).waiting).toBe(0)
      })))
})

describe("while it is kept", () => {
  it.effect("uses one after the other have the same connection, and it goes back at the end", () =>
    withPool({ maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        const one = yield* shared.use((connection) => Effect.succeed(connection))
        const other = yield* shared.use((connection) => Effect.succeed(connection))
        expect(other).toBe(one)
        expect(yield* leased(pool)).toBe(1)
        yield* shared.end
        expect(yield* leased(pool)).toBe(0)
      })))

  it.effect("a use inside a use has the same connection, and waits for none", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        const ids = yield* shared.use((outer) => Effect.map(shared.use(idOf), (inner) => [outer.id, inner]))
        expect(ids).toEqual([0, 0])
        yield* shared.end
      })))

  it.effect("a use that dies or throws leaves the connection to the others", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        expect(Exit.isFailure(yield* Effect.exit(shared.use(() => Effect.die("defect"))))).toBe(true)
        expect(
          Exit.isFailure(
            yield* Effect.exit(shared.use((): Effect.Effect<void> => {
              throw new Error("thrown")
            }))
          )
        ).toBe(true)
        expect(yield* shared.use(idOf)).toBe(0)
        yield* shared.end
        expect(yield* leased(pool)).toBe(0)
      })))
})

describe("when it is used piece by piece", () => {
  it.effect("each use leases, and gives back at its end", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool, "PerUse")
        for (const requests of [1, 2]) {
          expect(yield* shared.use(() => leased(pool))).toBe(1)
          expect(yield* leased(pool)).toBe(0)
          expect((yield* pool.stats).requests).toBe(requests)
        }
      })))

  it.effect("uses at the same time have one connection, which goes back with the last", () =>
    withPool({ maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool, "PerUse")
        const first = yield* longUse(shared)
        const second = yield* longUse(shared)
        expect(yield* leased(pool)).toBe(1)
        yield* first.end
        expect(yield* leased(pool)).toBe(1)
        yield* second.end
        expect(yield* leased(pool)).toBe(0)
      })))
})

describe("at the end", () => {
  it.effect("a use that still runs keeps the connection until it has ended: nobody else has it meanwhile", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        const running = yield* longUse(shared)
        yield* shared.end
        const stranger = yield* Effect.fork(pool.use(idOf))
        expect(yield* isWaiting(stranger)).toBe(true)
        yield* running.end
        expect(yield* Fiber.join(running.fiber)).toBe(0)
        expect(yield* Fiber.join(stranger)).toBe(0)
      })))

  it.effect("who waits still fails typed, and its place is free", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        yield* hold(pool)
        const shared = share(pool)
        const waiting = yield* Effect.fork(shared.use(idOf))
        yield* settled
        yield* shared.end
        expect((yield* failureOf(waiting))._tag).toBe("Ended")
        yield* settled
        expect((yield* pool.stats).waiting).toBe(0)
      })))

  it.effect("a use fails typed, and leases nothing", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        yield* shared.end
        expect((yield* Effect.flip(shared.use(idOf)))._tag).toBe("Ended")
        expect((yield* Effect.flip(Effect.scoped(shared.scoped)))._tag).toBe("Ended")
        expect((yield* pool.stats).requests).toBe(0)
      })))

  it.effect("coming twice, or before anything was used, changes nothing", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        yield* shared.use(idOf)
        yield* shared.end
        yield* shared.perUse
        yield* shared.end
        expect((yield* Effect.flip(shared.use(idOf)))._tag).toBe("Ended")
        expect(yield* pool.use(idOf)).toBe(0)
      })))

  it.effect("what is held until a Scope closes is kept until then", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const shared = share(pool)
        const scope = yield* Scope.make()
        yield* Scope.extend(shared.scoped, scope)
        yield* shared.end
        expect(yield* leased(pool)).toBe(1)
        yield* Scope.close(scope, Exit.void)
        expect(yield* leased(pool)).toBe(0)
      })))
})

describe("work that belongs to no request", () => {
  class Db extends ConnectionPool.Tag("shared/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}
  class RequestDb extends RequestConnection.Tag("shared/RequestDb")<RequestDb>()(Db) {}

  it.effect("has one connection for all its uses, and has given it back at its end", () =>
    withPool({ maxSize: 2 }, ({ pool }) =>
      Effect.gen(function*() {
        const work = Effect.gen(function*() {
          const ids = yield* Effect.all([RequestDb.use(idOf), RequestDb.use(idOf)], { concurrency: "unbounded" })
          const streamed = yield* Stream.runCollect(RequestDb.stream((connection) => Stream.make(connection.id)))
          return [...ids, ...streamed, yield* leased(pool)]
        })
        expect(yield* Effect.provideService(RequestDb.provide(work), Db, pool)).toEqual([0, 0, 0, 1])
        expect(yield* leased(pool)).toBe(0)
      })))

  it.effect("leases nothing while it uses nothing, and what outlives it is told so", () =>
    withPool({ maxSize: 1 }, ({ pool }) =>
      Effect.gen(function*() {
        const db = yield* Effect.provideService(RequestDb.provide(RequestDb), Db, pool)
        expect((yield* pool.stats).requests).toBe(0)
        const failure = yield* Effect.flip(db.use(idOf))
        expect(failure).toEqual(new RequestConnection.RequestEnded({ service: "shared/RequestDb" }))
        expect(failure.message).toContain("use the pool itself")
        expect(Option.isNone(yield* Effect.option(Stream.runCollect(db.stream(() => Stream.make(1)))))).toBe(true)
      })))
})
