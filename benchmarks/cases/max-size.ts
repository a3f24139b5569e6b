import * as Effect from "effect/Effect"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

/** By each fiber: as many at each size, so that ten times the fibers are ten times the work. */
const uses = 4

export const maxSize: LoopCase = {
  _tag: "Loop",
  name: "max-size",
  title: "Larger pools",
  about: "As many fibers as connections, so that nobody waits. Each use yields.",
  axis: "maxSize",
  measure: "wall",
  points: [10, 100, 1000, 10_000].map((size) => ({ size, operations: size * uses })),
  controls: [noPool, noPoolPromises],
  quick: undefined,
  settings: ({ size }) => settings(size),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
