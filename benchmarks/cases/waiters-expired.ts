import * as Effect from "effect/Effect"
import { bareFibers, barePromises } from "../contenders/controls.js"
import type { LoopCase } from "../model.js"
import { settings } from "./loops.js"
import { ended, holders, promiseQueue, queue } from "./queue.js"

export const expired: LoopCase = {
  _tag: "Loop",
  name: "waiters-expired",
  title: "Waiters queued at once, then expired",
  about:
    "As above, but the connections are held until every waiter has waited for its 100 ms. What is shown is processor " +
    "time: the rest is waiting. Effect's own have no deadline, and are used with `Effect.timeout`.",
  axis: "waiters",
  measure: "cpu",
  needs: "expire",
  points: [1000, 10_000].map((size) => ({ size, operations: size })),
  controls: [bareFibers, barePromises],
  quick: { sizes: [1000, 10_000], contenders: "Cenote" },
  settings: () => ({ ...settings(holders), acquireTimeout: 100 }),
  effect: (use, { size }) =>
    Effect.gen(function*() {
      const waiting = yield* queue(use, size)
      yield* ended(waiting)
      yield* waiting.open
    }),
  promise: async (pool, { size }) => {
    const { open, waiters } = await promiseQueue(pool, size)
    await Promise.allSettled(waiters)
    open()
  }
}
