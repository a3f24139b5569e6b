/**
 * Callers of whom each asks for another connection while it holds one; some of what they hold is given back by somebody else meanwhile.
 *
 * Promise: no commit leaves all that hold waiting for each other, and whoever is told so was one of them (invariant 11). It is told at
 * once, not at its deadline.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { isDeadlocked } from "../../../packages/core/src/allocator/deadlock.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { stepsOf, workOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial, withUpkeep } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished, Stage } from "../stage.js"
import { capability } from "../stage.js"
import { tellingOutcome } from "./callers.js"

interface Knot {
  readonly at: number
  readonly pause: number
  readonly size: number
  readonly depth: number
  /** When what the first of them holds is given back by another fiber, in milliseconds after it; -1: it is not. */
  readonly freeAfter: number
}

/** Asks, holds, and asks for more, in one fiber. */
const climb = ({ pool }: Stage, scope: Scope.Scope, { depth, pause }: Knot) =>
  Effect.repeatN(Effect.zipRight(Scope.extend(pool.get, scope), Effect.sleep(pause)), depth - 1)

const one = (stage: Stage, knot: Knot, index: number) =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) =>
      Effect.gen(function*() {
        const freed = index === 0 && knot.freeAfter >= 0
          // An interruption in the middle of a close would lose the finalizers that have not run.
          ? yield* Effect.forkDaemon(
            Effect.delay(Effect.uninterruptible(Scope.close(scope, Exit.void)), knot.freeAfter)
          )
          : undefined
        const exit = yield* Effect.exit(climb(stage, scope, knot))
        if (freed !== undefined) yield* Fiber.interrupt(freed)
        yield* exit
      }),
    (scope) => Scope.close(scope, Exit.void)
  )

const brokenKnots = ({ history, settings: { rules } }: Finished): ReadonlyArray<string> =>
  stepsOf(initial(rules), history).flatMap((step) => {
    const { state } = step
    const told = workOf(step).flatMap((work) =>
      work._tag === "Deny" && work.denial._tag === "Deadlock" ? [work.ticket] : []
    )
    const [ticket] = told
    // As it was with the one that was told still waiting.
    const tied = ticket === undefined ? undefined : withUpkeep(state, {
      nested: OrderedMap.set(state.upkeep.nested, Number.MAX_SAFE_INTEGER, ticket)
    })
    return [
      ...isDeadlocked(state) ? ["a deadlock is left"] : [],
      ...told.length > 1 ? [`${told.length} were told of one deadlock`] : [],
      ...tied !== undefined && !isDeadlocked(tied) ? ["somebody was told of a deadlock that was none"] : [],
      ...OrderedMap.keys(state.upkeep.nested).some((number) => WaitQueue.get(state.queue, number) === undefined)
        ? ["who waits no more is remembered as if it did"]
        : []
    ]
  })

export const knots = capability<Knot>({
  name: "knot",
  count: (profile, numbers) => numbers.chance(profile === "crowd" ? 0.4 : 0.15) ? 1 : 0,
  draw: (numbers) => ({
    at: numbers.below(50),
    pause: numbers.below(6),
    size: 1 + numbers.below(3),
    depth: 2 + numbers.below(2),
    freeAfter: numbers.chance(0.3) ? numbers.below(12) : -1
  }),
  run: (stage, knot) =>
    Effect.forEach(
      Array.from({ length: knot.size }, (_, index) => index),
      (index) => {
        const patience = (stage.settings.acquireTimeout + knot.pause) * knot.depth
        return Effect.delay(
          tellingOutcome(stage, `one of a knot at ${knot.at}`, patience, one(stage, knot, index)),
          knot.at + index
        )
      },
      { concurrency: "unbounded", discard: true }
    ),
  check: brokenKnots
})
