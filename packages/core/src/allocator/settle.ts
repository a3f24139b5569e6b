/**
 * Brings supply and demand together, at the end of every transition that changed either: what is idle goes to who waits, what
 * is missing is opened. After it, no waiter sleeps for whom something could be done (invariant 5).
 */
import type { CloseReason, OpenPurpose } from "../model/events.js"
import { breakDeadlock } from "./deadlock.js"
import type { Work } from "./decision.js"
import { closeAllIdle, closeIdle, endSteps, finish } from "./ends.js"
import { check, findIdle, grant, isFresh, nextIdle, unpark } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { dismissLate, isLate, judgeGrown } from "./overload.js"
import { retirement } from "./retirement.js"
import { condemnInUse, isSharing, nextToJoin } from "./shared.js"
import type { Connection, State } from "./state.js"
import { inUseCount, limitOf, liveCount, spentCount, withIdle, withPhase, withSteps, withUpkeep } from "./state.js"
import { isAble, nextToServe } from "./turns.js"
import { denyOverdue } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * Whether more callers wait than there are openings and checks under way for them. Where connections are shared, those count too that
 * share one, and what is idle or about to be: each should have its own, as long as there may be more.
 */
export const isShort = (state: State): boolean => {
  const { idle, leased, queue, shared, steps } = state
  // What is idle while somebody waits is for seats.
  const demand = WaitQueue.size(queue) - (WaitQueue.hasSeats(queue) ? idle.places.size : 0)
  const supply = steps.opening.size + steps.checking.size
  return isSharing(state)
    ? demand + leased.size - shared.size > supply + steps.probing.size + idle.places.size
    : demand > supply
}

/** Whether more callers wait than there are checks under way for them: none waits for an opening while one can be checked. */
export const lacksCheck = ({ queue, steps }: State): boolean => WaitQueue.size(queue) > steps.checking.size

/** Whether the pool is to go on, so that connections are opened in advance. */
const goesOn = ({ phase }: State): boolean => phase._tag === "Running" || phase._tag === "Starting"

const hasPermit = (state: State): boolean => spentCount(state) < limitOf(state)

/** Whether an opening is allowed, but for the back-off and for what others leave. */
const mayAskToOpen = (state: State): boolean =>
  (goesOn(state) || (state.phase._tag === "Draining" && WaitQueue.size(state.queue) > 0)) &&
  spentCount(state) < state.rules.maxSize && state.steps.opening.size < state.rules.maxConnecting

/** Whether an opening is allowed, but for the back-off. */
export const mayOpen = (state: State): boolean => mayAskToOpen(state) && hasPermit(state)

const canOpen = (state: State, now: number): boolean => mayOpen(state) && now >= state.upkeep.notBefore

const refillTarget = ({ phase, rules }: State): number =>
  phase._tag === "Starting" ? Math.max(phase.target, rules.minSize) : rules.minSize

/** Connections that nobody has or waits for, those that open included. */
const spareCount = (state: State): number => liveCount(state) - inUseCount(state) - WaitQueue.size(state.queue)

const isBelowTarget = (state: State): boolean =>
  goesOn(state) && (liveCount(state) < refillTarget(state) || spareCount(state) < state.rules.minIdle)

/** Whether a spare one has to be opened in place of the next that is handed out. */
export const needsSpare = (state: State): boolean =>
  state.rules.minIdle > 0 && spareCount(state) <= state.rules.minIdle && mayOpen(state)

const awaitsSuccessor = (state: State): boolean =>
  goesOn(state) && state.upkeep.renewing !== undefined &&
  !OrderedMap.some(state.steps.opening, ({ purpose }) => purpose === "Successor")

/** Whether an opening would begin now if it were not for the back-off. */
export const isHeldBack = (state: State): boolean =>
  mayAskToOpen(state) && (isShort(state) || isBelowTarget(state) || awaitsSuccessor(state))

/** Whether somebody waits for whom an opening would begin now if other keys left a permit for it. */
export const lacksPermit = (state: State, now: number): boolean =>
  WaitQueue.size(state.queue) > 0 && now >= state.upkeep.notBefore && mayAskToOpen(state) && isShort(state)

const open = (state: State, purpose: OpenPurpose, now: number, work: Array<Work>): State => {
  const id = state.upkeep.nextConnection
  work.push({ _tag: "Open", id, purpose })
  const opening = OrderedMap.set(state.steps.opening, id, { id, since: now, purpose, watermark: state.nextTicket })
  return withUpkeep(withSteps(state, { opening }), { nextConnection: id + 1 })
}

/** Whether nothing is handed out for the moment. */
const isSuspended = ({ phase }: State): boolean => phase._tag === "Suspended"

/**
 * Idle connections to the waiters: those that need it are checked first, one for each waiter. Where none is ready, who may share goes to
 * one that others are on, and one that needs it is checked for the next.
 */
const serve = (before: State, now: number, work: Array<Work>): State => {
  let state = before
  while (WaitQueue.size(state.queue) > 0 && !isSuspended(state)) {
    const idle = nextIdle(state)
    const reason = idle === undefined ? undefined : retirement(state, idle.connection, idle.uses, now)
    if (idle !== undefined && reason !== undefined) {
      state = closeIdle(state, idle, reason, now, work)
      continue
    }
    if (idle !== undefined && isFresh(state, idle, now)) {
      const number = nextToServe(state, state.idle.places.size)
      if (number === undefined) return checkForSeats(state, now, work)
      state = grant(withIdle(state, unpark(state, idle)), idle, now, work, number)
      continue
    }
    const next = nextToJoin(state, now)
    if (next !== undefined) {
      state = grant(state, { ...next.entry, verifiedAt: now }, now, work, next.number)
      if (idle !== undefined) state = check(state, idle, "probing", "check", now, work)
    } else if (idle !== undefined && lacksCheck(state)) {
      state = check(state, idle, "checking", "check", now, work)
    } else {
      break
    }
  }
  return state
}

/** What is idle is for seats: as many as there are are made ready. */
const checkForSeats = (before: State, now: number, work: Array<Work>): State => {
  const stale = OrderedMap.values(before.idle.places).filter((idle) => !isFresh(before, idle, now))
  const missing = WaitQueue.seats(before.queue).length - before.steps.checking.size -
    (before.idle.places.size - stale.length)
  return stale
    .slice(0, Math.max(0, missing))
    .reduce((state, idle) => check(state, idle, "checking", "check", now, work), before)
}

/** Somebody is to look at the other pools of the seats, where they could be served here, or where nobody can be. */
const lookAfterSeats = (state: State, work: Array<Work>): State => {
  if (WaitQueue.hasSeats(state.queue) && (state.idle.places.size > 0 || !isAble(state))) work.push({ _tag: "Gather" })
  return state
}

/**
 * Whether a connection leaves before its successor is opened, if no permit is free for that: it is the one that is replaced,
 * and nothing opens that could replace it. While openings fail, the pool keeps what it has.
 */
const leavesFirst = (state: State, id: number, now: number): boolean =>
  state.upkeep.renewing === id && goesOn(state) && state.steps.opening.size === 0 && now >= state.upkeep.notBefore

/** Why a connection that comes free, and is in none of the state's maps, is closed and not handed on. */
export const departure = (
  state: State,
  connection: Connection,
  uses: number,
  now: number
): CloseReason | undefined =>
  retirement(state, connection, uses, now) ??
    (liveCount(state) >= state.rules.maxSize ? "Resized" : undefined) ??
    (liveCount(state) >= state.upkeep.quota ? "Ceded" : undefined) ??
    (state.phase._tag === "Draining" && WaitQueue.size(state.queue) === 0 ? "Shutdown" : undefined) ??
    (leavesFirst(state, connection.id, now) && spentCount(state) + 1 >= limitOf(state)
      ? connection.endsAs
      : undefined)

/** Where no permit was free for a successor, the connection it replaces leaves first, as soon as it is idle. */
const makeRoomForSuccessor = (state: State, now: number, work: Array<Work>): State => {
  const { renewing } = state.upkeep
  if (renewing === undefined || !leavesFirst(state, renewing, now)) return state
  const idle = findIdle(state, renewing)
  if (idle !== undefined) return closeIdle(state, idle, idle.connection.endsAs, now, work)
  // What is shared might never be idle.
  const shared = OrderedMap.get(state.shared, renewing)
  return shared === undefined || hasPermit(state)
    ? state
    : condemnInUse(state, renewing, shared.connection.endsAs)!
}

/** A back-off that is over is forgotten here, so the state says whether one lasts. */
const endBackoff = (state: State, now: number): State =>
  state.upkeep.notBefore > 0 && now >= state.upkeep.notBefore ? withUpkeep(state, { notBefore: 0 }) : state

/** A suspension is over: what was due in it is due now. */
export const resumed = (state: State, now: number, work: Array<Work>): State => {
  work.push({ _tag: "Announce", announcement: { _tag: "PoolResumed" } })
  return withUpkeep(withPhase(state, { _tag: "Running" }), { sweepAt: Math.min(state.upkeep.sweepAt, now) })
}

const endSuspension = (state: State, now: number, work: Array<Work>): State =>
  state.phase._tag === "Suspended" && now >= state.phase.until ? resumed(state, now, work) : state

/** A pool that drains keeps nothing for later, and is closed when all have left. */
const goOnDraining = (before: State, now: number, work: Array<Work>): State => {
  if (before.phase._tag !== "Draining" || WaitQueue.size(before.queue) > 0) return before
  const state = endSteps(closeAllIdle(before, "Shutdown", now, work), "Shutdown", now, work)
  return spentCount(state) === 0 ? finish(state, before.phase.tickets, work) : state
}

/** Whether nothing can be done: nothing is idle, nothing may be opened, and no time is over. So it is most often in a busy pool. */
const isSettled = (state: State, now: number): boolean =>
  state.idle.places.size === 0 && !isSharing(state) && !mayOpen(state) && WaitQueue.nextDeadline(state.queue) > now &&
  state.upkeep.notBefore === 0 && state.upkeep.nested.size === 0 && !isLate(state, now) &&
  (state.phase._tag !== "Suspended" || state.phase.until > now) && state.phase._tag !== "Draining"

/** Whether others may have to wait for one that cannot be served: if it goes, they can be. */
export const holdsUp = (state: State): boolean => isSharing(state) || WaitQueue.hasSeats(state.queue)

export const settle = (before: State, now: number, work: Array<Work>): State => {
  if (isSettled(before, now)) return before
  let state = dismissLate(endSuspension(endBackoff(before, now), now, work), now, work, 0)
  state = serve(state, now, work)
  while (isShort(state) && canOpen(state, now)) state = open(state, "Waiter", now, work)
  while (isBelowTarget(state) && canOpen(state, now)) state = open(state, "Refill", now, work)
  if (awaitsSuccessor(state) && canOpen(state, now)) state = open(state, "Successor", now, work)
  const served = state
  state = makeRoomForSuccessor(served, now, work)
  // Behind what leaves for its successor, something may be ready.
  if (state !== served) state = serve(state, now, work)
  // Who cannot be served may have held up others. Only of who waits still can it be said that nothing can be done.
  const mayHoldUp = holdsUp(state)
  state = denyOverdue(state, Math.floor(now) + 1, now, work)
  if (mayHoldUp) state = serve(state, now, work)
  const told = breakDeadlock(state, now, work)
  state = mayHoldUp && told !== state ? serve(told, now, work) : told
  return judgeGrown(before, lookAfterSeats(goOnDraining(state, now, work), work))
}
