/** An opening ends. */
import type * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { close } from "./ends.js"
import { handOver } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { settle } from "./settle.js"
import type { Connection, Opening, State } from "./state.js"
import { openCount, withPhase, withSteps, withUpkeep } from "./state.js"
import { act, endRenewal, sweepEvery } from "./upkeep.js"
import { deny } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/** The first back-off after a failed opening, and the longest, in milliseconds. */
const BACKOFF_FIRST = 100
const BACKOFF_LONGEST = 5_000

/**
 * Doubles with each failure in a row, and half of it is random ("equal jitter", from "Exponential Backoff And Jitter", AWS
 * Architecture Blog), so that many processes do not come back at the same moment.
 */
const backoff = (failedInARow: number, jitter: number): number =>
  Math.min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** Math.min(failedInARow - 1, 10)) * (0.5 + jitter / 2)

const ended = (state: State, id: number): State =>
  withSteps(state, { opening: OrderedMap.remove(state.steps.opening, id) })

export const opened = (before: State, now: number, id: number, spread: number): readonly [Act, State] => {
  const opening = OrderedMap.get(before.steps.opening, id)
  if (opening === undefined) return [nothing, before]
  const work: Array<Work> = []
  const { lifetimeJitter, maxLifetime } = before.rules
  const connection: Connection = {
    id,
    openedAt: now,
    retireAt: maxLifetime === Infinity ? Infinity : now + Math.ceil(maxLifetime * (1 - lifetimeJitter * spread)),
    expiresAt: now + maxLifetime,
    endsAs: "MaxLifetime"
  }
  let state = withUpkeep(ended(before, id), {
    failedInARow: 0,
    notBefore: 0,
    opened: before.upkeep.opened + 1,
    sweepAt: Math.min(before.upkeep.sweepAt, connection.retireAt, now + sweepEvery(before))
  })
  state = handOver(state, connection, 0, now, work)
  state = endRenewal(state, opening.purpose === "Successor", now, work)
  state = start(state, work)
  return act(settle(state, now, work), now, work)
}

const start = (state: State, work: Array<Work>): State => {
  if (state.phase._tag !== "Starting" || openCount(state) < state.phase.target) return state
  work.push({ _tag: "Finish", ticket: state.phase.ticket })
  return withPhase(state, { _tag: "Running" })
}

/**
 * While another connection is open or opening, it fails nobody. Else, unless waiters are to wait, its cause goes to each that
 * was there when it began. It is kept for diagnosis only.
 */
export const openFailed = (
  before: State,
  now: number,
  id: number,
  cause: Cause.Cause<unknown>,
  jitter: number
): readonly [Act, State] => {
  const opening = OrderedMap.get(before.steps.opening, id)
  if (opening === undefined) return [nothing, before]
  const work: Array<Work> = []
  const failedInARow = before.upkeep.failedInARow + 1
  let state = withUpkeep(ended(before, id), {
    failedInARow,
    notBefore: now + Math.ceil(backoff(failedInARow, jitter)),
    lastConnectFailure: Option.some({ cause, at: now }),
    openFailures: before.upkeep.openFailures + 1
  })
  state = close(state, id, "OpenFailed", now, work, false)
  if (state.phase._tag === "Starting") {
    work.push({ _tag: "Deny", ticket: state.phase.ticket, denial: { _tag: "Down", cause } })
    state = withPhase(state, { _tag: "Running" })
  }
  state = failWaiters(state, opening, cause, work)
  return act(settle(state, now, work), now, work)
}

const failWaiters = (before: State, opening: Opening, cause: Cause.Cause<unknown>, work: Array<Work>): State => {
  if (
    before.rules.whenDown === "wait" || before.phase._tag === "Suspended" ||
    openCount(before) + before.steps.opening.size > 0
  ) return before
  return WaitQueue.entries(before.queue)
    .filter(([number]) => number < opening.watermark)
    .reduce((state, [number]) => deny(state, number, { _tag: "Down", cause }, work), before)
}
