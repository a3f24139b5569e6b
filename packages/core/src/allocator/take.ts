/** A caller asks for a connection. */
import type { RefusalReason } from "../model/errors.js"
import { nest } from "./deadlock.js"
import type { Answer, Reuse, Work } from "./decision.js"
import { measure, raisePeak } from "./measures.js"
import { isFresh, lease, nextIdle, unpark } from "./moves.js"
import { beginToWait, isHopeless } from "./overload.js"
import { retirement } from "./retirement.js"
import { holdsUp, mayOpen, needsSpare, settle } from "./settle.js"
import { join, roomFor } from "./shared.js"
import { situationOf } from "./situation.js"
import type { Idle, State } from "./state.js"
import { inUseCount, withReuse, withUpkeep, withWaiter } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { refuse, wait } from "./upkeep.js"
import { dismiss } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * Reuse where nobody waits and the next idle connection is ready. Else the caller joins the queue, what it needs is started,
 * and it waits. It is refused, with that under way, where the queue is full or its deadline too short; one that tries once is denied by
 * its deadline.
 */
export const take = (state: State, now: number, ticket: Ticket): readonly [Answer, State] => {
  switch (state.phase._tag) {
    case "Draining":
    case "Closing":
    case "Closed":
      return refuse(state, now, [], { _tag: "Closed" })
    case "Suspended":
      return state.phase.newcomers === "wait" || now >= state.phase.until
        ? enqueue(state, now, ticket)
        : turnAway(drawn(state), now, [], "Suspended")
    default:
      return (ticket.manner.party === undefined ? takeNow(state, now, ticket) : undefined) ??
        enqueue(state, now, ticket)
  }
}

/** A ticket was drawn, and its caller dismissed at once. */
const drawn = (state: State): State =>
  withUpkeep(withWaiter(state, state.queue, state.flow), { unserved: state.upkeep.unserved + 1 })

/** The next idle connection, where it is ready and nobody waits. With none idle, and none to be had, one that others are on. */
export const takeNow = (state: State, now: number, ticket: Ticket): readonly [Reuse, State] | undefined => {
  if (WaitQueue.size(state.queue) > 0) return undefined
  const idle = nextIdle(state)
  if (idle === undefined) {
    const entry = mayOpen(state) ? undefined : roomFor(state, ticket, now)
    return entry === undefined ? undefined : reuse(state, state.idle, { ...entry, verifiedAt: now }, now, ticket)
  }
  if (
    !isFresh(state, idle, now) || retirement(state, idle.connection, idle.uses, now) !== undefined || needsSpare(state)
  ) {
    return undefined
  }
  return reuse(state, unpark(state, idle), idle, now, ticket)
}

const reuse = (
  state: State,
  idle: State["idle"],
  fit: Pick<Idle, "connection" | "uses" | "verifiedAt">,
  now: number,
  ticket: Ticket
): readonly [Reuse, State] => {
  const number = state.nextTicket
  const answer: Reuse = { _tag: "Reuse", connection: fit.connection.id, number }
  const taken = withReuse(state, idle, lease(state, number, ticket, fit, now))
  return [answer, raisePeak(join(taken, ticket, fit), now)]
}

/**
 * Callers that wait for what others hold: all that wait, less the permits that are free, or spent on what is for them. If these
 * counted too, a pool without waiters whose connections are checked before each use would never serve anybody.
 */
const surplus = (state: State): number => {
  const { queue, rules, steps } = state
  const free = rules.maxSize - inUseCount(state) - steps.resetting.size - steps.closing.size
  return WaitQueue.size(queue) - free * rules.concurrency
}

const enqueue = (before: State, now: number, ticket: Ticket): readonly [Answer, State] => {
  const number = before.nextTicket
  const work: Array<Work> = []
  const judged = beginToWait(before, ticket.priority, now)
  const joined = withWaiter(judged, WaitQueue.push(before.queue, number, ticket), measure(before, now))
  const state = settle(nest(joined, number, ticket), now, work)
  if (WaitQueue.get(state.queue, number) === undefined) return wait(raiseWaiting(state), now, work, number)
  const reason = surplus(state) > state.rules.maxWaiters
    ? "QueueFull"
    : isHopeless(state, number, ticket, now)
    ? "DeadlineTooShort"
    : undefined
  if (reason === undefined) return wait(raiseWaiting(state), now, work, number)
  const after = withoutNewcomer(state, number, now, work)
  if (WaitQueue.size(after.queue) > 0 || !work.some(isShed)) return turnAway(after, now, work, reason)
  // The last that waits is never shed: as if nobody had come.
  const anew: Array<Work> = []
  return turnAway(settle(drawn(before), now, anew), now, anew, reason)
}

const isShed = (work: Work): boolean => work._tag === "Deny" && work.denial._tag === "Overloaded"

/** Others may have had to wait for it. */
const withoutNewcomer = (state: State, number: number, now: number, work: Array<Work>): State => {
  const after = dismiss(state, number)
  return holdsUp(state) ? settle(after, now, work) : after
}

const raiseWaiting = (state: State): State => {
  const waiting = WaitQueue.size(state.queue)
  return waiting <= state.upkeep.mostWaiting ? state : withUpkeep(state, { mostWaiting: waiting })
}

/** Refuses a caller that was dismissed. */
const turnAway = (
  state: State,
  now: number,
  work: ReadonlyArray<Work>,
  reason: RefusalReason
): readonly [Answer, State] => {
  const { refused, shed } = state.upkeep
  const after = withUpkeep(state, {
    refused: refused + (reason === "DeadlineTooShort" ? 0 : 1),
    shed: shed + (reason === "DeadlineTooShort" ? 1 : 0)
  })
  return refuse(after, now, work, { _tag: reason, at: now, situation: situationOf(after, now) })
}
