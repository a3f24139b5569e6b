/**
 * When which key needs a Tick: one alarm clock for all keys, as ten thousand of their own would be too many.
 *
 * A key stands in it once, at the earliest time that it asked for. What is not needed any more is left to ring, as in the Keeper.
 */
import * as OrderedMap from "../../allocator/OrderedMap.js"

interface Entry<C> {
  readonly core: C
  readonly at: number
}

export class Agenda<C> {
  private times = OrderedMap.empty<OrderedMap.OrderedMap<C>>()
  private readonly entries = new Map<number, Entry<C>>()

  constructor(private readonly arm: (due: number) => void) {}

  /** Makes sure that a key is due at this time at the latest. */
  put(id: number, core: C, due: number): void {
    if (due >= (this.entries.get(id)?.at ?? Infinity)) return
    this.drop(id)
    // Where the keys of an OrderedMap begin: a clock that was set to before 1970 must not be more than late.
    const at = Math.max(0, Math.ceil(due))
    this.entries.set(id, { core, at })
    this.times = OrderedMap.set(
      this.times,
      at,
      OrderedMap.set(OrderedMap.get(this.times, at) ?? OrderedMap.empty<C>(), id, core)
    )
    this.arm(due)
  }

  drop(id: number): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    this.entries.delete(id)
    const rest = OrderedMap.remove(OrderedMap.get(this.times, entry.at)!, id)
    this.times = rest.size === 0 ? OrderedMap.remove(this.times, entry.at) : OrderedMap.set(this.times, entry.at, rest)
  }

  /** Those that are due, which are not in it any more, and when the next will be. */
  take(now: number): ReadonlyArray<C> {
    const due: Array<C> = []
    for (
      let at = OrderedMap.firstKey(this.times);
      at !== undefined && at <= now;
      at = OrderedMap.firstKey(this.times)
    ) {
      const cores = OrderedMap.get(this.times, at)!
      for (const id of OrderedMap.keys(cores)) this.entries.delete(id)
      due.push(...OrderedMap.values(cores))
      this.times = OrderedMap.remove(this.times, at)
    }
    const next = OrderedMap.firstKey(this.times)
    if (next !== undefined) this.arm(next)
    return due
  }

  clear(): void {
    this.entries.clear()
    this.times = OrderedMap.empty()
  }
}
