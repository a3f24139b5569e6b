import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const together: LoopCase = {
  _tag: "Loop",
  name: "all",
  title: "Two pools at once",
  about:
    "Fibers over two pools of 10 connections, each use with a connection of both. A use is one `Effect.yieldNow()`. One fiber never waits; of 100 most do.",
  axis: "fibers",
  measure: "wall",
  points: [{ size: 1, operations: 500 }, { size: 100, operations: 1000 }],
  variants: "Together",
  controls: [],
  quick: { named: true, sizes: [1, 100], contenders: "all" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
