import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const keyed: LoopCase = {
  _tag: "Loop",
  name: "keyed",
  title: "A pool for each key",
  about:
    "Fibers over 10 connections in all, but for 10,000 keys, which have one each. Each use yields once. A plain pool beside them: what the key costs.",
  axis: "fibers",
  measure: "wall",
  points: [
    { size: 1, operations: 1000 },
    { size: 100, operations: 2000 }
  ],
  variants: "Keyed",
  controls: [],
  quick: { named: true, sizes: [1, 100], contenders: "all" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
