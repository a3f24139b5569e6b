/**
 * The promises to those that wait for connections of several pools at once, over the histories of these pools. They are asked for at each time at
 * which the clock stood still until nobody could go on, so that whatever was due at that time has been done.
 */
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { initial, type State } from "../../packages/core/src/allocator/state.js"
import { heldBefore } from "../../packages/core/src/allocator/turns.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Rules } from "../../packages/core/src/model/settings.js"

export interface Told {
  readonly rules: Rules
  readonly history: ReadonlyArray<Entry>
}

const times = (all: ReadonlyArray<Told>): ReadonlyArray<number> =>
  [...new Set(all.flatMap(({ history }) => history.map(({ input: { now } }) => now)))].sort((a, b) => a - b)

/** What each state was when the clock went on after each time. */
function* moments(all: ReadonlyArray<Told>): Generator<readonly [now: number, states: ReadonlyArray<State>]> {
  const next = all.map(() => 0)
  const states = all.map(({ rules }) => initial(rules))
  // Of the last time, it is not known whether the clock went on after it.
  for (const now of times(all).slice(0, -1)) {
    for (const [index, { history }] of all.entries()) {
      for (; next[index]! < history.length && history[next[index]!]!.input.now <= now; next[index]!++) {
        states[index] = history[next[index]!]!.state
      }
    }
    yield [now, states]
  }
}

interface Seat {
  readonly state: State
  readonly numbers: ReadonlyArray<number>
}

/** The seats that are taken, by whose they are, and in each pool. */
const parties = (states: ReadonlyArray<State>): ReadonlyMap<object, ReadonlyArray<Seat>> => {
  const all = new Map<object, Array<Seat>>()
  for (const state of states) {
    const here = new Map<object, Array<number>>()
    for (const [number, { manner: { party } }] of WaitQueue.entries(state.queue)) {
      if (party !== undefined) here.set(party, [...here.get(party) ?? [], number])
    }
    for (const [party, numbers] of here) all.set(party, [...all.get(party) ?? [], { state, numbers }])
  }
  return all
}

/** Whether a pool has as many idle as these seats need, when it has kept what it must for who came before. A check ends it, or it begins one. */
const hasEnough = ({ numbers, state }: Seat): boolean =>
  state.phase._tag !== "Suspended" &&
  state.idle.places.size >=
    numbers.length + heldBefore(state, numbers[0]!, WaitQueue.get(state.queue, numbers[0]!)!)

/** How many each of them asked for. */
const wishes = (all: ReadonlyArray<Told>): ReadonlyMap<object, number> => {
  const counts = new Map<object, number>()
  for (const { input } of all.flatMap(({ history }) => history)) {
    const party = input._tag === "Take" || input._tag === "Claim" ? input.ticket.manner.party : undefined
    if (party !== undefined) counts.set(party, (counts.get(party) ?? 0) + 1)
  }
  return counts
}

export const brokenSeats = (all: ReadonlyArray<Told>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const wished = wishes(all)
  for (const [now, states] of moments(all)) {
    for (const [party, seats] of parties(states)) {
      const waiting = seats.reduce((sum, { numbers }) => sum + numbers.length, 0)
      if (waiting !== wished.get(party)) {
        problems.push(`at ${now}, a party that wants ${wished.get(party)} connections waits for ${waiting} of them`)
      } else if (seats.every(hasEnough) && seats.every(({ state }) => state.steps.checking.size === 0)) {
        problems.push(`at ${now}, a party waits for ${waiting} connections that are idle`)
      }
    }
  }
  return problems
}
