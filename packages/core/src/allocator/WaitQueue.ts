/**
 * Who waits: a line for each class, each in order of arrival.
 *
 * A ticket's turn is the time it was drawn, earlier by a head start where its class is high, later where it is low. The next to
 * be served is the first of the line whose first has the earliest turn. So a class goes before the one below it, but for those
 * who came that much earlier: whoever waits has the earliest turn of all in the end, and nobody starves.
 */
import type { Priority } from "../model/options.js"
import * as Line from "./Line.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Ticket } from "./Ticket.js"

export type WaitQueue = { readonly [P in Priority]: Line.Line }

export const empty: WaitQueue = { high: Line.empty, normal: Line.empty, low: Line.empty }

export const priorities = ["high", "normal", "low"] as const satisfies ReadonlyArray<Priority>

const withLine = ({ high, low, normal }: WaitQueue, priority: Priority, line: Line.Line): WaitQueue => {
  switch (priority) {
    case "high":
      return { high: line, normal, low }
    case "normal":
      return { high, normal: line, low }
    case "low":
      return { high, normal, low: line }
  }
}

/** Whether all wait in the one line, as where nobody says a priority. */
const isPlain = ({ high, low }: WaitQueue): boolean => Line.size(high) === 0 && Line.size(low) === 0

export const size = ({ high, low, normal }: WaitQueue): number => Line.size(normal) + Line.size(high) + Line.size(low)

/** The first of the line whose first has the earliest turn, of some of the tickets of each. */
const nextOf = (self: WaitQueue, some: "tickets" | "sharing"): number | undefined => {
  let next: number | undefined = undefined
  let earliest = Infinity
  for (const priority of priorities) {
    const tickets = self[priority][some]
    const turn = OrderedMap.first(tickets)?.turn
    if (turn !== undefined && (next === undefined || turn < earliest)) {
      next = OrderedMap.firstKey(tickets)
      earliest = turn
    }
  }
  return next
}

/** The number of the ticket that is served next. */
export const first = (self: WaitQueue): number | undefined =>
  isPlain(self) ? Line.first(self.normal) : nextOf(self, "tickets")

/** Of those that may share a connection with others. */
export const firstToShare = (self: WaitQueue): number | undefined =>
  isPlain(self) ? Line.firstToShare(self.normal) : nextOf(self, "sharing")

/** Of those that are no seat. */
export const firstWithoutSeat = (self: WaitQueue): number | undefined => {
  const firsts = priorities.flatMap((priority) => Line.firstWithoutSeat(self[priority]) ?? [])
  return firsts.reduce<number | undefined>(
    (first, number) => first === undefined || isBefore(get(self, number)!, get(self, first)!) ? number : first,
    undefined
  )
}

export const hasSeats = ({ high, low, normal }: WaitQueue): boolean =>
  normal.seats.size > 0 || high.seats.size > 0 || low.seats.size > 0

/** The tickets of all seats, in the order in which they are to be served. */
export const seats = (self: WaitQueue): ReadonlyArray<Ticket> => {
  if (isPlain(self)) return OrderedMap.values(self.normal.seats)
  return priorities
    .flatMap((priority) => OrderedMap.values(self[priority].seats))
    .sort((a, b) => a.turn - b.turn)
}

/** How many seats there are before a ticket that came before others did, less those of some numbers. */
export const countSeats = (
  self: WaitQueue,
  number: number,
  ticket: Ticket,
  limit: number,
  without: OrderedMap.OrderedMap<unknown>
): number =>
  priorities.reduce((count, priority) => {
    const { seats } = self[priority]
    if (seats.size === 0) return count
    if (priority === ticket.priority) {
      const before = Math.max(0, Math.min(number, limit))
      return count + OrderedMap.rank(seats, before) -
        (without.size === 0
          ? 0
          : OrderedMap.keys(without).filter((key) => key < before && OrderedMap.has(seats, key)).length)
    }
    return count + OrderedMap.keys(seats).filter((seat) =>
      seat < limit && !OrderedMap.has(without, seat) && isBefore(OrderedMap.get(seats, seat)!, ticket)
    ).length
  }, 0)

/** Whether a ticket is served before one of another class. */
export const isBefore = (ticket: Ticket, other: Ticket): boolean =>
  ticket.turn === other.turn
    ? priorities.indexOf(ticket.priority) < priorities.indexOf(other.priority)
    : ticket.turn < other.turn

export const push = (self: WaitQueue, number: number, ticket: Ticket): WaitQueue =>
  withLine(self, ticket.priority, Line.push(self[ticket.priority], number, ticket))

export const get = (self: WaitQueue, number: number): Ticket | undefined =>
  Line.get(self.normal, number) ??
    (isPlain(self) ? undefined : Line.get(self.high, number) ?? Line.get(self.low, number))

/** Takes one out, wherever it stands. */
export const remove = (self: WaitQueue, number: number): WaitQueue => {
  const normal = Line.remove(self.normal, number)
  if (normal !== self.normal) return fresh(self.high, normal, self.low)
  if (isPlain(self)) return self
  const high = Line.remove(self.high, number)
  if (high !== self.high) return fresh(high, normal, self.low)
  const low = Line.remove(self.low, number)
  return low === self.low ? self : fresh(high, normal, low)
}

/** There is one empty queue. */
const fresh = (high: Line.Line, normal: Line.Line, low: Line.Line): WaitQueue =>
  Line.size(high) + Line.size(normal) + Line.size(low) === 0 ? empty : { high, normal, low }

/** The ticket with the earliest deadline, if that is finite. */
export const mostUrgent = (self: WaitQueue): number | undefined => {
  if (isPlain(self)) return Line.mostUrgent(self.normal)
  const line = priorities.map((priority) => self[priority]).reduce((a, b) =>
    Line.nextDeadline(b) < Line.nextDeadline(a) ? b : a
  )
  return Line.mostUrgent(line)
}

/** When the next waiter is overdue; Infinity: never. */
export const nextDeadline = (self: WaitQueue): number =>
  isPlain(self)
    ? Line.nextDeadline(self.normal)
    : Math.min(Line.nextDeadline(self.high), Line.nextDeadline(self.normal), Line.nextDeadline(self.low))

/** Its place, counted from 1: one more than there are whose turn comes before. 0: it does not wait. */
export const placeOf = (self: WaitQueue, number: number): number => {
  const ticket = get(self, number)
  if (ticket === undefined) return 0
  const own = priorities.indexOf(ticket.priority)
  return priorities.reduce(
    (before, priority, index) =>
      before + (index === own
        ? Line.rank(self[priority], number)
        // Of equal turns the higher class's is first.
        : Line.countBefore(self[priority], ticket.turn, index < own)),
    1
  )
}

/** The tickets of all who wait, by class. */
export const entries = (self: WaitQueue): ReadonlyArray<readonly [number: number, ticket: Ticket]> =>
  priorities.flatMap((priority) => {
    const { tickets } = self[priority]
    const all = OrderedMap.values(tickets)
    return OrderedMap.keys(tickets).map((number, index) => [number, all[index]!] as const)
  })
