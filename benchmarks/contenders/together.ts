/** A connection of each of two pools. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import type { EffectContender, Settings, Use } from "../model.js"
import { canAll, Connection } from "../model.js"

type Pool = ConnectionPool.ConnectionPool<Connection>

const two = (name: string, use: (one: Pool, other: Pool) => Use): EffectContender => ({
  _tag: "Effect",
  name,
  role: "Together",
  can: canAll,
  make: ({ maxSize }: Settings) => {
    const make = ConnectionPool.make({ connector: Effect.sync(() => new Connection()), maxSize })
    return Effect.zipWith(make, make, use)
  }
})

export const contenders = [
  two(
    "Cenote `useAll` of two pools",
    (one, other) => (body) => ConnectionPool.useAll([one, other], ([connection]) => body(connection))
  ),
  // All ask in the same order, so that they do not deadlock.
  two(
    "Cenote `use` of one in that of another",
    (one, other) => (body) => one.use((connection) => other.use(() => body(connection)))
  )
]
