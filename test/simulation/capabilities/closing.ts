/**
 * The pool is closed at any moment, several times, and while it is made; its maker is interrupted.
 *
 * Promises: newcomers and waiters are refused at once; closing ends by its deadline (invariant 8), which nobody puts off; nothing is
 * handed out after.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"

const brokenEnds = ({ history }: Finished): ReadonlyArray<string> =>
  history.flatMap(({ decision, state: { phase, queue } }, index) => {
    if (phase._tag !== "Closing" && phase._tag !== "Closed") return []
    const before = history[index - 1]?.state.phase
    const isPutOff = before?._tag === "Closing" && phase._tag === "Closing" && phase.deadline > before.deadline
    return [
      ...isPutOff ? ["a close was put off by another"] : [],
      ...WaitQueue.size(queue) > 0 ? ["somebody waits for a pool that closes"] : [],
      ...decision._tag === "Reuse" || decision._tag === "Wait" ? ["a pool that closes took a caller"] : []
    ]
  })

interface Closing {
  readonly at: number
  /** Of a close that is asked of the pool, in milliseconds; -1: its Scope ends. */
  readonly deadline: number
}

export const closings = capability<Closing>({
  name: "closing",
  count: (profile, numbers) => profile === "closing" ? 1 + numbers.below(3) : numbers.chance(0.25) ? 1 : 0,
  draw: (numbers) => ({ at: numbers.below(90), deadline: numbers.chance(0.5) ? numbers.below(90) : -1 }),
  run: ({ close, pool, tell }, { at, deadline }) => {
    const closing = deadline < 0 ? close : Effect.orDie(pool.close({ deadline }))
    return Effect.delay(Effect.zipRight(Effect.sync(() => tell("the pool is closed")), closing), at)
  },
  check: brokenEnds
})

interface Giving {
  readonly at: number
}

/** Whoever makes the pool is interrupted before it is made. */
export const interruptedMaking = capability<Giving>({
  name: "interrupted making",
  count: (profile, numbers) => numbers.chance(profile === "closing" ? 0.2 : 0.05) ? 1 : 0,
  draw: (numbers) => ({ at: numbers.below(15) }),
  making: (_, { at }, making) => Effect.asVoid(Effect.delay(Fiber.interrupt(making), at))
})
