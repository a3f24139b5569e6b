import * as Effect from "effect/Effect"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { functions, repeat, settings } from "./loops.js"

const nothing = () => Effect.void

export const uncontended: LoopCase = {
  _tag: "Loop",
  name: "uncontended",
  title: "Uncontended",
  about: "One caller, one use after the other, of a pool of 10 with idle connections. The use does nothing.",
  axis: "callers",
  measure: "wall",
  points: [{ size: 1, operations: 500 }],
  parts: true,
  processes: 3,
  controls: [noPool, noPoolPromises],
  quick: { sizes: [1], contenders: "judged" },
  settings: () => settings(10),
  effect: (use, { operations }) => repeat(operations, () => use(nothing)),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
