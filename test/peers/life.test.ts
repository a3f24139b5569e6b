/** P6 to P10: how connections live. Each scenario is also run on Effect's own Pool, where it shows the defect. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { PoolClosed } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as KeyedPool from "effect/KeyedPool"
import * as Option from "effect/Option"
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

  /** Which connections are open after a quarter of an hour in which only the first was in use. */
  const left = (make: Make) =>
    scenario(make, { min: 0, max: 3 }, ({ get }, fake) =>
      Effect.gen(function*() {
        const hot = yield* Scope.make()
        const burst = yield* Scope.make()
        yield* Scope.extend(get, hot)
        yield* Scope.extend(Effect.zipRight(get, get), burst)
        yield* Scope.close(burst, Exit.void)
        yield* TestClock.adjust("15 minutes")
        yield* Scope.close(hot, Exit.void)
        yield* settled
        const log = yield* fake.log
        const ended = log.filter(({ event }) => event === "closed").map(({ connection }) => connection)
        return log.filter(({ event }) => event === "opened").map(({ connection }) => connection).filter((id) =>
          !ended.includes(id)
        )
      }))

  it.effect("the connection that was in use is the one that is kept", () =>
    Effect.map(left(cenote), (ids) => expect(ids).toEqual([0])))

  it.effect("on Effect's pool it is closed for being the oldest, and an idle one is kept", () =>
    Effect.map(left(effects), (ids) => expect(ids).toEqual([2])))
})

class Request extends Context.Tag("test/Request")<Request, string>() {}

describe("P9: a connection is opened with the surroundings of whoever happens to need it", () => {
  /** The FiberRef, the service and the span that an opening sees. */
  const seen = (make: Make) =>
    Effect.gen(function*() {
      const request = yield* FiberRef.make("the pool's")
      const saw: Array<string> = []
      const fake = yield* FakeConnector.make()
      const { connector } = fake
      const open = Effect.gen(function*() {
        const service = yield* Effect.serviceOption(Request)
        const span = yield* Effect.option(Effect.currentSpan)
        saw.push(
          yield* FiberRef.get(request),
          Option.getOrElse(service, () => "no service"),
          Option.match(span, { onNone: () => "no span", onSome: ({ name }) => name })
        )
        return yield* connector.open
      })
      const { get } = yield* make({ ...fake, connector: { ...connector, open } }, { min: 0, max: 1 })
      yield* settled
      yield* Effect.scoped(get).pipe(
        Effect.provideService(Request, "a request's service"),
        Effect.withSpan("a request's span"),
        Effect.locally(request, "a request's")
      )
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
      (saw) => expect(saw).toEqual(["the pool's", "no service", "no span"])
    ))

  it.effect("on Effect's pool it sees the request's", () =>
    Effect.map(seen(effects), (saw) => {
      expect(saw).toEqual(["a request's", "a request's service", "a request's span"])
    }))
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
