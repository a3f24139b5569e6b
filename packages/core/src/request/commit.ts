/** How the pool itself commits: an input, and then what was decided on it. */
import * as Effect from "effect/Effect"
import type { Act, Input, Refuse } from "../allocator/decision.js"
import type { Core, Timeless } from "./core.js"
import { perform } from "./perform.js"

type AnyCore = Core<any, any>

/** What a decision is to come before: where time has jumped, what is idle is suspected first. Must be run uninterruptibly. */
export const afterJump = <A, E, R>(core: AnyCore, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  if (!core.time.hasJumped) return effect
  core.time.hasJumped = false
  return Effect.zipRight(core.afterJump, effect)
}

/** Commits an input and acts on the decision, as one uninterruptible step. */
export const commit = (core: AnyCore, input: Timeless): Effect.Effect<Act | Refuse> =>
  Effect.uninterruptible(Effect.suspend(() => {
    const now = core.time.now()
    return afterJump(
      core,
      Effect.tap(
        core.allocator.decide({ ...input, now } as Exclude<Input, { _tag: "Take" | "Claim" }>),
        (decision) => Effect.sync(() => perform(core, decision))
      )
    )
  }))
