/** A caller is done with its connection, or gives up its place: one transition, whichever its ticket has. */
import type { Act, Verdict, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { close, handOver } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { departure, settle } from "./settle.js"
import type { Leased, State } from "./state.js"
import { withLeased, withQueue, withSteps } from "./state.js"
import { act } from "./upkeep.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * Idempotent: a ticket that has neither place nor connection any more changes nothing. So release, giving up, and a grant
 * that met an interruption on its way are all the same input, and none can be given back twice.
 */
export const leave = (state: State, now: number, number: number, verdict: Verdict): readonly [Act, State] => {
  const lease = OrderedMap.get(state.leased, number)
  if (lease !== undefined) {
    return give(withLeased(state, OrderedMap.remove(state.leased, number)), now, lease, verdict)
  }
  if (WaitQueue.get(state.queue, number) === undefined) return [nothing, state]
  const work: Array<Work> = []
  return act(settle(withQueue(state, WaitQueue.remove(state.queue, number)), now, work), now, work)
}

const give = (
  state: State,
  now: number,
  { condemned, connection, uses: before }: Leased,
  verdict: Verdict
): readonly [Act, State] => {
  const uses = before + 1
  const work: Array<Work> = []
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
  return WaitQueue.size(after.queue) === 0 && state.upkeep.renewing !== connection.id
    ? act(after, now, work, Infinity)
    : act(settle(after, now, work), now, work)
}
