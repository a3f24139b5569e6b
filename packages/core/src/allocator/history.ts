/**
 * The allocator's promises that show only over time, each as a sentence and a check on the recorded history: the inputs, the
 * decisions, and the states between them, in order of the commits.
 */
import type { Entry } from "./Allocator.js"
import { holders } from "./invariants.js"
import * as OrderedMap from "./OrderedMap.js"
import type { State } from "./state.js"
import { openCount } from "./state.js"

export interface HistoryInvariant {
  readonly number: number
  readonly sentence: string
  /** What is wrong with a history that begins with `initial`. */
  readonly broken: (initial: State, history: ReadonlyArray<Entry>) => string | undefined
}

interface Step extends Entry {
  readonly before: State
}

const stepsOf = (initial: State, history: ReadonlyArray<Entry>): ReadonlyArray<Step> =>
  history.map((entry, index) => ({ ...entry, before: index === 0 ? initial : history[index - 1]!.state }))

const firstProblem = <A>(values: ReadonlyArray<A>, check: (value: A) => string | undefined): string | undefined => {
  for (const value of values) {
    const problem = check(value)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The tickets that wait, lowest first. */
const waiting = ({ queue }: State): ReadonlyArray<number> => OrderedMap.keys(queue.tickets)

/** The tickets that hold a connection. */
const holding = ({ leased }: State): ReadonlyArray<number> => OrderedMap.keys(leased)

const permitsOnce: HistoryInvariant = {
  number: 3,
  sentence: "each permit taken is given back once: a connection that has given its own back never holds one again",
  broken: (initial, history) => {
    const gone = new Set<number>()
    return firstProblem(stepsOf(initial, history), ({ before, state }) => {
      const now = new Set(holders(state))
      for (const id of holders(before)) if (!now.has(id)) gone.add(id)
      const back = [...now].find((id) => gone.has(id))
      return back === undefined ? undefined : `connection ${back} holds a permit again after it gave it back`
    })
  }
}

const inOrder: HistoryInvariant = {
  number: 4,
  sentence: "waiters are served in order of arrival, and a newcomer never overtakes",
  broken: (initial, history) =>
    firstProblem(stepsOf(initial, history), ({ state }) => {
      const passed = waiting(state)[0] ?? Infinity
      const served = Math.max(-1, ...holding(state))
      return served > passed ? `ticket ${served} was served before ticket ${passed}` : undefined
    })
}

const closedOnce: HistoryInvariant = {
  number: 6,
  sentence: "each opened connection is closed exactly once",
  broken: (initial, history) => {
    const opened = new Set<number>()
    const ended = new Set<number>()
    for (const { before, decision, input } of stepsOf(initial, history)) {
      if (input._tag === "Opened" && OrderedMap.has(before.steps.opening, input.id)) opened.add(input.id)
      if (decision._tag === "Reuse") continue
      for (const work of decision.work) {
        if (work._tag !== "Close" && (work._tag !== "Abandon" || ended.has(work.id))) continue
        if (ended.has(work.id)) return `connection ${work.id} was closed twice`
        ended.add(work.id)
      }
    }
    const last = history.at(-1)?.state ?? initial
    if (last.phase._tag !== "Closed") return undefined
    const left = [...opened].find((id) => !ended.has(id))
    return left === undefined ? undefined : `connection ${left} was never closed`
  }
}

const endsInTime: HistoryInvariant = {
  number: 8,
  sentence: "closing the pool ends by its deadline",
  broken: (initial, history) =>
    firstProblem(
      stepsOf(initial, history),
      ({ input, state }) =>
        state.phase._tag === "Closing" && input._tag === "Tick" && input.now >= state.phase.ticket.deadline
          ? `the pool was still closing at its deadline, with ${openCount(state)} open`
          : undefined
    )
}

const leaversGetNothing: HistoryInvariant = {
  number: 9,
  sentence: "a caller that leaves gets nothing afterwards, and the others keep their order",
  broken: (initial, history) => {
    const left = new Set<number>()
    return firstProblem(stepsOf(initial, history), ({ input, state }) => {
      if (input._tag === "Leave") left.add(input.number)
      const late = holding(state).find((number) => left.has(number))
      if (late !== undefined) return `ticket ${late} holds a connection after it had left`
      const returned = waiting(state).find((number) => left.has(number))
      return returned === undefined ? undefined : `ticket ${returned} waits after it had left`
    })
  }
}

export const historyInvariants: ReadonlyArray<HistoryInvariant> = [
  permitsOnce,
  inOrder,
  closedOnce,
  endsInTime,
  leaversGetNothing
]

/** Everything that is wrong with a history. */
export const brokenIn = (initial: State, history: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  historyInvariants.flatMap(({ broken, number }) => {
    const problem = broken(initial, history)
    return problem === undefined ? [] : [`invariant ${number}: ${problem}`]
  })
