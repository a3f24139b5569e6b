/** How a connection and what is done to it end. */
import type { CloseReason } from "../model/events.js"
import type { Work } from "./decision.js"
import { unpark } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Idle, Occupied, Opening, State } from "./state.js"
import { withIdle, withPhase, withSteps, withUpkeep } from "./state.js"
import type { Ticket } from "./Ticket.js"

/** Starts to close what holds the permit. The caller has taken it from where it was. */
export const close = (
  state: State,
  id: number,
  reason: CloseReason,
  now: number,
  work: Array<Work>,
  opened = true
): State => {
  work.push({ _tag: "Close", id, reason })
  const closing = OrderedMap.set(state.steps.closing, id, { id, since: now, reason, opened })
  const after = withSteps(state, { closing })
  return reason !== "MaxLifetime" && reason !== "Recycled" && state.upkeep.renewing === id
    ? withUpkeep(after, { renewing: undefined, sweepAt: now })
    : after
}

/** Closes an idle connection. */
export const closeIdle = (state: State, idle: Idle, reason: CloseReason, now: number, work: Array<Work>): State =>
  close(withIdle(state, unpark(state, idle)), idle.connection.id, reason, now, work)

export const closeAllIdle = (before: State, reason: CloseReason, now: number, work: Array<Work>): State =>
  OrderedMap.values(before.idle.places).reduce((state, idle) => closeIdle(state, idle, reason, now, work), before)

const endOpenings = (
  before: State,
  openings: ReadonlyArray<Opening>,
  reason: CloseReason,
  now: number,
  work: Array<Work>
) =>
  openings.reduce((state, { id }) => {
    const opening = OrderedMap.remove(state.steps.opening, id)
    return close(withSteps(state, { opening }), id, reason, now, work, false)
  }, before)

/** Ends the youngest check, of those that nobody waits for first. There must be one. */
export const endLatestCheck = (state: State, reason: CloseReason, now: number, work: Array<Work>): State => {
  const step = state.steps.probing.size > 0 ? "probing" : "checking"
  const { condemned, connection: { id } } = OrderedMap.last(state.steps[step])!
  return close(
    withSteps(state, { [step]: OrderedMap.remove(state.steps[step], id) }),
    id,
    condemned ?? reason,
    now,
    work
  )
}

/** Ends what opens. */
export const endAllOpenings = (state: State, reason: CloseReason, now: number, work: Array<Work>): State =>
  endOpenings(state, OrderedMap.values(state.steps.opening), reason, now, work)

/** Ends the youngest of what opens. */
export const endLatestOpening = (state: State, reason: CloseReason, now: number, work: Array<Work>): State =>
  endOpenings(state, OrderedMap.values(state.steps.opening).slice(-1), reason, now, work)

/** Ends what opens, is checked or is reset. */
export const endSteps = (before: State, reason: CloseReason, now: number, work: Array<Work>): State => {
  const { checking, probing, resetting } = before.steps
  let state = endAllOpenings(before, reason, now, work)
  state = withSteps(state, {
    checking: OrderedMap.empty(),
    probing: OrderedMap.empty(),
    resetting: OrderedMap.empty()
  })
  for (const steps of [checking, probing, resetting]) {
    for (const { condemned, connection } of OrderedMap.values<Occupied>(steps)) {
      state = close(state, connection.id, condemned ?? reason, now, work)
    }
  }
  return state
}

/** The pool is closed, and whoever waits for that is told. */
export const finish = (state: State, tickets: ReadonlyArray<Ticket>, work: Array<Work>): State => {
  if (state.phase._tag !== "Closed") work.push({ _tag: "End" })
  for (const ticket of tickets) work.push({ _tag: "Finish", ticket })
  return withPhase(state, { _tag: "Closed" })
}
