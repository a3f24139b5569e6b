/** What samples say, and how sure. */
import { median, quantile, sampleWithReplacement } from "simple-statistics"
import type { Measure, Result } from "../model.js"

/** A median, and the interval in which 95 of 100 repetitions would find it. */
export interface Estimate {
  readonly _tag: "Estimate"
  readonly value: number
  readonly low: number
  readonly high: number
  /** The same of each one's fastest tenth of rounds: what it is where nothing else disturbs. */
  readonly undisturbed: number
}

const resamples = 1000

/** The interval is a bootstrap's: medians of samples drawn again from these. */
const estimate = (values: ReadonlyArray<number>, undisturbed: number): Estimate => {
  const all = [...values]
  const medians = Array.from({ length: resamples }, () => median(sampleWithReplacement(all, all.length)))
  return {
    _tag: "Estimate",
    value: median(all),
    low: quantile(medians, 0.025),
    high: quantile(medians, 0.975),
    undisturbed
  }
}

export interface Place {
  readonly case: string
  readonly contender: string
  readonly size: number
  readonly measure: Measure
}

/** Whom it was not sampled of, and why. */
export interface Missing {
  readonly _tag: "Missing"
  readonly contender: string
  readonly why: string
}

/** The rounds there, and what was sampled in each; undefined where it was not part of this run. */
export const samplesAt = (
  results: ReadonlyArray<Result>,
  { contender, measure, size, ...place }: Place
): ReadonlyMap<number, number> | Missing | undefined => {
  const rows = results.find((result) => result.case === place.case)?.rows ?? []
  const outcome = rows.find((row) => row.contender === contender && row.size === size)?.outcome
  switch (outcome?._tag) {
    case undefined:
      return undefined
    case "Stopped":
      return { _tag: "Missing", contender, why: outcome.why }
    case "Sampled":
      return new Map(outcome.samples.flatMap((sample) => {
        const value = sample[measure]
        return value === undefined ? [] : [[sample.round, value] as const]
      }))
  }
}

const isMissing = (samples: ReadonlyMap<number, number> | Missing): samples is Missing => "_tag" in samples

/** Computes something of several places in each round that has them all. Undefined where one was not part of this run. */
export const paired = (
  results: ReadonlyArray<Result>,
  places: ReadonlyArray<Place>,
  compute: (...values: ReadonlyArray<number>) => number
): Estimate | Missing | undefined => {
  const columns: Array<ReadonlyMap<number, number>> = []
  for (const place of places) {
    const samples = samplesAt(results, place)
    if (samples === undefined || isMissing(samples)) return samples
    columns.push(samples)
  }
  const rounds = [...(columns[0]?.keys() ?? [])].filter((round) => columns.every((column) => column.has(round)))
  if (rounds.length === 0) return undefined
  const values = columns.map((column) => rounds.map((round) => column.get(round) as number))
  return estimate(
    rounds.map((_, index) => compute(...values.map((column) => column[index] as number))),
    compute(...values.map((column) => quantile(column, 0.1)))
  )
}
