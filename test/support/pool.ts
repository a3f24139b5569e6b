/** A pool on a fake server whose allocator records its history, so that every test can ask whether a promise was broken. */
import type * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { ConnectTimeout, InvalidOptions } from "@cenote/core/PoolError"
import type * as PoolOptions from "@cenote/core/PoolOptions"
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TRef from "effect/TRef"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { decode } from "../../packages/core/src/model/settings.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"

export type Fake = FakeConnector.FakeConnector
export type FakePool = ConnectionPool.ConnectionPool<FakeConnector.FakeConnection, FakeConnector.FakeError>

export interface Recorded {
  readonly fake: Fake
  readonly pool: FakePool
  /** Closes the pool now, and not only after the test. */
  readonly close: Effect.Effect<void>
  /** Every commit so far, oldest first. */
  readonly history: Effect.Effect<ReadonlyArray<Entry>>
  /** Every promise that was broken so far: none, or the tests fail. */
  readonly broken: Effect.Effect<ReadonlyArray<string>>
}

type MakeError = InvalidOptions | ConnectTimeout | FakeConnector.FakeError

/** Lets every fiber run for as long as it can without time passing. */
export const settled: Effect.Effect<void> = TestClock.adjust(0)

/** Makes it; closed with the Scope. `prepare` tells the server what to do before the pool asks it for anything. */
export const recorded = (
  tuning: PoolOptions.Tuning = {},
  fakeOptions: FakeConnector.FakeOptions = {},
  prepare: (fake: Fake) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<Recorded, MakeError, Scope.Scope> =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make(fakeOptions)
    yield* prepare(fake)
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const options = { ...tuning, connector: fake.connector }
    const settings = yield* decode(options)
    const ref = yield* TRef.make(List.empty<Entry>())
    const core = yield* Scope.extend(make(options, ref), scope)
    const history = Effect.map(TRef.get(ref), (entries) => List.toArray(List.reverse(entries)))
    const broken = Effect.map(history, (entries) => [
      ...entries.flatMap(({ input, state }) => brokenBy(state, input.now)),
      ...brokenIn(initial(settings.rules), entries)
    ])
    return { fake, pool: fromCore(core), close: Scope.close(scope, Exit.void), history, broken }
  })

/**
 * Runs a test with such a pool, closes the pool, and then asserts that no promise was broken: not one of the nine invariants,
 * and every connection that the server opened is closed.
 */
export const withPool = <A, E, R>(
  tuning: PoolOptions.Tuning,
  test: (recorded: Recorded) => Effect.Effect<A, E, R>,
  fakeOptions: FakeConnector.FakeOptions = {},
  prepare?: (fake: Fake) => Effect.Effect<void>
): Effect.Effect<A, E | MakeError, Exclude<R, Scope.Scope>> =>
  Effect.gen(function*() {
    const { result, subject } = yield* Effect.scoped(
      Effect.flatMap(recorded(tuning, fakeOptions, prepare), (subject) =>
        Effect.map(test(subject), (result) => ({ result, subject })))
    )
    const broken = yield* subject.broken
    const counts = yield* subject.fake.counts
    const problems = counts.closing === counts.opened
      ? broken
      : [...broken, `the server opened ${counts.opened} connections, and ${counts.closing} were closed`]
    if (problems.length > 0) {
      return yield* Effect.dieMessage(problems.join("\n"))
    }
    return result
  })
