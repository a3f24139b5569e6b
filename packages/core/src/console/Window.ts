/** What has happened in a pool since somebody looked last: how long callers waited, and how many got nothing. */
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

export class Window {
  private waits: Array<number> = []
  private failed = 0
  private fresh: Array<Told> = []
  private past: Array<Told> = []

  read(event: PoolEvent): void {
    if (event._tag === "Acquired") this.waits.push(event.waited)
    if (event._tag === "AcquireFailed") this.failed++
    if (isFrequent(event)) return
    this.fresh.push(eventOf(event))
    if (this.fresh.length > RECENT) this.fresh.shift()
  }

  /** What there was since the last time. */
  take() {
    const waits = this.waits.sort((a, b) => a - b)
    const taken = {
      served: waits.length,
      failed: this.failed,
      p50: percentile(waits, 0.5),
      p95: percentile(waits, 0.95),
      p99: percentile(waits, 0.99),
      events: this.fresh
    }
    this.past = [...this.past, ...this.fresh].slice(-RECENT)
    this.waits = []
    this.failed = 0
    this.fresh = []
    return taken
  }

  get recent(): ReadonlyArray<Told> {
    return this.past
  }
}
