/**
 * Who waits in one class, in order of arrival.
 *
 * The earliest deadline is known without a scan. Most callers wait equally long, so deadlines mostly rise with the tickets,
 * and then the first in the queue has the earliest. Only a ticket whose deadline is below that of one before it is also kept
 * by deadline. The earliest of all is the lower of those two heads: if the first in the queue is such a ticket, every ticket
 * behind it that kept the order has a later deadline than its own.
 */
import * as OrderedMap from "./OrderedMap.js"
import type { Ticket } from "./Ticket.js"

export interface Line {
  /** By ticket number. */
  readonly tickets: OrderedMap.OrderedMap<Ticket>
  /** Those of them that may share a connection with others. */
  readonly sharing: OrderedMap.OrderedMap<Ticket>
  /** Those that are a seat of a caller that waits elsewhere as well. */
  readonly seats: OrderedMap.OrderedMap<Ticket>
  /** The latest deadline among those that kept the order. */
  readonly latest: number
  /** Those that did not: by deadline, then by ticket number. */
  readonly early: OrderedMap.OrderedMap<OrderedMap.OrderedMap<Ticket>>
}

export const empty: Line = {
  tickets: OrderedMap.empty(),
  sharing: OrderedMap.empty(),
  seats: OrderedMap.empty(),
  latest: -Infinity,
  early: OrderedMap.empty()
}

export const size = (self: Line): number => self.tickets.size

/** The ticket of the longest waiter. */
export const first = (self: Line): number | undefined => OrderedMap.firstKey(self.tickets)

/** Of those that may share a connection. */
export const firstToShare = (self: Line): number | undefined => OrderedMap.firstKey(self.sharing)

/** Of those that are no seat. */
export const firstWithoutSeat = (self: Line): number | undefined =>
  self.seats.size === 0
    ? first(self)
    : OrderedMap.findKey(self.tickets, ({ manner }) => manner.party === undefined)

export const push = (self: Line, number: number, ticket: Ticket): Line => {
  const tickets = OrderedMap.set(self.tickets, number, ticket)
  const sharing = ticket.manner.mayShare ? OrderedMap.set(self.sharing, number, ticket) : self.sharing
  const seats = ticket.manner.party === undefined ? self.seats : OrderedMap.set(self.seats, number, ticket)
  if (ticket.deadline >= self.latest) return { tickets, sharing, seats, latest: ticket.deadline, early: self.early }
  const key = ticket.deadline
  const same = OrderedMap.get(self.early, key) ?? OrderedMap.empty<Ticket>()
  return {
    tickets,
    sharing,
    seats,
    latest: self.latest,
    early: OrderedMap.set(self.early, key, OrderedMap.set(same, number, ticket))
  }
}

const removeEarly = (early: Line["early"], number: number, ticket: Ticket): Line["early"] => {
  const key = ticket.deadline
  const same = OrderedMap.get(early, key)
  if (same === undefined) return early
  const rest = OrderedMap.remove(same, number)
  return rest.size === 0 ? OrderedMap.remove(early, key) : OrderedMap.set(early, key, rest)
}

export const get = (self: Line, number: number): Ticket | undefined => OrderedMap.get(self.tickets, number)

/** Takes one out, wherever it stands. */
export const remove = (self: Line, number: number): Line => {
  const tickets = OrderedMap.remove(self.tickets, number)
  if (tickets === self.tickets) return self
  if (tickets.size === 0) return empty
  const { early, latest, seats, sharing } = self
  return {
    tickets,
    sharing: sharing.size === 0 ? sharing : OrderedMap.remove(sharing, number),
    seats: seats.size === 0 ? seats : OrderedMap.remove(seats, number),
    latest,
    early: early.size === 0 ? early : removeEarly(early, number, OrderedMap.get(self.tickets, number)!)
  }
}

/** The ticket with the earliest deadline, if that is finite. */
export const mostUrgent = (self: Line): number | undefined => {
  const head = OrderedMap.first(self.tickets)
  const early = OrderedMap.first(self.early)
  if (head === undefined) return undefined
  if (early !== undefined && OrderedMap.first(early)!.deadline < head.deadline) return OrderedMap.firstKey(early)
  return head.deadline === Infinity ? undefined : first(self)
}

/** When the next waiter is overdue; Infinity: never. */
export const nextDeadline = ({ early, tickets }: Line): number =>
  Math.min(OrderedMap.first(tickets)?.deadline ?? Infinity, OrderedMap.firstKey(early) ?? Infinity)

/** How many came before it. */
export const rank = (self: Line, number: number): number => OrderedMap.rank(self.tickets, number)

/** How many of them have their turn before that, or at it. */
export const countBefore = (self: Line, turn: number, orAt: boolean): number =>
  OrderedMap.countWhile(self.tickets, (ticket) => ticket.turn < turn || (orAt && ticket.turn === turn))
