/** How much is asked for, when, and what of it counts. */
import type { Stretch, Window } from "./arrivals.js"
import { windows } from "./arrivals.js"

/** How long callers wait for their answers, in milliseconds. */
export const patience = 1_000

/** Beside what the server can do. */
export const calmLoad = 0.5
export const overload = 10

/** Steps of load, and for how many seconds each is there. */
export interface Plan {
  readonly steps: ReadonlyArray<number>
  /** In which connections open and code is compiled, before requests come. */
  readonly warm: number
  /** In which queues fill. It does not count either. */
  readonly fill: number
  readonly step: number
  readonly calm: number
  readonly overload: number
  readonly after: number
}

export const full = (seconds = 60): Plan => ({
  steps: [1, 2, 5],
  warm: 5,
  fill: 2,
  step: 4,
  calm: 4,
  overload: seconds,
  after: 15
})

export const quick = (seconds = 4): Plan => ({
  steps: [2],
  warm: 3,
  fill: 1,
  step: 2,
  calm: 2,
  overload: seconds,
  after: 4
})

/** What a process is asked for: requests, and figures of some of the time. */
export interface Course {
  /** Seconds. */
  readonly warm: number
  readonly stretches: ReadonlyArray<Stretch>
  readonly windows: ReadonlyArray<Window>
}

/** Of the requests, without what is before them. */
export const lengthOf = ({ stretches }: Course): number => stretches.reduce((sum, { seconds }) => sum + seconds, 0)

/** Its figures are those of one load, once the queue has filled. */
export const stepOf = ({ fill, step, warm }: Plan, load: number): Course => ({
  warm,
  stretches: [{ load, seconds: fill + step }],
  windows: [{ from: fill * 1_000, to: (fill + step) * 1_000 }]
})

/**
 * The long overload, what is before and what comes after. Its figures are those of the calm, of the overload, and of the overload's second
 * half: by then it is no news.
 */
export const floodOf = ({ after, calm, overload: seconds, warm }: Plan): Course => {
  const stretches = [
    { load: calmLoad, seconds: calm },
    { load: overload, seconds },
    { load: calmLoad, seconds: after }
  ]
  const [before, during] = windows(stretches) as [Window, Window, Window]
  return { warm, stretches, windows: [before, during, { from: (during.from + during.to) / 2, to: during.to }] }
}
