/** When a client that got no connection may ask again: a guess from what the pool knows. */
import type { UnavailableReason } from "./errors.js"

/** What of a pool's stats the guess needs. */
export interface Load {
  readonly maxSize: number
  readonly waiting: number
  /** Openings that failed in a row. */
  readonly failedInARow: number
  /** Connections that come back in a second; 0 while nothing is known. */
  readonly returnRate?: number | undefined
}

/** Longer than this, nothing is known of a queue. */
const longest = 60

/** What the pool waits between two openings that fail: 100 ms, doubled, 5 s at most. In seconds. */
const backOff = (failedInARow: number): number => Math.min(5, 0.1 * 2 ** Math.max(0, failedInARow - 1))

/** By when another instance has taken over. In seconds. */
const takeOver = 5

const seconds = (reason: UnavailableReason, load: Load): number => {
  switch (reason) {
    case "Busy": {
      // Nothing has come back yet: as if each connection were held for a second.
      const rate = load.returnRate !== undefined && load.returnRate > 0 ? load.returnRate : load.maxSize
      return (load.waiting + 1) / rate
    }
    case "Down":
      return backOff(load.failedInARow)
    case "Closed":
      return takeOver
  }
}

/** In whole seconds, from 1 to 60. */
export const retryAfter = (reason: UnavailableReason, load: Load): number =>
  Math.min(longest, Math.max(1, Math.ceil(seconds(reason, load))))
