import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

/** By each fiber. */
const uses = 20

export const options: LoopCase = {
  _tag: "Loop",
  name: "options",
  title: "What is off by default, on",
  about:
    "Fibers over 10 connections, each some uses in a row. A use is one `Effect.yieldNow()`. One fiber never waits; of 64 most do. " +
    "Nothing goes wrong: no load is shed, no lease is reported.",
  axis: "fibers",
  measure: "wall",
  points: [1, 64].map((size) => ({ size, operations: size === 1 ? 500 : size * uses })),
  variants: "Option",
  controls: [],
  quick: { sizes: [64], contenders: "all" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.yieldNow()),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
