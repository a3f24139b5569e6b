/**
 * The allocator: one TRef of immutable state, and one transaction for each input.
 *
 * All of the pool's concurrency control is in this folder. A transaction reads no clock, runs no callback and changes
 * nothing but its TRefs, so it can be retried, rolled back, or made part of a larger one, and leaves no trace. It never retries
 * and never fails by itself: what cannot be granted is a decision.
 */
import * as List from "effect/List"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import type { Rules } from "../model/settings.js"
import type { PoolStats } from "../model/stats.js"
import type { Decision, DecisionOf, Input } from "./decision.js"
import { returnRate } from "./measures.js"
import { phaseOf } from "./situation.js"
import type { State } from "./state.js"
import { initial, servedCount, sizes } from "./state.js"
import { transition } from "./transition.js"

/** One commit: what went in, what came out, and the state after it. */
export interface Entry {
  readonly input: Input
  readonly decision: Decision
  readonly state: State
}

/** Where a history is recorded, the newest entry first. */
export type History = TRef.TRef<List.List<Entry>>

export interface Allocator {
  readonly snapshot: STM.STM<State>
  /** Decides on one input. Whoever commits it must act on the decision, and be uninterruptible until it has. */
  readonly decide: <I extends Input>(input: I) => STM.STM<DecisionOf<I>>
}

/**
 * With a history, each transaction also adds its entry to that TRef, the newest first: in order of the commits, and rolled back
 * with them.
 * The tests and the simulation check the invariants on it. Without one it costs nothing.
 */
export const make = (rules: Rules, history?: History): STM.STM<Allocator> =>
  STM.map(TRef.make(initial(rules)), (state) => {
    const decide: Allocator["decide"] = (input) => TRef.modify(state, (before) => transition(before, input))
    const recorded = (history: History): Allocator["decide"] => (input) =>
      STM.tap(
        decide(input),
        (decision) =>
          STM.flatMap(TRef.get(state), (after) =>
            TRef.update(history, List.prepend<Entry>({ input, decision, state: after })))
      )
    return { snapshot: TRef.get(state), decide: history === undefined ? decide : recorded(history) }
  })

/** A snapshot of sizes and totals. */
export const stats = (name: string, state: State, now: number): PoolStats => ({
  name,
  phase: phaseOf(state),
  ...sizes(state),
  minSize: state.rules.minSize,
  minIdle: state.rules.minIdle,
  leases: state.leased.size,
  peakLeased: state.upkeep.peaks.ever,
  peakWaiting: state.upkeep.mostWaiting,
  returnRate: returnRate(state, now),
  requests: state.nextTicket,
  acquired: servedCount(state),
  timedOut: state.upkeep.timedOut,
  refused: state.upkeep.refused,
  shed: state.upkeep.shed,
  gaveUp: state.upkeep.gaveUp,
  opened: state.upkeep.opened,
  openFailures: state.upkeep.openFailures,
  closed: state.upkeep.closed,
  aborted: state.upkeep.aborted,
  failedInARow: state.upkeep.failedInARow,
  lastConnectFailure: state.upkeep.lastConnectFailure
})
