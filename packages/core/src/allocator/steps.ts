/** A check, ping or reset ends, or a connection turns out to be no good. */
import type { CloseReason } from "../model/events.js"
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { close, closeIdle } from "./ends.js"
import { check, findIdle, grant, handOver, SUSPECT } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { dismissLate } from "./overload.js"
import { departure, settle } from "./settle.js"
import type { Checking, State } from "./state.js"
import { withIdle, withSteps, withUpkeep } from "./state.js"
import { nextToServe } from "./turns.js"
import { act, markCondemned, sweepIfDue } from "./upkeep.js"

const leaveStep = <K extends "checking" | "probing" | "resetting">(state: State, step: K, id: number): State =>
  withSteps(state, { [step]: OrderedMap.remove<unknown>(state.steps[step], id) })

/** A check or ping ended: the connection goes to the longest waiter, back to its place in the idle line, or is closed. */
export const checked = (before: State, now: number, id: number, passed: boolean): readonly [Act, State] => {
  const into = OrderedMap.has(before.steps.checking, id) ? "checking" : "probing"
  const entry = OrderedMap.get(before.steps[into], id)
  if (entry === undefined) return [nothing, before]
  const work: Array<Work> = []
  let state = leaveStep(before, into, id)
  if (entry.step === "ping") state = withUpkeep(state, { sweepAt: now })
  const reason = entry.condemned ??
    (passed
      ? departure(state, entry.connection, entry.uses, now)
      : entry.step === "ping"
      ? "PingFailed"
      : "CheckFailed")
  state = reason === undefined
    ? pass(state, entry, now, work)
    : close(state, id, reason, now, work)
  if (!passed) state = suspectIdle(state, entry.since, now, work)
  state = sweepIfDue(state, now, work)
  return act(settle(state, now, work), now, work)
}

const pass = (
  before: State,
  { connection, idleSince, place, uses }: Checking,
  now: number,
  work: Array<Work>
): State => {
  const state = dismissLate(before, now, work, 1)
  const number = state.phase._tag === "Suspended" ? undefined : nextToServe(state, state.idle.places.size + 1)
  if (number !== undefined) return grant(state, { connection, uses, verifiedAt: now }, now, work, number)
  const idle = { connection, uses, place, idleSince, verifiedAt: now }
  return withIdle(state, { places: OrderedMap.set(state.idle.places, place, idle), next: state.idle.next })
}

/**
 * One failed check makes every connection suspect that has been idle since before it: all are checked at once, so an outage
 * costs one `checkTimeout`, not one a connection. No waiter counts on them: openings start besides. While the pool is suspended, no
 * check begins: they are checked before they are handed out.
 */
const suspectIdle = (before: State, since: number, now: number, work: Array<Work>): State =>
  before.phase._tag === "Suspended"
    ? suspectAll(before, since)
    : OrderedMap.values(before.idle.places).reduce(
      (state, idle) => idle.verifiedAt <= since ? check(state, idle, "probing", "check", now, work) : state,
      before
    )

/** Those that were not verified after that time have to be, before they are handed out. */
const suspectAll = (state: State, since: number): State => {
  const places = OrderedMap.map(
    state.idle.places,
    (idle) => idle.verifiedAt <= since ? { ...idle, verifiedAt: SUSPECT } : idle
  )
  return withIdle(state, { places, next: state.idle.next })
}

/** All that is idle may be dead: it is checked before it is handed out. */
export const suspect = (state: State, now: number): readonly [Act, State] => act(suspectAll(state, Infinity), now, [])

/** A reset ended: the connection goes on as if it had come back now, or is closed. */
export const resetDone = (before: State, now: number, id: number, passed: boolean): readonly [Act, State] => {
  const entry = OrderedMap.get(before.steps.resetting, id)
  if (entry === undefined) return [nothing, before]
  const work: Array<Work> = []
  const state = leaveStep(before, "resetting", id)
  const reason = entry.condemned ??
    (passed ? departure(state, entry.connection, entry.uses, now) : "ResetFailed")
  const after = reason === undefined
    ? handOver(state, entry.connection, entry.uses, now, work)
    : close(state, id, reason, now, work)
  return act(settle(after, now, work), now, work)
}

/** A connection is no good: an idle one is closed at once, one that is busy when it comes back. */
export const condemn = (state: State, now: number, id: number, reason: CloseReason): readonly [Act, State] => {
  const idle = findIdle(state, id)
  if (idle === undefined) return [nothing, markCondemned(state, id, reason)]
  const work: Array<Work> = []
  return act(settle(closeIdle(state, idle, reason, now, work), now, work), now, work)
}
