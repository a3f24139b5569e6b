/** A pool of promises: as it is used from async functions, and as one would use it from Effect. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Abilities, Contender, PromisePool, Settings, Use } from "../model.js"

export interface Library {
  readonly name: string
  readonly make: (settings: Settings) => PromisePool
}

const abilities: Abilities = {
  cancel: "cannot be interrupted while it waits",
  expire: true,
  retire: true
}

const fromEffect = (pool: PromisePool): Use => (body) =>
  Effect.acquireUseRelease(
    Effect.tryPromise(() => pool.acquire()),
    body,
    (connection) =>
      Effect.suspend(() => {
        const released = pool.release(connection)
        return released === undefined ? Effect.void : Effect.promise(() => released)
      })
  )

export const library = ({ make, name }: Library): ReadonlyArray<Contender> => {
  const open = (settings: Settings): Effect.Effect<PromisePool, never, Scope.Scope> => Effect.sync(() => make(settings))
  return [
    { _tag: "Promise", name, role: "Pool", can: { ...abilities, cancel: "has no way to stop waiting" }, make: open },
    {
      _tag: "Effect",
      name: `${name}, from Effect`,
      role: "Pool",
      can: abilities,
      make: (settings) => Effect.map(open(settings), fromEffect)
    }
  ]
}
