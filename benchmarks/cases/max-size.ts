import * as Effect from "effect/Effect"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { Case } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const maxSize: Case = {
  name: "max-size",
  title: "Larger pools",
  about: "As many fibers as connections, so that nobody waits. Each use yields.",
  axis: "maxSize",
  measure: "wall",
  points: [
    { size: 10, operations: 1000 },
    { size: 100, operations: 1000 },
    { size: 1000, operations: 3000 },
    { size: 10_000, operations: 20_000 }
  ],
  controls: [noPool, noPoolPromises],
  quick: undefined,
  settings: ({ size }) => settings(size),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
