/**
 * The moves of which transitions are made: each takes a permit or a caller from one place of the state to another. The work
 * that a move asks for is added to a list that belongs to the transition.
 */
import type { CloseReason } from "../model/events.js"
import type { Work } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Connection, Idle, State } from "./state.js"
import { sizes, withGrant, withIdle, withQueue, withSteps, withUpkeep } from "./state.js"
import type { Denial, Ticket } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/** Why a connection cannot be handed out any more, if it cannot. */
export const retirement = (
  { rules }: State,
  connection: Connection,
  uses: number,
  now: number
): CloseReason | undefined =>
  now >= connection.expiresAt ? "MaxLifetime" : uses >= rules.maxUses ? "MaxUses" : undefined

/** Whether an idle connection may be handed out without a check. A clock that went backwards proves nothing. */
export const isFresh = ({ rules: { checkAfterIdle } }: State, { verifiedAt }: Idle, now: number): boolean =>
  checkAfterIdle === Infinity || (checkAfterIdle > 0 && now >= verifiedAt && now - verifiedAt <= checkAfterIdle)

/** The idle connection whose turn it is. */
export const nextIdle = ({ idle, rules }: State): Idle | undefined =>
  rules.order === "lifo" ? OrderedMap.last(idle.places) : OrderedMap.first(idle.places)

/** Takes a connection out of the idle line. The last place is used again, so that the line stays dense. */
export const unpark = (state: State, { place }: Idle): State["idle"] => ({
  places: OrderedMap.remove(state.idle.places, place),
  next: place === state.idle.next - 1 ? place : state.idle.next
})

export const findIdle = (state: State, id: number): Idle | undefined =>
  OrderedMap.values(state.idle.places).find((idle) => idle.connection.id === id)

/** Puts a connection at the end of the idle line. */
const park = (state: State, connection: Connection, uses: number, now: number): State => {
  const place = state.idle.next
  const places = OrderedMap.set(state.idle.places, place, { connection, uses, place, idleSince: now, verifiedAt: now })
  return withIdle(state, { places, next: place + 1 })
}

/** The leases, with the ticket as the holder of a connection. */
export const lease = (
  { leased }: State,
  number: number,
  ticket: Ticket,
  { connection, uses, verifiedAt }: Pick<Idle, "connection" | "uses" | "verifiedAt">,
  now: number
): State["leased"] =>
  OrderedMap.set(leased, number, { connection, uses, condemned: undefined, number, ticket, since: now, verifiedAt })

/** Gives a connection to the longest waiter. */
export const grant = (
  state: State,
  fit: Pick<Idle, "connection" | "uses" | "verifiedAt">,
  now: number,
  work: Array<Work>
): State => {
  const number = WaitQueue.first(state.queue)!
  const ticket = WaitQueue.get(state.queue, number)!
  work.push({ _tag: "HandOver", ticket, connection: fit.connection.id })
  return withGrant(state, WaitQueue.remove(state.queue, number), lease(state, number, ticket, fit, now))
}

export const deny = (state: State, number: number, denial: Denial, work: Array<Work>): State => {
  const ticket = WaitQueue.get(state.queue, number)!
  work.push({ _tag: "Deny", ticket, denial })
  return withQueue(state, WaitQueue.remove(state.queue, number))
}

const timedOut = (state: State, number: number, ticket: Ticket, now: number): Denial => ({
  _tag: "TimedOut",
  waited: now - ticket.since,
  place: WaitQueue.placeOf(state.queue, number),
  sizes: sizes(state),
  lastConnectFailure: state.upkeep.lastConnectFailure,
  at: now
})

/** Denies every waiter whose deadline is before the limit. */
export const denyOverdue = (before: State, limit: number, now: number, work: Array<Work>): State => {
  if (WaitQueue.nextDeadline(before.queue) >= limit) return before
  let state = before
  let count = 0
  for (let number = WaitQueue.mostUrgent(state.queue); number !== undefined;) {
    const ticket = WaitQueue.get(state.queue, number)!
    if (ticket.deadline >= limit) break
    state = deny(state, number, timedOut(state, number, ticket, now), work)
    count++
    number = WaitQueue.mostUrgent(state.queue)
  }
  return withUpkeep(state, { timedOut: state.upkeep.timedOut + count })
}

/** A connection that came free goes to the longest waiter in time, else idle. */
export const handOver = (
  before: State,
  connection: Connection,
  uses: number,
  now: number,
  work: Array<Work>
): State => {
  const state = denyOverdue(before, now, now, work)
  return WaitQueue.size(state.queue) === 0
    ? park(state, connection, uses, now)
    : grant(state, { connection, uses, verifiedAt: now }, now, work)
}

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
  return reason !== "MaxLifetime" && state.upkeep.renewing === id
    ? withUpkeep(after, { renewing: undefined, sweepAt: now })
    : after
}

/** Closes an idle connection. */
export const closeIdle = (state: State, idle: Idle, reason: CloseReason, now: number, work: Array<Work>): State =>
  close(withIdle(state, unpark(state, idle)), idle.connection.id, reason, now, work)

/** Checks an idle connection: for a waiter, or as a probe for its own sake. */
export const check = (
  state: State,
  idle: Idle,
  into: "checking" | "probing",
  step: "check" | "ping",
  now: number,
  work: Array<Work>
): State => {
  const { connection, idleSince, place, uses } = idle
  work.push({ _tag: "Check", id: connection.id, step })
  const entry = { connection, uses, condemned: undefined, place, idleSince, since: now, step }
  // The place stays its own: `next` is not lowered, so that it can come back to it.
  const line = { places: OrderedMap.remove(state.idle.places, place), next: state.idle.next }
  return withSteps(withIdle(state, line), { [into]: OrderedMap.set(state.steps[into], connection.id, entry) })
}
