/**
 * The moves of which transitions are made: each takes a permit or a caller from one place of the state to another. The work
 * that a move asks for is added to a list that belongs to the transition.
 */
import type { Work } from "./decision.js"
import { raisePeak } from "./measures.js"
import * as OrderedMap from "./OrderedMap.js"
import { dismissLate, judgeServed } from "./overload.js"
import { join } from "./shared.js"
import type { Connection, Idle, State } from "./state.js"
import { withGrant, withIdle, withSteps } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { nextToServe } from "./turns.js"
import { forget } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/** When a connection was verified that may be dead for all one knows. */
export const SUSPECT = -Infinity

/** Whether an idle connection may be handed out without a check. A clock that went backwards proves nothing. */
export const isFresh = ({ rules: { canCheck, checkAfterIdle } }: State, { verifiedAt }: Idle, now: number): boolean =>
  verifiedAt === SUSPECT
    ? !canCheck
    : checkAfterIdle === Infinity || (checkAfterIdle > 0 && now >= verifiedAt && now - verifiedAt <= checkAfterIdle)

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
  OrderedMap.set(leased, number, {
    connection,
    uses,
    condemned: undefined,
    number,
    ticket,
    since: now,
    verifiedAt,
    overdue: undefined
  })

/** Gives a connection to somebody who waits. */
export const grant = (
  state: State,
  fit: Pick<Idle, "connection" | "uses" | "verifiedAt">,
  now: number,
  work: Array<Work>,
  number: number
): State => {
  const ticket = WaitQueue.get(state.queue, number)!
  work.push({ _tag: "HandOver", ticket, connection: fit.connection.id })
  const left = forget(state, number)
  const granted = withGrant(left, WaitQueue.remove(left.queue, number), lease(left, number, ticket, fit, now))
  return raisePeak(judgeServed(join(granted, ticket, fit), ticket, now), now)
}

/** A connection that came free goes to the longest waiter in time, else idle. */
export const handOver = (
  before: State,
  connection: Connection,
  uses: number,
  now: number,
  work: Array<Work>
): State => {
  const state = dismissLate(before, now, work, 1)
  const number = state.phase._tag === "Suspended" ? undefined : nextToServe(state, state.idle.places.size + 1)
  return number === undefined
    ? park(state, connection, uses, now)
    : grant(state, { connection, uses, verifiedAt: now }, now, work, number)
}

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
