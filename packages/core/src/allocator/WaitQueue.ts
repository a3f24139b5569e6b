/**
 * Who waits, in order of arrival.
 *
 * The earliest deadline is known without a scan. Most callers wait equally long, so deadlines mostly rise with the tickets,
 * and then the first in the queue has the earliest. Only a ticket whose deadline is below that of one before it is also kept
 * by deadline. The earliest of all is the lower of those two heads: if the first in the queue is such a ticket, every ticket
 * behind it that kept the order has a later deadline than its own.
 */
import * as OrderedMap from "./OrderedMap.js"
import type { Ticket } from "./Ticket.js"

export interface WaitQueue {
  /** By ticket number. */
  readonly tickets: OrderedMap.OrderedMap<Ticket>
  /** The latest deadline among those that kept the order. */
  readonly latest: number
  /** Those that did not: by deadline, then by ticket number. */
  readonly early: OrderedMap.OrderedMap<OrderedMap.OrderedMap<Ticket>>
}

export const empty: WaitQueue = { tickets: OrderedMap.empty(), latest: -Infinity, early: OrderedMap.empty() }

export const size = (self: WaitQueue): number => self.tickets.size

/** The ticket of the longest waiter. */
export const first = (self: WaitQueue): number | undefined => OrderedMap.firstKey(self.tickets)

export const push = (self: WaitQueue, number: number, ticket: Ticket): WaitQueue => {
  const tickets = OrderedMap.set(self.tickets, number, ticket)
  if (ticket.deadline >= self.latest) return { tickets, latest: ticket.deadline, early: self.early }
  const key = ticket.deadline
  const same = OrderedMap.get(self.early, key) ?? OrderedMap.empty<Ticket>()
  return { tickets, latest: self.latest, early: OrderedMap.set(self.early, key, OrderedMap.set(same, number, ticket)) }
}

const removeEarly = (early: WaitQueue["early"], number: number, ticket: Ticket): WaitQueue["early"] => {
  const key = ticket.deadline
  const same = OrderedMap.get(early, key)
  if (same === undefined) return early
  const rest = OrderedMap.remove(same, number)
  return rest.size === 0 ? OrderedMap.remove(early, key) : OrderedMap.set(early, key, rest)
}

export const get = (self: WaitQueue, number: number): Ticket | undefined => OrderedMap.get(self.tickets, number)

/** Takes one out, wherever it stands. */
export const remove = (self: WaitQueue, number: number): WaitQueue => {
  const tickets = OrderedMap.remove(self.tickets, number)
  if (tickets === self.tickets) return self
  if (tickets.size === 0) return empty
  const { early, latest } = self
  return {
    tickets,
    latest,
    early: early.size === 0 ? early : removeEarly(early, number, OrderedMap.get(self.tickets, number)!)
  }
}

/** The ticket with the earliest deadline, if that is finite. */
export const mostUrgent = (self: WaitQueue): number | undefined => {
  const head = OrderedMap.first(self.tickets)
  const early = OrderedMap.first(self.early)
  if (head === undefined) return undefined
  if (early !== undefined && OrderedMap.first(early)!.deadline < head.deadline) return OrderedMap.firstKey(early)
  return head.deadline === Infinity ? undefined : first(self)
}

/** When the next waiter is overdue; Infinity: never. */
export const nextDeadline = ({ early, tickets }: WaitQueue): number =>
  Math.min(OrderedMap.first(tickets)?.deadline ?? Infinity, OrderedMap.firstKey(early) ?? Infinity)

/** Its place, counted from 1. */
export const placeOf = (self: WaitQueue, number: number): number => OrderedMap.rank(self.tickets, number) + 1
