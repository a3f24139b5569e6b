/**
 * A deadlock that a pool can see: every connection is leased, and the very fiber that holds each waits for another one of this pool. Only
 * one that gives up can free one, so the last to ask is told at once.
 *
 * Asks from child fibers are not seen: a fiber does not know for whom its child asks.
 */
import type { Work } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import { situationOf } from "./situation.js"
import type { State } from "./state.js"
import { inUseCount, spentCount, withUpkeep } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { deny } from "./waiting.js"

/** Remembers a caller that has begun to wait, if its fiber holds a connection. */
export const nest = (state: State, number: number, ticket: Ticket): State => {
  const { fiber } = ticket
  return fiber !== undefined && OrderedMap.some(state.leased, (lease) => lease.ticket.fiber === fiber)
    ? withUpkeep(state, { nested: OrderedMap.set(state.upkeep.nested, number, ticket) })
    : state
}

export const isDeadlocked = (state: State): boolean => {
  const { nested } = state.upkeep
  const inUse = inUseCount(state)
  if (nested.size === 0 || inUse < state.rules.maxSize || spentCount(state) > inUse) {
    return false
  }
  const waiting = new Set(OrderedMap.values(nested).map(({ fiber }) => fiber))
  return !OrderedMap.some(state.leased, ({ ticket }) => !waiting.has(ticket.fiber))
}

/** The last to ask of those who hold a connection still: another fiber may have given back what one of them held. */
const lastToAsk = ({ leased, upkeep: { nested } }: State): number =>
  OrderedMap.keys(nested).filter((number) =>
    OrderedMap.some(leased, ({ ticket: { fiber } }) => fiber === OrderedMap.get(nested, number)!.fiber)
  ).at(-1)!

/** Tells the last to ask. */
export const breakDeadlock = (state: State, now: number, work: Array<Work>): State =>
  isDeadlocked(state)
    ? deny(state, lastToAsk(state), { _tag: "Deadlock", at: now, situation: situationOf(state, now) }, work)
    : state
