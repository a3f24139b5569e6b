/**
 * The state of a keyed pool: that of each of its keys, which is a pool's own, and what they have in common.
 *
 * What is said of all keys together is kept beside them, as the difference that each change of a key makes: so nothing has to walk over ten thousand
 * of them. `invariants.ts` counts it anew.
 */
import type { Totals } from "../../model/stats.js"
import * as OrderedMap from "../OrderedMap.js"
import { lacksPermit } from "../settle.js"
import { leavingCount } from "../shared.js"
import type { State } from "../state.js"
import { liveCount, servedCount, spentCount } from "../state.js"
import type { Ticket } from "../Ticket.js"
import * as WaitQueue from "../WaitQueue.js"
import * as Hungry from "./Hungry.js"

/** What all keys have to keep to. */
export interface KeysRules {
  readonly maxTotal: number
  /** In milliseconds. */
  readonly keyIdleTimeout: number
}

export interface Key {
  readonly id: number
  readonly state: State
  /** Since when it has no connection and nobody asks for one. Infinity: that is not so. */
  readonly restsSince: number
  /** It goes as soon as it rests. */
  readonly isForgotten: boolean
  /** Its place among those that need a permit which is not free. */
  readonly hunger: Hungry.Hunger | undefined
}

export type KeysPhase =
  | { readonly _tag: "Running" }
  /** Takes no new keys, and ends when none is left; the tickets wait for that. */
  | { readonly _tag: "Draining" | "Closing"; readonly tickets: ReadonlyArray<Ticket> }
  | { readonly _tag: "Closed" }

/** What is counted of each key, and so of all. */
export interface Tally {
  /** Permits that are spent. */
  readonly spent: number
  readonly idle: number
  /** Permits that will come free by themselves: what closes, and what is shared and takes no more leases. */
  readonly coming: number
}

export interface Keys extends Tally {
  readonly rules: KeysRules
  readonly phase: KeysPhase
  readonly all: OrderedMap.OrderedMap<Key>
  /** Those that have a permit. */
  readonly busy: OrderedMap.OrderedMap<true>
  readonly hungry: Hungry.Hungry
  /** Numbers the decisions of all keys that come with work. */
  readonly decided: number
  /** What those that are gone have counted. */
  readonly past: Totals
}

export const noTotals: Totals = {
  requests: 0,
  acquired: 0,
  timedOut: 0,
  refused: 0,
  shed: 0,
  gaveUp: 0,
  opened: 0,
  openFailures: 0,
  closed: 0,
  aborted: 0
}

export const initial = (rules: KeysRules): Keys => ({
  rules,
  phase: { _tag: "Running" },
  all: OrderedMap.empty(),
  busy: OrderedMap.empty(),
  hungry: Hungry.empty,
  decided: 0,
  past: noTotals,
  spent: 0,
  idle: 0,
  coming: 0
})

export const tallyOf = (state: State): Tally => ({
  spent: spentCount(state),
  idle: state.idle.places.size,
  coming: state.steps.closing.size + leavingCount(state)
})

/** Whether a key has no connection, and nobody asks for one. */
export const isAtRest = (state: State): boolean => spentCount(state) === 0 && WaitQueue.size(state.queue) === 0

/** Where a key's state leaves it among those that need a permit. Who has got a connection, or lost one, is behind its new equals. */
const hungerOf = (keys: Keys, { hunger }: Key, state: State, now: number): Hungry.Hunger | undefined => {
  if (!lacksPermit(state, now)) return undefined
  const live = liveCount(state)
  return hunger?.live === live ? hunger : { live, turn: keys.hungry.next, since: now }
}

const withBusy = ({ busy }: Keys, id: number, before: number, after: number): Keys["busy"] => {
  if (before > 0 === after > 0) return busy
  return after > 0 ? OrderedMap.set(busy, id, true as const) : OrderedMap.remove(busy, id)
}

/** A key has changed. */
export const put = (keys: Keys, key: Key, state: State, now: number): Keys => {
  const before = tallyOf(key.state)
  const after = tallyOf(state)
  const hunger = hungerOf(keys, key, state, now)
  const restsSince = isAtRest(state) ? Math.min(key.restsSince, now) : Infinity
  return {
    rules: keys.rules,
    phase: keys.phase,
    all: OrderedMap.set(keys.all, key.id, { id: key.id, state, restsSince, isForgotten: key.isForgotten, hunger }),
    busy: withBusy(keys, key.id, before.spent, after.spent),
    hungry: Hungry.move(keys.hungry, key.id, key.hunger, hunger),
    decided: keys.decided,
    past: keys.past,
    spent: keys.spent + after.spent - before.spent,
    idle: keys.idle + after.idle - before.idle,
    coming: keys.coming + after.coming - before.coming
  }
}

/** What some states have counted, besides what is counted already. */
const counted = (past: Totals, states: Iterable<State>): Totals => {
  const sum: { -readonly [T in keyof Totals]: number } = { ...past }
  for (const state of states) {
    const { aborted, closed, gaveUp, opened, openFailures, refused, shed, timedOut } = state.upkeep
    sum.requests += state.nextTicket
    sum.acquired += servedCount(state)
    sum.timedOut += timedOut
    sum.refused += refused
    sum.shed += shed
    sum.gaveUp += gaveUp
    sum.opened += opened
    sum.openFailures += openFailures
    sum.closed += closed
    sum.aborted += aborted
  }
  return sum
}

/** A key that rests goes, and what it has counted stays. */
export const drop = (keys: Keys, { id, state }: Key): Keys => ({
  ...keys,
  all: OrderedMap.remove(keys.all, id),
  past: counted(keys.past, [state])
})

/** What all keys have counted, those included that are gone. */
export const totals = ({ all, past }: Keys): Totals => counted(past, OrderedMap.values(all).map(({ state }) => state))
