/** What has happened in a pool since somebody looked last: how long callers waited, and how many got nothing. */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import type { PoolEvent } from "../model/events.js"
import { eventOf } from "./view.js"

/** How many events are remembered for who comes later, and told of at one time. */
const RECENT = 200

type Told = ReturnType<typeof eventOf>

const percentile = (sorted: ReadonlyArray<number>, share: number): number | null =>
  sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!

/** What is of no interest in a list: there are too many of them. */
const isFrequent = ({ _tag }: PoolEvent): boolean =>
  _tag === "AcquireStarted" || _tag === "Acquired" || _tag === "Released"

/** Who got nothing for the same reason: many do at once, and would push all else out of the list. */
interface Failures {
  readonly first: Told
  count: number
}

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return Predicate.hasProperty(error, "_tag") && typeof error._tag === "string"
    ? `${error._tag} ${Predicate.hasProperty(error, "reason") ? String(error.reason) : ""}`
    : ""
}

const told = ({ count, first }: Failures): Told =>
  count === 1 ? first : { ...first, text: `${count} callers; the first: ${first.text}` }

export class Window {
  private waits: Array<number> = []
  private failed = 0
  private failures = new Map<string, Failures>()
  private fresh: Array<Told> = []
  private past: Array<Told> = []

  read(event: PoolEvent): void {
    if (event._tag === "Acquired") this.waits.push(event.waited)
    if (event._tag === "AcquireFailed") {
      this.failed++
      const reason = reasonOf(event.cause)
      const others = this.failures.get(reason)
      if (others !== undefined) others.count++
      else this.failures.set(reason, { first: eventOf(event), count: 1 })
      return
    }
    if (isFrequent(event)) return
    this.fresh.push(eventOf(event))
    if (this.fresh.length > RECENT) this.fresh.shift()
  }

  /** What there was since the last time. */
  take() {
    const waits = this.waits.sort((a, b) => a - b)
    const events = [...this.fresh, ...[...this.failures.values()].map(told)].sort((a, b) => a.at - b.at)
    const taken = {
      served: waits.length,
      failed: this.failed,
      p50: percentile(waits, 0.5),
      p95: percentile(waits, 0.95),
      p99: percentile(waits, 0.99),
      events
    }
    this.past = [...this.past, ...events].slice(-RECENT)
    this.waits = []
    this.failed = 0
    this.failures = new Map()
    this.fresh = []
    return taken
  }

  get recent(): ReadonlyArray<Told> {
    return this.past
  }
}
