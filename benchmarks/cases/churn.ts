import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { functions, repeat, settings } from "./loops.js"

export const churn: LoopCase = {
  _tag: "Loop",
  name: "churn",
  title: "Open and retire",
  about: "One caller, and each connection is closed after one use. Opening and closing do nothing.",
  axis: "callers",
  measure: "wall",
  needs: "retire",
  points: [{ size: 1, operations: 200 }],
  controls: [],
  quick: { sizes: [1], contenders: "Cenote" },
  settings: () => ({ ...settings(10), usedOnce: true }),
  effect: (use, { operations }) => repeat(operations, () => use(() => Effect.void)),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
