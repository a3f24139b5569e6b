/** A pool for each key, under one maximum. */
import * as KeyedPool from "@cenote/core/KeyedPool"
import * as Effect from "effect/Effect"
import type { EffectContender, Settings } from "../model.js"
import { canAll, Connection } from "../model.js"

/** Keys are asked for one after the other. */
const keyed = (what: string, keys: number, maxTotal: (settings: Settings) => number): EffectContender => ({
  _tag: "Effect",
  name: `Cenote \`KeyedPool.use\`, ${what}`,
  role: "Keyed",
  can: canAll,
  make: (settings) =>
    Effect.map(
      KeyedPool.make({
        connector: (_: string) => Effect.sync(() => new Connection()),
        maxPerKey: settings.maxSize,
        maxTotal: maxTotal(settings)
      }),
      (pool) => {
        const names = Array.from({ length: keys }, (_, index) => `tenant-${index}`)
        let asked = 0
        return (body) => Effect.suspend(() => pool.use(names[asked++ % keys]!, body))
      }
    )
})

export const contenders = [
  keyed("one key", 1, ({ maxSize }) => maxSize),
  keyed("10 keys", 10, ({ maxSize }) => maxSize),
  keyed("10,000 keys with a connection each", 10_000, () => 10_000),
  keyed("each ask of another of 100 keys, which opens anew", 100, ({ maxSize }) => maxSize)
]
