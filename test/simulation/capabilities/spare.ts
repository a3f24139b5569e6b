/**
 * Idle connections that are kept for a burst: callers come all at once, and later again.
 *
 * Promises (and invariant 15): what is idle is not closed for having been idle where that leaves fewer than `minIdle`, nor fewer live
 * than `minSize`.
 */
import * as Effect from "effect/Effect"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { stepsOf, workOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial, liveCount } from "../../../packages/core/src/allocator/state.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"
import { holding, tellingOutcome } from "./callers.js"

interface Burst {
  readonly at: number
  readonly size: number
  readonly hold: number
  /** How long after it the same come again, in milliseconds. */
  readonly again: number
}

const pruned = (step: Step): ReadonlyArray<string> => {
  const { before } = step
  const count = workOf(step).filter((work) => work._tag === "Close" && work.reason === "IdleTimeout").length
  const others = workOf(step).filter((work) => work._tag === "Close" && work.reason !== "IdleTimeout").length
  const { minIdle, minSize } = before.rules
  // In others, some come to be idle at the same time.
  if (count === 0 || others > 0 || step.input._tag !== "Tick") return []
  const idle = before.idle.places.size - count
  const live = liveCount(before) - count
  return [
    ...idle < minIdle ? [`${idle} are left idle, of at least ${minIdle}`] : [],
    ...live < minSize ? [`${live} are left live, of at least ${minSize}`] : []
  ]
}

export const bursts = capability<Burst>({
  name: "burst",
  count: (_, numbers) => numbers.chance(0.2) ? 1 : 0,
  draw: (numbers) => ({
    at: numbers.below(40),
    size: 1 + numbers.below(4),
    hold: numbers.below(10),
    again: 20 + numbers.below(60)
  }),
  run: (stage, { again, at, hold, size }) => {
    const call = stage.pool.use((connection) => holding(stage, connection, Effect.sleep(hold)))
    const all = Effect.forEach(
      Array.from({ length: size }),
      () => tellingOutcome(stage, `one of a burst at ${at}`, stage.settings.acquireTimeout + hold, call),
      { concurrency: "unbounded", discard: true }
    )
    return Effect.zipRight(Effect.delay(all, at), Effect.delay(all, again))
  },
  check: ({ history, settings: { rules } }: Finished) => stepsOf(initial(rules), history).flatMap(pruned)
})
