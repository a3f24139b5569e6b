import * as Effect from "effect/Effect"
import { setTimeout } from "node:timers/promises"
import { noPool, noPoolPromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const sleeping: LoopCase = {
  _tag: "Loop",
  name: "fibers-timer",
  title: "Many fibers over 10 connections, each use waits for a timer of 1 ms",
  about:
    "As above, with `Effect.sleep(1)` or a timer's promise. Ten connections bound all alike: 10 uses in 1 ms and what a " +
    "timer is late. Without a pool nothing bounds them.",
  axis: "fibers",
  measure: "wall",
  points: [
    { size: 64, operations: 640 },
    { size: 256, operations: 768 },
    { size: 1000, operations: 2000 },
    { size: 10_000, operations: 10_000 }
  ],
  controls: [noPool, noPoolPromises],
  quick: undefined,
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => Effect.sleep(1)),
  promise: (pool, point) => functions(pool, point, () => setTimeout(1))
}
