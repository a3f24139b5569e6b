/** What is due by time alone: retirement, pings, renewals; and when something is due next. */
import type { CloseReason } from "../model/events.js"
import type { Act, Answer, Refuse, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { closeIdle } from "./ends.js"
import { nextLeaseDue, watchLeases } from "./leases.js"
import { recurringPeak, turnPeaks } from "./measures.js"
import { check, findIdle } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { nextJudgement } from "./overload.js"
import { isHeldBack } from "./settle.js"
import { condemnInUse } from "./shared.js"
import type { Connection, Resetting, State } from "./state.js"
import { inUse, isClosing, liveCount, openCount, withDecided, withSteps, withUpkeep } from "./state.js"
import type { Denial } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * When the next Tick is needed at the latest. A take or give that starts nothing never makes this earlier, so only the others
 * ask: a connection that comes back is due for a ping or retirement only after `sweepAt`, which is never further away than the
 * shorter of the two.
 */
export const nextDue = (state: State, now: number): number => {
  const { phase, queue, upkeep } = state
  if (phase._tag === "Closed") return Infinity
  if (phase._tag === "Closing") return phase.deadline
  const backoff = upkeep.notBefore > 0 && isHeldBack(state) ? Math.max(now, upkeep.notBefore) : Infinity
  const resumed = phase._tag === "Suspended" ? phase.until : Infinity
  return Math.min(WaitQueue.nextDeadline(queue), upkeep.sweepAt, backoff, resumed, nextJudgement(state, now))
}

/** The state after a decision with this work. */
const decide = (state: State, work: ReadonlyArray<Work>): State => work.length === 0 ? state : withDecided(state)

/** The answers to a Take that is not served at once. */
export const wait = (
  state: State,
  now: number,
  work: ReadonlyArray<Work>,
  number: number
): readonly [Answer, State] => [
  { _tag: "Wait", number, work, order: state.decided, due: nextDue(state, now) },
  decide(state, work)
]

export const refuse = (
  state: State,
  now: number,
  work: ReadonlyArray<Work>,
  denial: Denial
): readonly [Refuse, State] => [
  { _tag: "Refuse", denial, work, order: state.decided, due: nextDue(state, now) },
  decide(state, work)
]

/** The answer to every other input. `due` need not be found out where nothing has become due earlier. */
export const act = (
  state: State,
  now: number,
  work: ReadonlyArray<Work>,
  due = nextDue(state, now)
): readonly [Act, State] =>
  work.length === 0 && due === Infinity
    ? [nothing, state]
    : [{ _tag: "Act", work, order: state.decided, due }, decide(state, work)]

/** Marks a connection that is not idle: it is closed when it comes back. The first reason stays. */
export const markCondemned = (state: State, id: number, reason: CloseReason): State => {
  const after = condemnInUse(state, id, reason)
  if (after !== undefined) return after
  for (const step of ["checking", "probing", "resetting"] as const) {
    const entry = OrderedMap.get<{ readonly condemned: CloseReason | undefined }>(state.steps[step], id)
    if (entry === undefined) continue
    const condemned = entry.condemned ?? reason
    return withSteps(state, { [step]: OrderedMap.set<unknown>(state.steps[step], id, { ...entry, condemned }) })
  }
  return state
}

const isOpen = (state: State, id: number): boolean =>
  OrderedMap.has(state.steps.checking, id) || OrderedMap.has(state.steps.probing, id) ||
  OrderedMap.has(state.steps.resetting, id) || findIdle(state, id) !== undefined ||
  OrderedMap.values(state.leased).some(({ connection }) => connection.id === id)

/** A connection was opened: the one whose successor it is retires, and the next renewal may begin. */
export const endRenewal = (before: State, isSuccessor: boolean, now: number, work: Array<Work>): State => {
  const { renewing } = before.upkeep
  if (renewing === undefined || (!isSuccessor && isOpen(before, renewing))) return before
  const state = withUpkeep(before, { renewing: undefined, sweepAt: now })
  const idle = findIdle(state, renewing)
  if (idle !== undefined) return closeIdle(state, idle, idle.connection.endsAs, now, work)
  const busy = fit(state).find(({ id }) => id === renewing)
  return busy === undefined ? state : markCondemned(state, renewing, busy.endsAs)
}

/** Whether an idle connection may go: neither the options, nor what was in use of late, ask for as many. */
const hasSurplus = (state: State): boolean =>
  liveCount(state) > Math.max(state.rules.minSize, recurringPeak(state)) && state.idle.places.size > state.rules.minIdle

/** Closes what is idle beyond its lifetime, or for too long, the longest idle first. */
const retireIdle = (before: State, now: number, work: Array<Work>): State => {
  const { idleTimeout } = before.rules
  return OrderedMap.values(before.idle.places).reduce((state, idle) => {
    if (now >= idle.connection.expiresAt) return closeIdle(state, idle, idle.connection.endsAs, now, work)
    return now - idle.idleSince >= idleTimeout && hasSurplus(state)
      ? closeIdle(state, idle, "IdleTimeout", now, work)
      : state
  }, before)
}

/** Every connection that is open and not condemned. */
export const fit = (state: State): ReadonlyArray<Connection> => {
  const { idle, steps: { checking, probing, resetting } } = state
  return [
    ...OrderedMap.values(idle.places).map(({ connection }) => connection),
    ...[inUse(state), ...[checking, probing, resetting].map((busy) => OrderedMap.values<Resetting>(busy))].flatMap((
      busy
    ) => busy.filter(({ condemned }) => condemned === undefined).map(({ connection }) => connection))
  ]
}

/** Begins to replace the connection that is longest due for it, one at a time. */
const renew = (state: State, now: number): State => {
  if (state.upkeep.renewing !== undefined) return state
  const due = fit(state).filter(({ retireAt }) => retireAt <= now)
  if (due.length === 0) return state
  const oldest = due.reduce((a: Connection, b: Connection) => (b.retireAt < a.retireAt ? b : a))
  return withUpkeep(state, { renewing: oldest.id })
}

const isPinging = ({ steps }: State): boolean => OrderedMap.values(steps.probing).some(({ step }) => step === "ping")

/** Pings the idle connection that was verified the longest time ago, one at a time. */
const ping = (state: State, now: number, work: Array<Work>): State => {
  // What is suspect is due at any time, but not where there are no pings.
  if (isPinging(state) || state.phase._tag === "Suspended" || state.rules.keepalive === Infinity) return state
  const due = OrderedMap.values(state.idle.places).filter(({ verifiedAt }) => now - verifiedAt >= state.rules.keepalive)
  if (due.length === 0) return state
  const longest = due.reduce((a, b) => (b.verifiedAt < a.verifiedAt ? b : a))
  return check(state, longest, "probing", "ping", now, work)
}

/** No connection that begins to be idle or leased is due before this is over, in milliseconds. */
export const sweepEvery = ({ rules: { idleTimeout, keepalive, leakThreshold, maxLease } }: State): number =>
  Math.min(idleTimeout, keepalive, leakThreshold, maxLease)

/**
 * When the next connection can be due. What is due now but has to wait for another's ping or renewal is left out: their
 * end sweeps again.
 */
const nextSweep = (state: State, now: number): number => {
  if (openCount(state) === 0) return Infinity
  const { idleTimeout, keepalive } = state.rules
  const idle = OrderedMap.values(state.idle.places)
  const times = [
    ...fit(state).map(({ expiresAt }) => expiresAt),
    nextLeaseDue(state),
    ...hasSurplus(state) ? idle.map(({ idleSince }) => idleSince + idleTimeout) : [],
    ...isPinging(state) ? [] : idle.map(({ verifiedAt }) => verifiedAt + keepalive),
    ...state.upkeep.renewing !== undefined ? [] : fit(state).map(({ retireAt }) => retireAt)
  ].filter((time) => time > now)
  return times.reduce((a, b) => Math.min(a, b), now + sweepEvery(state))
}

const sweep = (before: State, now: number, work: Array<Work>): State => {
  const retired = retireIdle(turnPeaks(watchLeases(before, now, work), now), now, work)
  const state = ping(renew(retired, now), now, work)
  return withUpkeep(state, { sweepAt: nextSweep(state, now) })
}

export const sweepIfDue = (state: State, now: number, work: Array<Work>): State =>
  now < state.upkeep.sweepAt || isClosing(state)
    ? state
    : sweep(state, now, work)
