/**
 * Whose turn it is, where some wait for connections of several pools at once.
 *
 * Such a caller has a seat in the queue of each of its pools. A pool cannot serve a seat alone: what comes free stays idle until all of them can be, and
 * who comes after it is served meanwhile. Once many have come, what comes free is held for it, unless another of its pools is not able to serve
 * anybody: then nobody has to wait for what will not come. A hold binds who came later only, and the oldest came before all, so it goes on.
 */
import type { State } from "./state.js"
import { openCount } from "./state.js"
import type { Ticket } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/** How many callers may come after one that cannot be served alone, before they have to wait for it. */
export const PASSES = 20

/** How many connections are held for seats that come before a ticket: of which more came since, and that are bound. */
export const heldBefore = ({ nextTicket, queue, upkeep: { unbound } }: State, number: number, ticket: Ticket): number =>
  WaitQueue.hasSeats(queue)
    ? WaitQueue.countSeats(queue, number, ticket, nextTicket - 1 - PASSES, unbound)
    : 0

/** Who is served next by one of so many free connections. Undefined: nobody, or they are held, or only seats wait. */
export const nextToServe = (state: State, free: number): number | undefined => {
  if (!WaitQueue.hasSeats(state.queue)) return WaitQueue.first(state.queue)
  const number = WaitQueue.firstWithoutSeat(state.queue)
  return number === undefined || free <= heldBefore(state, number, WaitQueue.get(state.queue, number)!)
    ? undefined
    : number
}

/** Whether a pool can serve somebody, now or soon: it runs, and something is open. */
export const isAble = (state: State): boolean =>
  (state.phase._tag === "Running" || state.phase._tag === "Starting") && openCount(state) > 0
