/**
 * Callers that share connections, where the options say that they may, and some that want one for themselves.
 *
 * Promises: no connection has more holders than `concurrency`, and nobody else while one has it exclusively (`callers.ts`); who comes
 * while nobody waits goes to the least loaded connection; one that was left to be reset is reset before anybody else gets it; who waits for an empty one is passed at most 20 × `concurrency` times (invariant 17).
 */
import * as Effect from "effect/Effect"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { begun, stepsOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"
import { holding, tellingOutcome } from "./callers.js"

interface Share {
  readonly at: number
  readonly size: number
  /** How long after the one before each comes, in milliseconds. */
  readonly apart: number
  readonly hold: number
  readonly times: number
  /** Every which one wants a connection for itself; 0: none. */
  readonly exclusive: number
  /** How long the first of them holds, in milliseconds. */
  readonly firstHolds: number
}

/** A Take that was served at once, by a connection that others are on: none that it could have had was less loaded. */
const brokenChoice = (step: Step): ReadonlyArray<string> => {
  const { before, decision, input, state } = step
  if (input._tag !== "Take" || decision._tag !== "Reuse" || WaitQueue.size(before.queue) > 0) return []
  return begun(step).flatMap(({ connection: { id } }) => {
    const taken = OrderedMap.get(before.shared, id)
    if (taken === undefined) return []
    const better = OrderedMap.values(state.shared).find((
      { condemned, connection, holders, isExclusive, needsReset, uses }
    ) =>
      connection.id !== id && holders < taken.holders && !isExclusive && !needsReset && condemned === undefined &&
      input.now < connection.expiresAt && uses < state.rules.maxUses
    )
    return better === undefined
      ? []
      : [
        `a caller went to connection ${id}, which ${taken.holders} had, and ${better.holders} had ${better.connection.id}`
      ]
  })
}

/** While somebody waits for an empty connection, who comes later is not put on the one that is to be empty first. */
const brokenHold = (step: Step): ReadonlyArray<string> => {
  const { input: { now }, state } = step
  const first = WaitQueue.first(state.queue)
  const waiter = first === undefined ? undefined : WaitQueue.get(state.queue, first)!
  if (first === undefined || waiter === undefined || waiter.manner.mayShare) return []
  return begun(step).flatMap(({ connection: { id }, number, ticket }) => {
    const joined = OrderedMap.get(state.shared, id)
    const isLater = ticket.priority === waiter.priority ? number > first : ticket.turn > waiter.turn
    if (joined === undefined || joined.holders === 1 || !isLater) return []
    const isHeld = OrderedMap.values(state.shared).some(({ connection, holders }) =>
      connection.id !== id && holders < joined.holders && now < connection.expiresAt
    )
    return isHeld ? [] : [`a caller was put on connection ${id}, for which ticket ${first} waits`]
  })
}

/** What somebody has left to be reset is reset before anybody else gets it. */
const brokenResets = (steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  const left = new Set<number>()
  return steps.flatMap((step) => {
    const { before, input } = step
    if (input._tag === "ResetDone") left.delete(input.id)
    const lease = input._tag === "Leave" ? OrderedMap.get(before.leased, input.number) : undefined
    if (input._tag === "Leave" && input.verdict._tag === "Reset" && lease !== undefined) left.add(lease.connection.id)
    return begun(step).flatMap(({ connection: { id } }) =>
      left.has(id) ? [`connection ${id} was handed out that was to be reset`] : []
    )
  })
}

export const shares = capability<Share>({
  name: "share",
  count: (profile, numbers) => numbers.chance(profile === "shared" ? 1 : 0.3) ? 1 + numbers.below(2) : 0,
  draw: (numbers, profile) => {
    // So many, and so short, that one who waits is passed by more than may pass it.
    const isRush = numbers.chance(profile === "shared" ? 0.2 : 0.02)
    return {
      at: numbers.below(50),
      size: isRush ? 100 : 2 + numbers.below(8),
      apart: numbers.below(isRush ? 2 : 4),
      hold: numbers.below(isRush ? 3 : 15),
      times: 1 + numbers.below(2),
      exclusive: numbers.pick(isRush ? [5, 60] : [0, 2, 3, 5]),
      firstHolds: numbers.pick([1, 1, 120])
    }
  },
  run: (stage, { apart, at, exclusive, firstHolds, hold, size, times }) =>
    Effect.forEach(
      Array.from({ length: size }, (_, index) => index),
      (index) => {
        const isExclusive = exclusive > 0 && index % exclusive === exclusive - 1
        const holds = index === 0 ? firstHolds : hold
        const call = stage.pool.use(
          (connection) => holding(stage, connection, Effect.sleep(holds), isExclusive),
          { exclusive: isExclusive }
        )
        const name = `one of those that share at ${at}${isExclusive ? ", alone," : ""}`
        const one = tellingOutcome(stage, name, stage.settings.acquireTimeout + holds, call)
        return Effect.delay(Effect.repeatN(one, times - 1), at + index * apart)
      },
      { concurrency: "unbounded", discard: true }
    ),
  check: ({ history, settings: { rules } }: Finished) => {
    const steps = stepsOf(initial(rules), history)
    return [...steps.flatMap(brokenChoice), ...steps.flatMap(brokenHold), ...brokenResets(steps)]
  }
})
