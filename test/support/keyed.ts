/** A keyed pool on a fake server, whose allocator records its history, so that every test can ask whether a promise was broken. */
import type * as KeyedPool from "@cenote/core/KeyedPool"
import type { InvalidOptions } from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as List from "effect/List"
import * as Scope from "effect/Scope"
import * as TRef from "effect/TRef"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import { brokenByKeys } from "../../packages/core/src/allocator/keys/invariants.js"
import type { KeysEntry } from "../../packages/core/src/allocator/keys/KeysAllocator.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { make } from "../../packages/core/src/request/keys/make.js"
import { fromCore } from "../../packages/core/src/request/keys/pool.js"
import type { Fake } from "./pool.js"

export type FakeKeyed = KeyedPool.KeyedPool<string, FakeConnector.FakeConnection, FakeConnector.FakeError>

export type KeyedTuning = Omit<KeyedPool.KeyedOptions<string, any, any, any>, "connector">

export interface RecordedKeyed {
  /** The server of every key, but for those whose name begins with "other". */
  readonly fake: Fake
  readonly other: Fake
  readonly pool: FakeKeyed
  /** Closes the pool now, and not only after the test. */
  readonly close: Effect.Effect<void>
  /** For which keys the connector was asked for. */
  readonly asked: ReadonlyArray<string>
  /** Every promise that was broken so far: none, or the tests fail. */
  readonly broken: Effect.Effect<ReadonlyArray<string>>
}

/** What is wrong with the states of a history, of all keys and of each. */
export const brokenInKeys = (history: ReadonlyArray<KeysEntry>): ReadonlyArray<string> =>
  history.flatMap(({ now, state }) => [
    ...brokenByKeys(state, now),
    ...OrderedMap.values(state.all).flatMap((key) =>
      brokenBy(key.state, now).map((problem) => `key ${key.id}: ${problem}`)
    )
  ])

/** Makes it; closed with the Scope. */
export const recordedKeyed = (
  tuning: KeyedTuning = {},
  fakeOptions: FakeConnector.FakeOptions = {}
): Effect.Effect<RecordedKeyed, InvalidOptions, Scope.Scope> =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make(fakeOptions)
    const other = yield* FakeConnector.make(fakeOptions)
    const asked: Array<string> = []
    const connector = (key: string) => {
      asked.push(key)
      return key.startsWith("other") ? other.connector : fake.connector
    }
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const ref = yield* TRef.make(List.empty<KeysEntry>())
    const core = yield* Scope.extend(make({ ...tuning, connector }, ref), scope)
    const broken = Effect.map(TRef.get(ref), (entries) => brokenInKeys(List.toArray(List.reverse(entries))))
    return { fake, other, pool: fromCore(core), close: Scope.close(scope, Exit.void), asked, broken }
  })

/** Runs a test with such a pool, closes the pool, and then asserts that no promise was broken, and that everything was closed. */
export const withKeyed = <A, E, R>(
  tuning: KeyedTuning,
  test: (recorded: RecordedKeyed) => Effect.Effect<A, E, R>,
  fakeOptions: FakeConnector.FakeOptions = {}
): Effect.Effect<A, E | InvalidOptions, Exclude<R, Scope.Scope>> =>
  Effect.gen(function*() {
    const { result, subject } = yield* Effect.scoped(
      Effect.flatMap(recordedKeyed(tuning, fakeOptions), (subject) =>
        Effect.map(test(subject), (result) => ({ result, subject })))
    )
    const problems = [...yield* subject.broken]
    for (const fake of [subject.fake, subject.other]) {
      const { closing, opened } = yield* fake.counts
      if (closing !== opened) {
        problems.push(`the server opened ${opened} connections, and ${closing} were closed`)
      }
    }
    if (problems.length > 0) {
      return yield* Effect.dieMessage(problems.join("\n"))
    }
    return result
  })
