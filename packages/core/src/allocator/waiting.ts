/** How a caller stops waiting without a connection. */
import type { Work } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import { situationOf } from "./situation.js"
import type { State } from "./state.js"
import { withQueue, withUpkeep } from "./state.js"
import type { Denial } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/** What is remembered of somebody for as long as it waits: that it held a connection as it asked, that its seat is not bound. */
export const forget = (state: State, number: number): State => {
  const { nested, unbound } = state.upkeep
  return nested.size === 0 && unbound.size === 0
    ? state
    : withUpkeep(state, { nested: OrderedMap.remove(nested, number), unbound: OrderedMap.remove(unbound, number) })
}

/** Takes a ticket out of the queue that gets nothing. */
export const dismiss = (before: State, number: number): State => {
  const state = forget(withQueue(before, WaitQueue.remove(before.queue, number)), number)
  return withUpkeep(state, { unserved: state.upkeep.unserved + 1 })
}

export const deny = (state: State, number: number, denial: Denial, work: Array<Work>): State => {
  const ticket = WaitQueue.get(state.queue, number)!
  work.push({ _tag: "Deny", ticket, denial })
  return dismiss(state, number)
}

/** Denies every waiter whose deadline is before the limit. */
export const denyOverdue = (before: State, limit: number, now: number, work: Array<Work>): State => {
  if (WaitQueue.nextDeadline(before.queue) >= limit) return before
  const situation = situationOf(before, now)
  let state = before
  let count = 0
  for (let number = WaitQueue.mostUrgent(state.queue); number !== undefined;) {
    const ticket = WaitQueue.get(state.queue, number)!
    if (ticket.deadline >= limit) break
    const place = WaitQueue.placeOf(before.queue, number)
    state = deny(state, number, { _tag: "TimedOut", waited: now - ticket.since, place, at: now, situation }, work)
    count++
    number = WaitQueue.mostUrgent(state.queue)
  }
  return withUpkeep(state, { timedOut: state.upkeep.timedOut + count })
}
