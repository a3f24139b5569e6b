import * as Effect from "effect/Effect"
import { bareFibers, barePromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { settings } from "./loops.js"
import { holders, promiseQueue, queue, served } from "./queue.js"

export const waiters: LoopCase = {
  _tag: "Loop",
  name: "waiters",
  title: "Waiters queued at once, then served",
  about: "All 10 connections are held while so many ask. Then they are given back, and everybody has a turn.",
  axis: "waiters",
  measure: "wall",
  points: [1000, 10_000, 100_000].map((size) => ({ size, operations: size })),
  controls: [bareFibers, barePromises],
  quick: { sizes: [1000, 10_000], contenders: "Cenote" },
  settings: () => settings(holders),
  effect: (use, { size }) =>
    Effect.gen(function*() {
      const waiting = yield* queue(use, size)
      yield* waiting.open
      yield* served(waiting)
    }),
  promise: async (pool, { size }) => {
    const { open, waiters } = await promiseQueue(pool, size)
    open()
    await Promise.all(waiters)
  }
}
