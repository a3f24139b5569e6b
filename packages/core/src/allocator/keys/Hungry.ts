/**
 * The keys that need a permit where none is free: who has the fewest connections is next, and among equals who has waited the longest.
 *
 * So a key that has none comes before all that have some, and between busy keys the shares become even.
 */
import * as OrderedMap from "../OrderedMap.js"

export interface Hunger {
  /** How many live connections the key has. */
  readonly live: number
  /** Numbers those that began to need one, and is its own. */
  readonly turn: number
  /** When it began, in milliseconds. */
  readonly since: number
}

interface Entry {
  readonly id: number
  readonly hunger: Hunger
}

export interface Hungry {
  readonly size: number
  /** By how many live connections they have, and then by turn. */
  readonly lines: OrderedMap.OrderedMap<OrderedMap.OrderedMap<Entry>>
  readonly next: number
}

export const empty: Hungry = { size: 0, lines: OrderedMap.empty(), next: 0 }

const add = (self: Hungry, id: number, hunger: Hunger): Hungry => {
  const line = OrderedMap.get(self.lines, hunger.live) ?? OrderedMap.empty<Entry>()
  return {
    size: self.size + 1,
    lines: OrderedMap.set(self.lines, hunger.live, OrderedMap.set(line, hunger.turn, { id, hunger })),
    next: Math.max(self.next, hunger.turn + 1)
  }
}

const remove = (self: Hungry, hunger: Hunger): Hungry => {
  const line = OrderedMap.remove(OrderedMap.get(self.lines, hunger.live)!, hunger.turn)
  return {
    size: self.size - 1,
    lines: line.size === 0
      ? OrderedMap.remove(self.lines, hunger.live)
      : OrderedMap.set(self.lines, hunger.live, line),
    next: self.next
  }
}

/** A key's hunger has become another, or has begun, or is over. */
export const move = (self: Hungry, id: number, from: Hunger | undefined, to: Hunger | undefined): Hungry => {
  if (from === to) return self
  const without = from === undefined ? self : remove(self, from)
  return to === undefined ? without : add(without, id, to)
}

/** Who is next. */
export const first = ({ lines }: Hungry): Entry | undefined => {
  const line = OrderedMap.first(lines)
  return line === undefined ? undefined : OrderedMap.first(line)
}

/** Who is next but for one key, once so many others have what is on its way. */
export const nextBut = ({ lines }: Hungry, id: number, onTheirWay: number): Entry | undefined => {
  let left = onTheirWay
  const isNext = (entry: Entry): boolean => entry.id !== id && left-- === 0
  for (const line of OrderedMap.values(lines)) {
    const key = OrderedMap.findKey(line, isNext)
    if (key !== undefined) return OrderedMap.get(line, key)
  }
  return undefined
}
