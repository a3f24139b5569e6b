/** Whether what the process holds at rest grows with time. */
import { median } from "simple-statistics"
import type { Resources } from "./resources.js"

export interface Sample extends Resources {
  /** Milliseconds from the start of the run. */
  readonly at: number
  /** That the pool has open: each is a few files. */
  readonly connections: number
}

/** Code is compiled and caches are filled meanwhile. */
const warmUp = 2

/** Fewer say nothing of growth. */
const fewest = 6

/** How much more there may be at the end than at the beginning. */
const slack: { readonly [What in keyof Resources]: (before: number) => number } = {
  heap: (before) => before * 0.1,
  files: () => 3,
  timers: () => 3,
  fibers: () => 3
}

export interface Growth {
  /** Medians of the first and of the last third. */
  readonly before: number
  readonly after: number
  readonly isFlat: boolean
}

/** Undefined where there are too few samples. */
export const growth = (what: keyof Resources, all: ReadonlyArray<Sample>): Growth | undefined => {
  const values = all.slice(warmUp).map((sample) => sample[what])
  if (values.length < fewest) return undefined
  const third = Math.floor(values.length / 3)
  const before = median(values.slice(0, third))
  const after = median(values.slice(-third))
  return { before, after, isFlat: after <= before + slack[what](before) }
}

export const kinds = ["heap", "files", "timers", "fibers"] as const

/** What grows, as sentences. */
export const growing = (all: ReadonlyArray<Sample>): ReadonlyArray<string> =>
  kinds.flatMap((what) => {
    const found = growth(what, all)
    return found === undefined || found.isFlat
      ? []
      : [`At rest, ${what} grew from ${found.before} to ${found.after} in ${all.length} samples.`]
  })
