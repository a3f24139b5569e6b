/** What became of each request, and what that says. */
import { quantileSorted } from "simple-statistics"
import type { Window } from "./arrivals.js"

/**
 * - `Answered`: in time.
 * - `Refused`: told, in time, that there is no connection for it.
 * - `Failed`: told of anything else.
 * - `Left`: its patience was over before it was told anything.
 */
export type End = "Answered" | "Refused" | "Failed" | "Left"

const ends: ReadonlyArray<End> = ["Answered", "Refused", "Failed", "Left"]

/** Is not on the heap, whose size is looked at. */
export class Outcomes {
  private readonly endedAt: Float64Array
  /** 0: it goes on. Else one more than the place in `ends`. */
  private readonly kinds: Uint8Array

  /** @param arrivals in milliseconds, as all times are */
  constructor(readonly arrivals: Float64Array, private readonly patience: number) {
    this.endedAt = new Float64Array(arrivals.length)
    this.kinds = new Uint8Array(arrivals.length)
  }

  hasEnded(request: number): boolean {
    return this.kinds[request] !== 0
  }

  /** The first end of a request is its end. One that comes when its patience is over comes too late. */
  end(request: number, at: number, end: End): void {
    if (this.hasEnded(request)) return
    const leavesAt = this.arrivals[request]! + this.patience
    const isLate = at >= leavesAt
    this.kinds[request] = 1 + ends.indexOf(isLate ? "Left" : end)
    this.endedAt[request] = isLate ? leavesAt : at
  }

  /** What ended within a time. */
  *endedIn({ from, to }: Window): Generator<{ readonly end: End; readonly took: number }> {
    for (let request = 0; request < this.arrivals.length; request++) {
      const kind = this.kinds[request]!
      const at = this.endedAt[request]!
      if (kind > 0 && at >= from && at < to) yield { end: ends[kind - 1]!, took: at - this.arrivals[request]! }
    }
  }
}

/** Of a time: how many a second, and milliseconds. */
export interface Figures {
  /** Answers. */
  readonly goodput: number
  readonly refused: number
  readonly failed: number
  readonly left: number
  /** From when a request came to its answer. There are none where nobody was answered. */
  readonly p50?: number
  readonly p99?: number
}

export const figures = (outcomes: Outcomes, window: Window): Figures => {
  const counts: Record<End, number> = { Answered: 0, Refused: 0, Failed: 0, Left: 0 }
  const took: Array<number> = []
  for (const ended of outcomes.endedIn(window)) {
    counts[ended.end]++
    if (ended.end === "Answered") took.push(ended.took)
  }
  took.sort((one, other) => one - other)
  const seconds = (window.to - window.from) / 1_000
  return {
    goodput: counts.Answered / seconds,
    refused: counts.Refused / seconds,
    failed: counts.Failed / seconds,
    left: counts.Left / seconds,
    ...took.length === 0 ? {} : { p50: quantileSorted(took, 0.5), p99: quantileSorted(took, 0.99) }
  }
}

/** One after the other, as far as they are whole. */
export const bySecond = (outcomes: Outcomes, { from, to }: Window): ReadonlyArray<Figures> =>
  Array.from(
    { length: Math.floor((to - from) / 1_000) },
    (_, second) => figures(outcomes, { from: from + second * 1_000, to: from + (second + 1) * 1_000 })
  )

/** How much longer than in calm times the 99th percentile may be, where all is well. */
const slower = 2

/** The share of requests that are answered where all is well. */
const answered = 0.99

/** How many seconds one after the other must be so, or it was by chance. */
const inARow = 3

const isWell = (calm: Figures) => ({ failed, goodput, left, p99, refused }: Figures): boolean =>
  p99 !== undefined && calm.p99 !== undefined && p99 <= slower * calm.p99
  && goodput >= answered * (goodput + refused + failed + left)

/** After how many of these seconds all is as in calm times. Undefined: after none of them. */
export const wellAfter = (calm: Figures, seconds: ReadonlyArray<Figures>): number | undefined => {
  const well = seconds.map(isWell(calm))
  const first = well.findIndex((_, second) =>
    second + inARow <= well.length && well.slice(second, second + inARow).every((isWell) => isWell)
  )
  return first < 0 ? undefined : first
}
