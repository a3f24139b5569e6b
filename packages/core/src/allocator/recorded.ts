/** A recorded history, as the promises look at it: step by step, each with the state before it. */
import type { Entry } from "./Allocator.js"
import type { Work } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Leased, State } from "./state.js"

export interface HistoryInvariant {
  readonly number: number
  readonly sentence: string
  /** What is wrong with a history that begins with `initial`. */
  readonly broken: (initial: State, history: ReadonlyArray<Entry>) => string | undefined
}

export interface Step extends Entry {
  readonly before: State
}

export const stepsOf = (initial: State, history: ReadonlyArray<Entry>): ReadonlyArray<Step> =>
  history.map((entry, index) => ({ ...entry, before: index === 0 ? initial : history[index - 1]!.state }))

export const firstProblem = <A>(
  values: ReadonlyArray<A>,
  check: (value: A) => string | undefined
): string | undefined => {
  for (const value of values) {
    const problem = check(value)
    if (problem !== undefined) return problem
  }
  return undefined
}

export const workOf = ({ decision }: Entry): ReadonlyArray<Work> => decision._tag === "Reuse" ? [] : decision.work

/** The leases that a step has begun. */
export const begun = ({ before, state }: Step): ReadonlyArray<Leased> =>
  OrderedMap.values(state.leased).filter(({ number }) => !OrderedMap.has(before.leased, number))

/** The leases that a step has begun, in the order in which it did. */
export const begunInOrder = (step: Step): ReadonlyArray<Leased> => {
  const told = workOf(step).flatMap((work) => work._tag === "HandOver" ? [work.ticket] : [])
  return [...begun(step)].sort((a, b) => told.indexOf(a.ticket) - told.indexOf(b.ticket))
}
