/** Cenote: this build, or that of another commit. */
import * as Built from "@cenote/core/ConnectionPool"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EffectContender, Settings } from "../model.js"
import { canAll, Connection } from "../model.js"

type Module = Pick<typeof Built, "make">

const open = (module: Module, { acquireTimeout, maxSize, usedOnce }: Settings) =>
  module.make({
    connector: Effect.sync(() => new Connection()),
    maxSize,
    acquireTimeout,
    maxUses: usedOnce ? 1 : undefined
  })

export const cenote = (module: Module, name: string): ReadonlyArray<EffectContender> => [
  {
    _tag: "Effect",
    name: `${name} \`use\``,
    role: "Pool",
    can: canAll,
    make: (settings) => Effect.map(open(module, settings), (pool) => (body) => pool.use(body))
  },
  {
    _tag: "Effect",
    name: `${name} \`scoped(get)\``,
    role: "Pool",
    can: canAll,
    make: (settings) =>
      Effect.map(open(module, settings), (pool) => (body) => Effect.scoped(Effect.flatMap(pool.get, body)))
  }
]

/** A pool whose events had a subscriber, who is gone. */
const unobserved: EffectContender = {
  _tag: "Effect",
  name: "Cenote `use`, events no longer observed",
  role: "Part",
  can: canAll,
  make: (settings) =>
    Effect.gen(function*() {
      const pool = yield* open(Built, settings)
      yield* Effect.raceFirst(Stream.runDrain(pool.events), Effect.sleep("10 millis"))
      return (body) => pool.use(body)
    })
}

/** The names, for whoever does not run them. */
export const ours = (name: string): ReadonlyArray<EffectContender> => cenote(Built, name)

export const contenders = [...cenote(Built, "Cenote"), unobserved]
