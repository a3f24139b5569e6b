/** A connection's close ends; the pool closes. */
import type { Act, Work } from "./decision.js"
import { nothing } from "./decision.js"
import { closeAllIdle, endSteps, finish } from "./ends.js"
import * as OrderedMap from "./OrderedMap.js"
import { settle } from "./settle.js"
import type { State } from "./state.js"
import { inUse, spentCount, withLeased, withPhase, withShared, withSteps, withUpkeep } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { act } from "./upkeep.js"
import { deny } from "./waiting.js"
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

const finishIfEmpty = (state: State, work: Array<Work>): State =>
  state.phase._tag === "Closing" && spentCount(state) === 0 ? finish(state, state.phase.tickets, work) : state

/**
 * Newcomers and waiters are refused, openings and other steps are ended, idle connections closed, leases awaited. Asked again, it
 * ends by the earlier of the deadlines.
 */
export const shutdown = (before: State, now: number, ticket: Ticket): readonly [Act, State] => {
  const work: Array<Work> = []
  const { phase } = before
  switch (phase._tag) {
    case "Closed":
      return act(finish(before, [ticket], work), now, work)
    case "Closing": {
      const deadline = Math.min(phase.deadline, ticket.deadline)
      return act(withPhase(before, { ...phase, tickets: [...phase.tickets, ticket], deadline }), now, work)
    }
    default: {
      const tickets = phase._tag === "Draining" ? [...phase.tickets, ticket] : [ticket]
      work.push({ _tag: "Announce", announcement: { _tag: "PoolClosing" } })
      let state = withPhase(before, { _tag: "Closing", tickets, deadline: ticket.deadline })
      for (let number = WaitQueue.first(state.queue); number !== undefined; number = WaitQueue.first(state.queue)) {
        state = deny(state, number, { _tag: "Closed" }, work)
      }
      state = endSteps(closeAllIdle(state, "Shutdown", now, work), "Shutdown", now, work)
      return act(finishIfEmpty(state, work), now, work)
    }
  }
}

/**
 * Newcomers are refused, who waits is served, and what is not needed for that is closed. It ends when every permit is back. Closing
 * comes before it, and it comes before a suspension.
 */
export const drain = (before: State, now: number, ticket: Ticket): readonly [Act, State] => {
  const work: Array<Work> = []
  const { phase } = before
  switch (phase._tag) {
    case "Closed":
      return act(finish(before, [ticket], work), now, work)
    case "Closing":
    case "Draining":
      return act(withPhase(before, { ...phase, tickets: [...phase.tickets, ticket] }), now, work)
    default:
      work.push({ _tag: "Announce", announcement: { _tag: "PoolDraining" } })
      return act(settle(withPhase(before, { _tag: "Draining", tickets: [ticket] }), now, work), now, work)
  }
}

/** The close deadline is over: everything that is still out is given up on, and the pool is closed. */
const abandon = (state: State, tickets: ReadonlyArray<Ticket>, now: number): readonly [Act, State] => {
  const closing = OrderedMap.values(state.steps.closing)
  const leased = inUse(state)
  const work: Array<Work> = [
    ...closing.map(({ id, reason, since }): Work => ({ _tag: "Abandon", id, reason, closingSince: since })),
    ...leased.map(({ connection, condemned }): Work => ({
      _tag: "Abandon",
      id: connection.id,
      reason: condemned ?? "Shutdown",
      closingSince: undefined
    }))
  ]
  const after = withUpkeep(
    withSteps(withShared(withLeased(finish(state, tickets, work), OrderedMap.empty()), OrderedMap.empty()), {
      closing: OrderedMap.empty()
    }),
    {
      closed: state.upkeep.closed + leased.length + closing.filter(({ opened }) => opened).length,
      aborted: state.upkeep.aborted + leased.length + closing.length
    }
  )
  return act(after, now, work)
}

/** Ends the pool's closing if its deadline is over. */
export const abandonIfDue = (state: State, now: number): readonly [Act, State] | undefined =>
  state.phase._tag === "Closing" && now >= state.phase.deadline
    ? abandon(state, state.phase.tickets, now)
    : undefined
