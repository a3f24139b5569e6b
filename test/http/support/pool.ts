/** A pool on a fake server, the requests' connection, and what it is to be at rest. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import * as RequestConnection from "@cenote/core/RequestConnection"
import { FakeConnector } from "@cenote/core/testing"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

export class Db extends ConnectionPool.Tag("test/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}

export class RequestDb extends RequestConnection.Tag("test/RequestDb")<RequestDb>()(Db) {}

export interface Subject {
  readonly fake: FakeConnector.FakeConnector
  readonly pool: ConnectionPool.ConnectionPool<FakeConnector.FakeConnection, FakeConnector.FakeError>
  readonly leased: Effect.Effect<number>
  /** Closes the pool now, and not only with the test's Scope. */
  readonly close: Effect.Effect<void>
}

export const makeSubject = (tuning: PoolOptions.Tuning = {}) =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const pool = yield* Scope.extend(ConnectionPool.make({ ...tuning, connector: fake.connector }), scope)
    const subject: Subject = {
      fake,
      pool,
      leased: Effect.map(pool.stats, ({ leased }) => leased),
      close: Scope.close(scope, Exit.void)
    }
    return subject
  })

/** Everything else that is ready runs first. */
const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const BOUND = 10_000

/** Asks again and again until the answer is yes, for so long at most, and says what it was last otherwise. */
export const eventually = <A>(ask: Effect.Effect<A>, isSo: (answer: A) => boolean, what: string): Effect.Effect<A> =>
  Effect.gen(function*() {
    const since = performance.now()
    for (;;) {
      const answer = yield* ask
      if (isSo(answer)) return answer
      if (performance.now() - since > BOUND) {
        return yield* Effect.dieMessage(`not within ${BOUND} ms: ${what}. Last seen: ${JSON.stringify(answer)}`)
      }
      yield* turn
    }
  })

/** Holds `times` turns of the event loop long: something that must not happen has had the chance to. */
export const stays = <A>(ask: Effect.Effect<A>, expected: A, times = 20): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let i = 0; i < times; i++) {
      expect(yield* ask).toEqual(expected)
      yield* turn
    }
  })

export const leasedIs = (subject: Subject, expected: number) =>
  eventually(subject.leased, (leased) => leased === expected, `${expected} leased`)

/** Nobody holds or waits, and every connection that was opened is idle or closed. */
export const atRest = ({ fake, pool }: Subject): Effect.Effect<void> =>
  Effect.gen(function*() {
    const seen = Effect.map(Effect.zip(pool.stats, fake.counts), ([stats, counts]) => ({
      leased: stats.leased,
      waiting: stats.waiting,
      busy: stats.opening + stats.checking + stats.resetting + stats.closing,
      lost: stats.opened - stats.idle - stats.closed,
      alive: counts.alive - stats.idle
    }))
    const nothing = { leased: 0, waiting: 0, busy: 0, lost: 0, alive: 0 }
    yield* eventually(seen, (seen) => Object.values(seen).every((count) => count === 0), "the pool is at rest")
    expect(yield* seen).toEqual(nothing)
  })
