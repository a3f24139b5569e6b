import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { bareFibers } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { settings } from "./loops.js"
import { holders, queue } from "./queue.js"

export const cancelled: LoopCase = {
  _tag: "Loop",
  name: "waiters-cancelled",
  title: "Waiters queued at once, then cancelled",
  about: "As above, but the waiters are interrupted while the connections are held.",
  axis: "waiters",
  measure: "wall",
  needs: "cancel",
  controls: [bareFibers],
  points: [1000, 10_000].map((size) => ({ size, operations: size })),
  quick: { sizes: [1000, 10_000], contenders: "Cenote" },
  settings: () => settings(holders),
  effect: (use, { size }) =>
    Effect.gen(function*() {
      const waiting = yield* queue(use, size)
      yield* Fiber.interruptAll(waiting.waiters)
      yield* waiting.open
    }),
  promise: () => Promise.reject(new Error("Bug in the benchmarks: no library can do this"))
}
