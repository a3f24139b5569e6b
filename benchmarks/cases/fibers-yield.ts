import * as Effect from "effect/Effect"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

/** By each fiber: as many at each size, so that ten times the fibers are ten times the work. */
const uses = 4

export const yielding: LoopCase = {
  _tag: "Loop",
  name: "fibers-yield",
  title: "Many fibers over 10 connections, each use yields",
  about: "All at once, each some uses in a row. A use is one `Effect.yieldNow()`; in async functions, one `await`.",
  axis: "fibers",
  measure: "wall",
  points: [64, 256, 1000, 10_000].map((size) => ({ size, operations: size * uses })),
  controls: [noPool, noPoolPromises],
  quick: { sizes: [1000], contenders: "judged" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
