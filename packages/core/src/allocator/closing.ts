/** A connection's close ends; the pool closes. */
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { close, closeIdle, deny } from "./moves.js"
import * as OrderedMap from "./OrderedMap.js"
import { settle } from "./settle.js"
import type { State } from "./state.js"
import { spentCount, withLeased, withPhase, withSteps, withUpkeep } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { act } from "./upkeep.js"
import * as WaitQueue from "./WaitQueue.js"

/** A close ended: the one place where a permit comes back. */
export const closed = (before: State, now: number, id: number, aborted: boolean): readonly [Act, State] => {
  const entry = OrderedMap.get(before.steps.closing, id)
  if (entry === undefined) return [nothing, before]
  const work: Array<Work> = []
  const state = withUpkeep(withSteps(before, { closing: OrderedMap.remove(before.steps.closing, id) }), {
    closed: before.upkeep.closed + (entry.opened ? 1 : 0),
    aborted: before.upkeep.aborted + (aborted ? 1 : 0)
  })
  return act(settle(finishIfEmpty(state, work), now, work), now, work)
}

const finishIfEmpty = (state: State, work: Array<Work>): State => {
  if (state.phase._tag !== "Closing" || spentCount(state) > 0) return state
  work.push({ _tag: "Finish", ticket: state.phase.ticket })
  return withPhase(state, { _tag: "Closed" })
}

/** Newcomers and waiters are refused, openings and other steps are ended, idle connections closed, leases awaited. */
export const shutdown = (before: State, now: number, ticket: Ticket): readonly [Act, State] => {
  const work: Array<Work> = []
  let state = withPhase(before, { _tag: "Closing", ticket })
  for (let number = WaitQueue.first(state.queue); number !== undefined; number = WaitQueue.first(state.queue)) {
    state = deny(state, number, { _tag: "Closed" }, work)
  }
  state = OrderedMap.values(state.idle.places).reduce(
    (state, idle) => closeIdle(state, idle, "Shutdown", now, work),
    state
  )
  const { checking, opening, probing, resetting } = state.steps
  state = withSteps(state, {
    opening: OrderedMap.empty(),
    checking: OrderedMap.empty(),
    probing: OrderedMap.empty(),
    resetting: OrderedMap.empty()
  })
  for (const { id } of OrderedMap.values(opening)) state = close(state, id, "Shutdown", now, work, false)
  for (const steps of [checking, probing, resetting]) {
    for (const { connection } of OrderedMap.values<{ readonly connection: { readonly id: number } }>(steps)) {
      state = close(state, connection.id, "Shutdown", now, work)
    }
  }
  return act(finishIfEmpty(state, work), now, work)
}

/** The close deadline is over: everything that is still out is given up on, and the pool is closed. */
const abandon = (state: State, ticket: Ticket, now: number): readonly [Act, State] => {
  const closing = OrderedMap.values(state.steps.closing)
  const leased = OrderedMap.values(state.leased)
  const work: Array<Work> = [
    ...closing.map(({ id, reason, since }): Work => ({ _tag: "Abandon", id, reason, closingSince: since })),
    ...leased.map(({ connection, condemned }): Work => ({
      _tag: "Abandon",
      id: connection.id,
      reason: condemned ?? "Shutdown",
      closingSince: undefined
    })),
    { _tag: "Finish", ticket }
  ]
  const after = withUpkeep(
    withSteps(withLeased(withPhase(state, { _tag: "Closed" }), OrderedMap.empty()), { closing: OrderedMap.empty() }),
    {
      closed: state.upkeep.closed + leased.length + closing.filter(({ opened }) => opened).length,
      aborted: state.upkeep.aborted + leased.length + closing.length
    }
  )
  return act(after, now, work)
}

/** Ends the pool's closing if its deadline is over. */
export const abandonIfDue = (state: State, now: number): readonly [Act, State] | undefined =>
  state.phase._tag === "Closing" && now >= state.phase.ticket.deadline
    ? abandon(state, state.phase.ticket, now)
    : undefined
