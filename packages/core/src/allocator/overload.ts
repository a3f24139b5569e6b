/**
 * Sheds load that cannot be served in time: CoDel ("Controlled Delay", K. Nichols and V. Jacobson, ACM Queue 2012) for a queue of
 * callers, with the rule of Facebook's and db_connection's servers for whom to shed: while overloaded, whoever has waited for the target.
 *
 * A class is overloaded when waits in it have been at or above the target for a whole interval without a break, and stays so until none has
 * been for as long: sheds keep waits near the target, so one that is below it proves nothing. The wait of who is served is judged, and by a timer that of who is next, so a pool
 * from which nothing comes back is judged too. The last one that waits is never shed: there must be somebody for what comes back.
 *
 * A cold start is no overload: while no more connections are open than open, nobody is judged. Where more are, they are: a database that is
 * overloaded loses connections, and a pool that opens others all the time would never shed.
 */
import type { Priority } from "../model/options.js"
import type { Work } from "./decision.js"
import { expectedWait } from "./measures.js"
import * as OrderedMap from "./OrderedMap.js"
import { situationOf } from "./situation.js"
import type { Above, State } from "./state.js"
import { isGrowing, withUpkeep } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { deny, denyOverdue } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/** A newcomer is refused where the wait would be longer than its deadline even if connections came back so much faster. */
const TOLERANCE = 1.5

const withAbove = (state: State, priority: Priority, above: Above | undefined): State =>
  state.upkeep.above[priority] === above
    ? state
    : withUpkeep(state, { above: { ...state.upkeep.above, [priority]: above } })

/** Whether waits are judged now. */
const isJudged = (state: State, inHand: 0 | 1 = 0): boolean =>
  state.rules.overload !== undefined && !isGrowing(state, inHand) && state.phase._tag !== "Suspended"

/** Waits at or above the target, unless the last was an interval ago. */
const aboveOf = ({ rules: { overload }, upkeep }: State, priority: Priority, now: number): Above | undefined => {
  const above = upkeep.above[priority]
  return overload === undefined || above === undefined || now - above.last > overload.interval ? undefined : above
}

export const isOverloaded = (state: State, priority: Priority, now: number): boolean => {
  const above = aboveOf(state, priority, now)
  return above !== undefined && above.last - above.since >= state.rules.overload!.interval
}

/** A wait is at or above the target since `lateAt`: that goes on from what was before, unless a whole interval lies between. */
const rise = (state: State, priority: Priority, lateAt: number, now: number): State =>
  withAbove(state, priority, { since: aboveOf(state, priority, lateAt)?.since ?? now, last: now })

/** No wait is: where the class is not overloaded, that is a break. */
const fall = (state: State, priority: Priority, now: number): State =>
  isOverloaded(state, priority, now) ? state : withAbove(state, priority, undefined)

/** Somebody has been served. */
export const judgeServed = (state: State, { priority, since }: Ticket, now: number): State => {
  const { overload } = state.rules
  if (overload === undefined || !isJudged(state)) return state
  const lateAt = since + overload.target
  return now >= lateAt ? rise(state, priority, lateAt, now) : fall(state, priority, now)
}

/** Who is next in a class, and since when its wait is above the target, or will be. */
const headOf = (
  { queue, rules }: State,
  priority: Priority
): { readonly number: number; readonly lateAt: number } | undefined => {
  const { tickets } = queue[priority]
  const ticket = OrderedMap.first(tickets)
  return ticket === undefined || rules.overload === undefined
    ? undefined
    : { number: OrderedMap.firstKey(tickets)!, lateAt: ticket.since + rules.overload.target }
}

/** Somebody is about to wait in a class. */
export const beginToWait = (state: State, priority: Priority, now: number): State =>
  state.rules.overload === undefined || state.queue[priority].tickets.size > 0
    ? state
    : fall(state, priority, now)

/** What was judged before counts no more: a suspension begins. */
export const judgeAnew = (state: State): State =>
  state.rules.overload === undefined
    ? state
    : WaitQueue.priorities.reduce((state, priority) => withAbove(state, priority, undefined), state)

/** Nor does it where a pool has begun to open connections, and is growing. */
export const judgeGrown = (before: State, state: State): State =>
  state.upkeep.nextConnection > before.upkeep.nextConnection && isGrowing(state) ? judgeAnew(state) : state

/** Judges whoever is next in a class. */
const judgeNext = (state: State, priority: Priority, now: number): State => {
  const head = headOf(state, priority)
  if (head === undefined) return fall(state, priority, now)
  return now >= head.lateAt ? rise(state, priority, head.lateAt, now) : state
}

/** Whether somebody that is next has waited for the target, so that this has to be judged. */
export const isLate = (state: State, now: number): boolean =>
  isJudged(state) && WaitQueue.priorities.some((priority) => (headOf(state, priority)?.lateAt ?? Infinity) <= now)

/**
 * Judges who waits, and sheds who has waited too long of an overloaded class: from the lowest on, so that the last, who stays, is of the
 * highest.
 */
const shed = (before: State, now: number, work: Array<Work>, inHand: 0 | 1): State => {
  if (!isJudged(before, inHand)) return before
  return WaitQueue.priorities.reduceRight((judged, priority) => {
    let state = judgeNext(judged, priority, now)
    if (!isOverloaded(state, priority, now)) return state
    for (let head = headOf(state, priority); head !== undefined && head.lateAt <= now; head = headOf(state, priority)) {
      if (WaitQueue.size(state.queue) === 1) break
      state = deny(state, head.number, { _tag: "Overloaded", at: now, situation: situationOf(before, now) }, work)
      state = withUpkeep(state, { shed: state.upkeep.shed + 1 })
    }
    return state
  }, before)
}

/** Who has waited for too long goes: past its deadline, or shed. So what comes free, and is `inHand`, is for somebody who is in time. */
export const dismissLate = (state: State, now: number, work: Array<Work>, inHand: 0 | 1): State =>
  shed(denyOverdue(state, now, now, work), now, work, inHand)

/** When waits are to be judged next, if nothing else happens before. */
export const nextJudgement = (state: State, now: number): number => {
  const { overload } = state.rules
  if (overload === undefined || !isJudged(state) || WaitQueue.size(state.queue) === 0) return Infinity
  return WaitQueue.priorities.reduce((next, priority) => {
    const head = headOf(state, priority)
    if (head === undefined) return next
    // What its wait will go on from, when that is above the target.
    const above = aboveOf(state, priority, head.lateAt)
    if (above === undefined) return Math.min(next, Math.max(now, head.lateAt))
    const overloadedAt = above.since + overload.interval
    return overloadedAt <= now && WaitQueue.size(state.queue) === 1
      ? next
      : Math.min(next, Math.max(now, head.lateAt, overloadedAt))
  }, Infinity)
}

/** Whether, by the measured rate of returns, a caller that has just begun to wait will not be served by its deadline. */
export const isHopeless = (state: State, number: number, { deadline }: Ticket, now: number): boolean => {
  // The only one that waits is not refused, or nobody would measure any more.
  if (!isJudged(state) || deadline <= now || WaitQueue.size(state.queue) === 1) return false
  const wait = expectedWait(state, WaitQueue.placeOf(state.queue, number), now)
  return wait !== undefined && wait > (deadline - now) * TOLERANCE
}
