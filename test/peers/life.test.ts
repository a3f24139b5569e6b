/** P6 to P10: how connections live. Each scenario is also run on Effect's own Pool, where it shows the defect. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { PoolClosed } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as KeyedPool from "effect/KeyedPool"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { Make } from "./support.js"
import { cenote, effects, hasEnded, scenario, settled } from "./support.js"

describe("P6: a connection that was invalidated while it is in use is not counted", () => {
  const openAtOnce = (make: Make) =>
    scenario(make, { min: 2, max: 2 }, ({ get, invalidate }, fake) =>
      Effect.gen(function*() {
        yield* settled
        const first = yield* get
        yield* invalidate(first)
        yield* get
        yield* settled
        return (yield* fake.counts).mostAlive
      }))

  it.effect("a pool of two never has three open", () => Effect.map(openAtOnce(cenote), (open) => expect(open).toBe(2)))

  it.effect("on Effect's pool three are open at once", () =>
    Effect.map(openAtOnce(effects), (open) => expect(open).toBe(3)))
})

describe("P7: closing waits without a bound, and asking afterwards is an interruption", () => {
  const closing = (make: Make) =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const scope = yield* Scope.make()
      const { get } = yield* Scope.extend(make(fake, { min: 0, max: 1 }), scope)
      const leases = yield* Scope.make()
      yield* Scope.extend(get, leases)
      const closing = yield* Effect.forkDaemon(Scope.close(scope, Exit.void))
      yield* settled
      const asked = yield* Effect.forkDaemon(Effect.exit(Effect.scoped(get)))
      yield* TestClock.adjust("1 hour")
      const ended = yield* hasEnded(closing)
      yield* Scope.close(leases, Exit.void)
      return { ended, failure: yield* Effect.flatten(asked.await) }
    })

  it.effect("it ends by its deadline, and asking fails with PoolClosed", () =>
    Effect.map(closing(cenote), ({ ended, failure }) => {
      expect(ended).toBe(true)
      expect(Exit.isFailure(failure) && Cause.squash(failure.cause)).toBeInstanceOf(PoolClosed)
    }))

  it.effect("on Effect's pool it still waits after an hour, and the caller is interrupted", () =>
    Effect.map(closing(effects), ({ ended, failure }) => {
      expect(ended).toBe(false)
      expect(Exit.isInterrupted(failure)).toBe(true)
    }))
})

describe("P8: connections are used in turn, so none ever goes idle", () => {
  const used = (make: Make) =>
    scenario(make, { min: 3, max: 3 }, ({ get }) =>
      Effect.gen(function*() {
        yield* settled
        const ids = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => Effect.map(Effect.scoped(get), ({ id }) => id))
        return new Set(ids).size
      }))

  it.effect("one caller after the other uses the same connection", () =>
    Effect.map(used(cenote), (connections) => expect(connections).toBe(1)))

  it.effect("on Effect's pool they use all three", () =>
    Effect.map(used(effects), (connections) => expect(connections).toBe(3)))
})

describe("P9: a connection is opened with the surroundings of whoever happens to need it", () => {
  const seen = (make: Make) =>
    Effect.gen(function*() {
      const request = yield* FiberRef.make("the pool")
      const saw: Array<string> = []
      const fake = yield* FakeConnector.make()
      const { connector } = fake
      const open = Effect.zipRight(
        Effect.map(FiberRef.get(request), (value) => saw.push(value)),
        connector.open
      )
      const { get } = yield* make({ ...fake, connector: { ...connector, open } }, { min: 0, max: 1 })
      yield* settled
      yield* Effect.locally(Effect.scoped(get), request, "a request")
      return saw
    }).pipe(Effect.scoped)

  it.effect("it is opened with those of the pool", () =>
    Effect.map(
      seen((fake, { max }) =>
        Effect.map(
          ConnectionPool.make({ connector: fake.connector.open, maxSize: max }),
          ({ get, invalidate }) => ({ get, invalidate })
        )
      ),
      (saw) => expect(saw).toEqual(["the pool"])
    ))

  it.effect("on Effect's pool it sees the request's", () =>
    Effect.map(seen(effects), (saw) => expect(saw).toEqual(["a request"])))
})

describe("P10: getting and invalidating again and again opens more than the maximum", () => {
  const open = (
    get: Effect.Effect<FakeConnector.FakeConnection, unknown, Scope.Scope>,
    invalidate: (connection: FakeConnector.FakeConnection) => Effect.Effect<void>,
    fake: FakeConnector.FakeConnector
  ) =>
    Effect.gen(function*() {
      yield* Effect.repeatN(Effect.scoped(Effect.flatMap(get, invalidate)), 4)
      yield* settled
      return (yield* fake.counts).alive
    })

  it.effect("each connection is closed when it comes back", () =>
    Effect.map(
      scenario(cenote, { min: 0, max: 2 }, ({ get, invalidate }, fake) => open(get, invalidate, fake)),
      (alive) => expect(alive).toBe(0)
    ))

  it.effect("on Effect's keyed pool, with a maximum of two, five are open", () =>
    Effect.gen(function*() {
      const fake = yield* FakeConnector.make()
      const pool = yield* KeyedPool.makeWithTTL({
        acquire: (_: string) => fake.connector.open,
        min: () => 0,
        max: () => 2,
        timeToLive: "10 minutes"
      })
      const alive = yield* open(KeyedPool.get(pool, "a"), (connection) => KeyedPool.invalidate(pool, connection), fake)
      expect(alive).toBe(5)
    }).pipe(Effect.scoped))
})
