/** What the allocator measures of itself: the rate of returns, and how many connections are in use at once. */
import type { Flow, Peaks, State } from "./state.js"
import { inUseCount, servedCount, withUpkeep } from "./state.js"
import * as WaitQueue from "./WaitQueue.js"

/** A measurement takes at least so long, in milliseconds, and so many returns. */
const LEAST_TIME = 1_000
const LEAST_RETURNS = 10

/** What was measured longer ago says nothing of now, in milliseconds. */
const FRESH = 10_000

/** Leases that have ended. */
const returnedCount = (state: State): number => servedCount(state) - state.leased.size

/**
 * As somebody begins to wait: how fast connections come back is measured only while somebody waits, because only then is it how fast
 * they can. Where nobody waited before, the measurement begins anew.
 */
export const measure = (state: State, now: number): Flow => {
  const { rate, ratedAt, returned: before, since } = state.flow
  if (WaitQueue.size(state.queue) === 0) return { since: now, returned: returnedCount(state), rate, ratedAt }
  const time = now - since
  if (time < LEAST_TIME) return state.flow
  const returned = returnedCount(state)
  return returned - before < LEAST_RETURNS
    ? state.flow
    : { since: now, returned, rate: (returned - before) / time, ratedAt: now }
}

/** In connections a second; 0: it is not known. */
export const returnRate = (state: State, now: number): number => (rateOf(state, now) ?? 0) * 1_000

/** Unless it was measured too long ago. */
const rateOf = ({ flow: { rate, ratedAt } }: State, now: number): number | undefined =>
  now - ratedAt > FRESH ? undefined : rate

/** How long the caller at this place will wait by the measured rate, in milliseconds; undefined: it is not known. */
export const expectedWait = (state: State, place: number, now: number): number | undefined => {
  const rate = rateOf(state, now)
  return rate === undefined ? undefined : place / rate
}

/** Keeps the most that were in use at once. It rises seldom, so most leases pay for two comparisons. */
export const raisePeak = (state: State, now: number): State => {
  const size = inUseCount(state)
  const { now: most, since } = state.upkeep.peaks
  return size <= most && now - since < PEAK_WINDOW ? state : withPeaks(state, size, now)
}

const withPeaks = (state: State, inUse: number, now: number): State =>
  withUpkeep(state, { peaks: peaksOf(state.upkeep.peaks, inUse, now) })

/** In milliseconds. */
const PEAK_WINDOW = 60_000

const peaksOf = ({ before, ever, now: most, since }: Peaks, inUse: number, now: number): Peaks => {
  const over = Math.floor((now - since) / PEAK_WINDOW)
  if (over === 0) return { since, now: Math.max(most, inUse), before, ever: Math.max(ever, inUse) }
  // Of minutes in which nobody looked it is only known that no more were used than now: that would have been seen.
  const minutes = [...Array.from({ length: Math.min(over - 1, 3) }, () => inUse), most, ...before]
  return {
    since: since + over * PEAK_WINDOW,
    now: inUse,
    before: [minutes[0]!, minutes[1]!, minutes[2]!],
    ever: Math.max(ever, inUse)
  }
}

/** Begins a new minute if the present one is over. */
export const turnPeaks = (state: State, now: number): State =>
  now - state.upkeep.peaks.since < PEAK_WINDOW ? state : withPeaks(state, inUseCount(state), now)

/** As many as were in use at once in at least two of the last four minutes: the next one may well need them again. */
export const recurringPeak = ({ upkeep: { peaks: { before, now } } }: State): number =>
  [now, ...before].sort((a, b) => b - a)[1]!
