/** What becomes of the seats of a caller that waits for connections of several pools, in one of these pools. */
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { grant, isFresh, unpark } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { retirement } from "./retirement.js"
import { settle } from "./settle.js"
import { situationOf } from "./situation.js"
import type { Idle, State } from "./state.js"
import { withIdle, withUpkeep } from "./state.js"
import { heldBefore } from "./turns.js"
import { act } from "./upkeep.js"
import { deny } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/** The idle connections that may be handed out as they are, in the order in which they are. */
const ready = (state: State, now: number): ReadonlyArray<Idle> => {
  const idle = OrderedMap.values(state.idle.places).filter((idle) =>
    isFresh(state, idle, now) && retirement(state, idle.connection, idle.uses, now) === undefined
  )
  return state.rules.order === "lifo" ? idle.reverse() : idle
}

/** Whether all of these seats are taken still. */
export const areTaken = (state: State, numbers: ReadonlyArray<number>): boolean =>
  numbers.every((number) => WaitQueue.get(state.queue, number) !== undefined)

/** Whether all of these seats, which are taken, can be served at once, now. */
export const canServe = (state: State, numbers: ReadonlyArray<number>, now: number): boolean => {
  if (state.phase._tag === "Suspended") return false
  const [first] = numbers
  if (first === undefined) return true
  const ticket = WaitQueue.get(state.queue, first)!
  return ticket.deadline >= now &&
    ready(state, now).length >= numbers.length + heldBefore(state, first, ticket)
}

/** Serves these seats, if all can be. */
export const serveSeats = (before: State, now: number, numbers: ReadonlyArray<number>): readonly [Act, State] => {
  if (!areTaken(before, numbers) || !canServe(before, numbers, now)) return [nothing, before]
  const work: Array<Work> = []
  const idle = ready(before, now)
  const state = numbers.reduce(
    (state, number, index) => grant(withIdle(state, unpark(state, idle[index]!)), idle[index]!, now, work, number),
    before
  )
  return act(settle(state, now, work), now, work)
}

/** Whether these seats, which cannot be served now, are to be bound or set free, or something that is idle is to be made ready for them. */
export const needsCare = (
  state: State,
  now: number,
  numbers: ReadonlyArray<number>,
  isBound: boolean
): boolean =>
  numbers.some((number) => OrderedMap.has(state.upkeep.unbound, number) === isBound) ||
  ready(state, now).length < state.idle.places.size

/**
 * Says whether these seats are bound to be served, by what their other pools can do: else nothing is held for them. What has to be done for them is
 * begun: that is no news to anybody who looks after seats.
 */
export const bind = (
  before: State,
  now: number,
  numbers: ReadonlyArray<number>,
  isBound: boolean
): readonly [Act, State] => {
  const unbound = numbers.reduce(
    (unbound, number) => isBound ? OrderedMap.remove(unbound, number) : OrderedMap.set(unbound, number, true as const),
    before.upkeep.unbound
  )
  const work: Array<Work> = []
  const state = settle(withUpkeep(before, { unbound }), now, work)
  return act(state, now, work.filter(({ _tag }) => _tag !== "Gather"))
}

/** More seats were asked for than there may be connections: since a resize. */
export const expel = (before: State, now: number, number: number): readonly [Act, State] => {
  if (WaitQueue.get(before.queue, number) === undefined) return [nothing, before]
  const work: Array<Work> = []
  const denial = { _tag: "BeyondCapacity", at: now, situation: situationOf(before, now) } as const
  return act(settle(deny(before, number, denial, work), now, work), now, work)
}
