import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const stm: LoopCase = {
  _tag: "Loop",
  name: "stm",
  title: "A transaction of one's own",
  about: "One fiber and 10 connections, so that nobody waits. A use is one `Effect.yieldNow()`.",
  axis: "fibers",
  measure: "wall",
  points: [{ size: 1, operations: 500 }],
  variants: "Stm",
  controls: [],
  quick: { named: true, sizes: [1], contenders: "all" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
