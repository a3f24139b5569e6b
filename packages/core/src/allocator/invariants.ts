/**
 * The allocator's promises that a state alone can break, each as a sentence and a check. They are checked after every commit
 * of the tests. Those that only a history shows are in `history.ts`.
 */
import { isFresh, nextIdle } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { isShort, lacksCheck, mayOpen } from "./settle.js"
import type { Leased, State } from "./state.js"
import { spentCount } from "./state.js"
import * as WaitQueue from "./WaitQueue.js"

export interface Invariant {
  readonly number: number
  readonly sentence: string
  /** What is wrong with the state that a commit at `now` has left, if anything is. */
  readonly broken: (state: State, now: number) => string | undefined
}

/** The connections, by their ids, that a state's maps say hold permits. */
export const holders = ({ idle, leased, steps }: State): ReadonlyArray<number> => [
  ...OrderedMap.values(idle.places).map(({ connection }) => connection.id),
  ...OrderedMap.values(leased).map(({ connection }) => connection.id),
  ...OrderedMap.values(steps.opening).map(({ id }) => id),
  ...OrderedMap.values(steps.checking).map(({ connection }) => connection.id),
  ...OrderedMap.values(steps.probing).map(({ connection }) => connection.id),
  ...OrderedMap.values(steps.resetting).map(({ connection }) => connection.id),
  ...OrderedMap.values(steps.closing).map(({ id }) => id)
]

const permits: Invariant = {
  number: 1,
  sentence: "opening + idle + leased + checking + resetting + closing ≤ maxSize, and each connection is in one of them",
  broken: (state) => {
    if (spentCount(state) > state.rules.maxSize) {
      return `${spentCount(state)} permits of ${state.rules.maxSize} are spent`
    }
    const ids = holders(state)
    const twice = ids.find((id, index) => ids.indexOf(id) !== index)
    return twice === undefined ? undefined : `connection ${twice} holds two permits`
  }
}

const exclusive: Invariant = {
  number: 2,
  sentence: "no connection has more than one holder",
  broken: ({ leased }) => {
    const ids = OrderedMap.values(leased).map(({ connection }) => connection.id)
    const shared = ids.find((id, index) => ids.indexOf(id) !== index)
    return shared === undefined ? undefined : `connection ${shared} is leased twice`
  }
}

const noIdling: Invariant = {
  number: 5,
  sentence: "no waiter sleeps while a connection is ready, or while one could be checked or opened for it",
  broken: (state, now) => {
    if (WaitQueue.size(state.queue) === 0) return undefined
    const idle = nextIdle(state)
    if (idle !== undefined && (isFresh(state, idle, now) || lacksCheck(state))) {
      return `a waiter sleeps while connection ${idle.connection.id} is idle`
    }
    // While a back-off lasts the alarm clock is set for its end; it may ring a moment late.
    const lasts = state.upkeep.notBefore > 0
    return isShort(state) && mayOpen(state) && !lasts ? "a waiter sleeps while a permit is free" : undefined
  }
}

const unfit = (state: State, { connection, since, uses, verifiedAt }: Leased): string | undefined => {
  const { checkAfterIdle, maxUses } = state.rules
  if (since >= connection.expiresAt) return "past its lifetime"
  if (uses >= maxUses) return "used up"
  return since - verifiedAt > checkAfterIdle ? "idle for too long without a check" : undefined
}

const fit: Invariant = {
  number: 7,
  sentence:
    "a connection that was handed out was within its lifetime and uses, and checked if it had been idle for long",
  broken: (state) => {
    for (const lease of OrderedMap.values(state.leased)) {
      const reason = unfit(state, lease)
      if (reason !== undefined) return `connection ${lease.connection.id} was handed out ${reason}`
    }
    return undefined
  }
}

export const invariants: ReadonlyArray<Invariant> = [permits, exclusive, noIdling, fit]

/** Everything that is wrong with a state. */
export const brokenBy = (state: State, now: number): ReadonlyArray<string> =>
  invariants.flatMap(({ broken, number }) => {
    const problem = broken(state, now)
    return problem === undefined ? [] : [`invariant ${number}: ${problem}`]
  })
