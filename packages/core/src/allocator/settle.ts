/**
 * Brings supply and demand together, at the end of every transition that changed either: what is idle goes to who waits, what
 * is missing is opened. After it, no waiter sleeps for whom something could be done (invariant 5).
 */
import type { CloseReason, OpenPurpose } from "../model/events.js"
import type { Work } from "./decision.js"
import { check, closeIdle, denyOverdue, findIdle, grant, isFresh, nextIdle, retirement, unpark } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Connection, State } from "./state.js"
import { liveCount, spentCount, withIdle, withSteps, withUpkeep } from "./state.js"
import * as WaitQueue from "./WaitQueue.js"

/** Whether more callers wait than there are openings and checks under way for them. */
export const isShort = ({ queue, steps }: State): boolean =>
  WaitQueue.size(queue) > steps.opening.size + steps.checking.size

/** Whether more callers wait than there are checks under way for them: none waits for an opening while one can be checked. */
export const lacksCheck = ({ queue, steps }: State): boolean => WaitQueue.size(queue) > steps.checking.size

const isOpen = ({ phase }: State): boolean => phase._tag === "Running" || phase._tag === "Starting"

const hasPermit = (state: State): boolean => spentCount(state) < state.rules.maxSize

/** Whether an opening is allowed, but for the back-off. */
export const mayOpen = (state: State): boolean =>
  isOpen(state) && hasPermit(state) && state.steps.opening.size < state.rules.maxConnecting

const canOpen = (state: State, now: number): boolean => mayOpen(state) && now >= state.upkeep.notBefore

const refillTarget = ({ phase, rules }: State): number =>
  phase._tag === "Starting" ? Math.max(phase.target, rules.minSize) : rules.minSize

const isBelowTarget = (state: State): boolean => liveCount(state) < refillTarget(state)

const awaitsSuccessor = ({ steps, upkeep }: State): boolean =>
  upkeep.renewing !== undefined &&
  !OrderedMap.values(steps.opening).some(({ purpose }) => purpose === "Successor")

/** Whether an opening would begin now if it were not for the back-off. */
export const isHeldBack = (state: State): boolean =>
  mayOpen(state) && (isShort(state) || isBelowTarget(state) || awaitsSuccessor(state))

const open = (state: State, purpose: OpenPurpose, now: number, work: Array<Work>): State => {
  const id = state.upkeep.nextConnection
  work.push({ _tag: "Open", id, purpose })
  const opening = OrderedMap.set(state.steps.opening, id, { id, since: now, purpose, watermark: state.nextTicket })
  return withUpkeep(withSteps(state, { opening }), { nextConnection: id + 1 })
}

/** Idle connections to the waiters: those that need it are checked first, one for each waiter. */
const serveFromIdle = (before: State, now: number, work: Array<Work>): State => {
  let state = before
  while (WaitQueue.size(state.queue) > 0) {
    const idle = nextIdle(state)
    if (idle === undefined) break
    const reason = retirement(state, idle.connection, idle.uses, now)
    if (reason !== undefined) {
      state = closeIdle(state, idle, reason, now, work)
    } else if (isFresh(state, idle, now)) {
      state = grant(withIdle(state, unpark(state, idle)), idle, now, work)
    } else if (lacksCheck(state)) {
      state = check(state, idle, "checking", "check", now, work)
    } else {
      break
    }
  }
  return state
}

/**
 * Whether a connection leaves before its successor is opened, if no permit is free for that: it is the one that is replaced,
 * and nothing opens that could replace it. While openings fail, the pool keeps what it has.
 */
const leavesFirst = (state: State, id: number, now: number): boolean =>
  state.upkeep.renewing === id && isOpen(state) && state.steps.opening.size === 0 && now >= state.upkeep.notBefore

/** Why a connection that comes free, and is in none of the state's maps, is closed and not handed on. */
export const departure = (
  state: State,
  connection: Connection,
  uses: number,
  now: number
): CloseReason | undefined =>
  retirement(state, connection, uses, now) ??
    (leavesFirst(state, connection.id, now) && spentCount(state) + 1 >= state.rules.maxSize ? "MaxLifetime" : undefined)

/** Where no permit was free for a successor, the connection it replaces leaves first, as soon as it is idle. */
const makeRoomForSuccessor = (state: State, now: number, work: Array<Work>): State => {
  const { renewing } = state.upkeep
  if (renewing === undefined || !leavesFirst(state, renewing, now)) return state
  const idle = findIdle(state, renewing)
  return idle === undefined ? state : closeIdle(state, idle, "MaxLifetime", now, work)
}

/** A back-off that is over is forgotten here, so the state says whether one lasts. */
const endBackoff = (state: State, now: number): State =>
  state.upkeep.notBefore > 0 && now >= state.upkeep.notBefore ? withUpkeep(state, { notBefore: 0 }) : state

/** Whether nothing can be done: nothing is idle, nothing may be opened, and no time is over. So it is most often in a busy pool. */
const isSettled = (state: State, now: number): boolean =>
  state.idle.places.size === 0 && !mayOpen(state) && WaitQueue.nextDeadline(state.queue) > now &&
  state.upkeep.notBefore === 0

export const settle = (before: State, now: number, work: Array<Work>): State => {
  if (isSettled(before, now)) return before
  let state = denyOverdue(endBackoff(before, now), now, now, work)
  state = serveFromIdle(state, now, work)
  while (isShort(state) && canOpen(state, now)) state = open(state, "Waiter", now, work)
  while (isBelowTarget(state) && canOpen(state, now)) state = open(state, "Refill", now, work)
  if (awaitsSuccessor(state) && canOpen(state, now)) state = open(state, "Successor", now, work)
  state = makeRoomForSuccessor(state, now, work)
  return denyOverdue(state, Math.floor(now) + 1, now, work)
}
