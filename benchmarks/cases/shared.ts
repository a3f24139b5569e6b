import * as Effect from "effect/Effect"
import type { LoopCase } from "../model.js"
import { fibers, functions, settings } from "./loops.js"

export const shared: LoopCase = {
  _tag: "Loop",
  name: "shared",
  title: "Leases that share a connection",
  about:
    "Fibers over 10 connections. One fiber that yields never waits. Of the others each use waits for a timer of 1 ms, so that ten " +
    "connections, or ten times as many leases as may be on one, bound them.",
  axis: "fibers",
  measure: "wall",
  points: [
    { size: 1, operations: 500 },
    { size: 64, operations: 1280 },
    { size: 1000, operations: 4000 }
  ],
  variants: "Shared",
  controls: [],
  quick: { named: true, sizes: [1, 64, 1000], contenders: "all" },
  settings: () => settings(10),
  effect: (use, point) => fibers(use, point, () => point.size === 1 ? Effect.yieldNow() : Effect.sleep(1)),
  promise: (pool, point) => functions(pool, point, () => Promise.resolve())
}
