import * as Effect from "effect/Effect"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { Case } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const yielding: Case = {
  name: "fibers-yield",
  title: "Many fibers over 10 connections, each use yields",
  about: "All at once, each some uses in a row. A use is one `Effect.yieldNow()`; in async functions, one `await`.",
  axis: "fibers",
  measure: "wall",
  points: [
    { size: 64, operations: 1280 },
    { size: 256, operations: 1280 },
    { size: 1000, operations: 3000 },
    { size: 10_000, operations: 20_000 }
  ],
  controls: [noPool, noPoolPromises],
  quick: { sizes: [1000], contenders: "judged" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
