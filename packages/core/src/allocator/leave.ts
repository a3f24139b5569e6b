/** A caller is done with its connection, or gives up its place: one transition, whichever its ticket has. */
import type { CloseReason } from "../model/events.js"
import type { Act, Verdict, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { close } from "./ends.js"
import { handOver } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { departure, settle } from "./settle.js"
import { isSharing, part } from "./shared.js"
import { holderOf } from "./situation.js"
import type { Connection, Leased, State } from "./state.js"
import { withLeased, withSteps, withUpkeep } from "./state.js"
import { act } from "./upkeep.js"
import { dismiss } from "./waiting.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * Idempotent: a ticket that has neither place nor connection any more changes nothing. So release, giving up, and a grant
 * that met an interruption on its way are all the same input, and none can be given back twice.
 */
export const leave = (state: State, now: number, number: number, verdict: Verdict): readonly [Act, State] => {
  const lease = OrderedMap.get(state.leased, number)
  if (lease !== undefined) {
    const after = withLeased(state, OrderedMap.remove(state.leased, number))
    const work: Array<Work> = []
    if (lease.overdue !== undefined) work.push({ _tag: "ReportEnd", holder: holderOf(lease) })
    return isSharing(after)
      ? giveShare(after, now, lease, verdict, work)
      : give(after, now, lease.connection, lease.uses + 1, lease.condemned, verdict, work)
  }
  if (WaitQueue.get(state.queue, number) === undefined) return [nothing, state]
  const work: Array<Work> = []
  const after = dismiss(state, number)
  return act(settle(withUpkeep(after, { gaveUp: after.upkeep.gaveUp + 1 }), now, work), now, work)
}

/** The last of those that share it gives the connection back. */
const giveShare = (
  before: State,
  now: number,
  lease: Leased,
  verdict: Verdict,
  work: Array<Work>
): readonly [Act, State] => {
  const [last, state] = part(before, lease, verdict)
  if (last !== undefined) {
    const { condemned, connection, uses } = last.ended
    return give(state, now, connection, uses, condemned, last.verdict, work)
  }
  return WaitQueue.size(state.queue) === 0 ? act(state, now, work, Infinity) : act(settle(state, now, work), now, work)
}

const give = (
  state: State,
  now: number,
  connection: Connection,
  uses: number,
  condemned: CloseReason | undefined,
  verdict: Verdict,
  work: Array<Work>
): readonly [Act, State] => {
  const reason = condemned ??
    (verdict._tag === "Discard"
      ? verdict.reason
      : state.phase._tag === "Closing"
      ? "Shutdown"
      : departure(state, connection, uses, now))
  if (reason !== undefined) {
    return act(settle(close(state, connection.id, reason, now, work), now, work), now, work)
  }
  if (verdict._tag === "Reset") {
    work.push({ _tag: "Reset", id: connection.id })
    const resetting = OrderedMap.set(state.steps.resetting, connection.id, { connection, uses, condemned: undefined })
    return act(withSteps(state, { resetting }), now, work)
  }
  const after = handOver(state, connection, uses, now, work)
  // With nobody waiting there is nothing to settle, but for a renewal: the fast path.
  return WaitQueue.size(after.queue) === 0 && state.upkeep.renewing !== connection.id && state.phase._tag === "Running"
    ? act(after, now, work, Infinity)
    : act(settle(after, now, work), now, work)
}
