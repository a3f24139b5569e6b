/** What the answers of one turn say. */
import { quantileSorted } from "simple-statistics"
import type { Kind, Percentile, Sample } from "../../model.js"
import { kinds } from "../../model.js"

export interface Answer {
  readonly kind: Kind
  /** Whether it is its client's first one, for which the client had to connect. */
  readonly isFirst: boolean
  /** Milliseconds: when it came, and how long it was waited for. */
  readonly at: number
  readonly took: number
}

/** Until so much of the answers have come, clients are still connecting; from then on, some have no more to ask. */
const begins = 0.2
const ends = 0.9

const percentiles = (answers: ReadonlyArray<Answer>, kind: Kind): Partial<Record<Percentile, number>> => {
  const took = answers.flatMap((answer) => answer.kind === kind && !answer.isFirst ? [answer.took * 1000] : []).sort((
    a,
    b
  ) => a - b)
  return took.length === 0
    ? {}
    : { [`${kind} p50`]: quantileSorted(took, 0.5), [`${kind} p99`]: quantileSorted(took, 0.99) }
}

/** Of the answers in the order in which they came. All times are in microseconds. */
export const figures = (answers: ReadonlyArray<Answer>): Omit<Sample, "round" | "cpu"> => {
  const first = Math.floor(answers.length * begins)
  const counted = answers.slice(first, Math.max(first + 2, Math.ceil(answers.length * ends)))
  const [begin, end] = [counted[0], counted.at(-1)]
  return {
    wall: begin === undefined || end === undefined ? NaN : (end.at - begin.at) * 1000 / (counted.length - 1),
    ...Object.assign({}, ...kinds.map((kind) => percentiles(counted, kind)))
  }
}
