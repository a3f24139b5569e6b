/** From a key to its connections. A key is made where it is first asked for. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as MutableHashMap from "effect/MutableHashMap"
import { InvalidKey, PoolClosed } from "../../model/errors.js"
import { KeyedPoolEvent } from "../../model/keyed.js"
import { forgotten } from "../acquire.js"
import { perform } from "../perform.js"
import { KeyCore } from "./KeyCore.js"
import type { KeyedCore } from "./KeyedCore.js"

/** What is wrong with a key, if anything is. */
const problemOf = (key: unknown): string | undefined => {
  switch (typeof key) {
    case "string":
    case "bigint":
    case "boolean":
    case "symbol":
      return undefined
    case "number":
      return Number.isNaN(key) ? "is NaN, which equals nothing, not even itself." : undefined
    case "object":
      if (Equal.isEqual(key)) return undefined
      if (key === null) break
      return "is an object that does not implement Equal, so two that look the same are two keys. Make it with Data.struct, Data.tuple or a Schema.Class, or write a text."
  }
  return `is ${
    key === null ? "null" : typeof key === "function" ? "a function" : String(key)
  }. Write a text, a number, or an object that implements Equal, as Data.struct makes it.`
}

/** Makes a key. Where another fiber was faster, that is the one: nobody knows ours, and it is forgotten. */
const add = <K, A, E>(all: KeyedCore<K, A, E>, key: K): Effect.Effect<KeyCore<K, A, E>, InvalidKey | PoolClosed> =>
  Effect.uninterruptible(Effect.suspend((): Effect.Effect<KeyCore<K, A, E>, InvalidKey | PoolClosed> => {
    const pool = all.settings.name
    const problem = problemOf(key)
    if (problem !== undefined) return Effect.fail(new InvalidKey({ pool, problem }))
    const settings = all.settings.ofKey(key)
    if (Either.isLeft(settings)) return Effect.die(settings.left)
    const core = new KeyCore(all, key, all.newId(), settings.right)
    all.byId.set(core.id, core)
    return Effect.flatMap(all.allocator.add(core.id, settings.right.rules, all.time.now()), (decision) => {
      if (decision === undefined) {
        all.byId.delete(core.id)
        return Effect.fail(new PoolClosed({ pool }))
      }
      perform(core, decision)
      const first = all.find(key)
      if (first !== undefined) return Effect.succeed(first)
      MutableHashMap.set(all.known, key, core)
      if (all.events.isObserved) all.events.publish(KeyedPoolEvent.KeyAdded({ at: all.time.now(), key }))
      return Effect.succeed(core)
    })
  }))

/** Goes on with a key. If it is forgotten in between, it is looked up again. */
export const withKey = <K, A, E, B, E2, R>(
  all: KeyedCore<K, A, E>,
  key: K,
  next: (core: KeyCore<K, A, E>) => Effect.Effect<B, E2, R>
): Effect.Effect<B, E2 | InvalidKey | PoolClosed, R> =>
  Effect.suspend(() => {
    const known = all.find(key)
    return Effect.catchIf(
      known === undefined ? Effect.flatMap(add(all, key), next) : next(known),
      (error): error is E2 => (error as unknown) === forgotten,
      () => withKey(all, key, next)
    )
  })
