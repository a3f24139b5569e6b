/** What is printed of a run, and what it is judged by. */
import type * as PoolStats from "@cenote/core/PoolStats"
import { quantile } from "simple-statistics"
import type * as Load from "./load.js"
import type { Peaks } from "./monitor.js"
import * as Table from "./table.js"
import { count, millis } from "./table.js"

export interface Run {
  readonly load: Load.Result
  readonly peaks: Peaks
  readonly stats: PoolStats.PoolStats
  readonly connections: number
  readonly sumBefore: number
  readonly sumAfter: number
}

const expected: ReadonlyArray<Load.Outcome> = ["Transferred", "Insufficient", "Unavailable"]

const having = ({ load }: Run, outcome: Load.Outcome) => load.answers.filter((answer) => answer.outcome === outcome)
const unexpected = ({ load }: Run) => load.answers.filter(({ outcome }) => !expected.includes(outcome))

export const table = (run: Run): string => {
  const { connections, load, peaks, stats, sumAfter, sumBefore } = run
  const latencies = load.answers.map((answer) => answer.millis)
  const [p50 = 0, p90 = 0, p99 = 0, slowest = 0] = quantile(latencies, [0.5, 0.9, 0.99, 1])

  return Table.make({
    "Requests, all at once": {
      "transferred (200)": count(having(run, "Transferred").length),
      "insufficient funds (409)": count(having(run, "Insufficient").length),
      "no connection (503)": count(having(run, "Unavailable").length),
      "failed": count(unexpected(run).length),
      "answered a second": count(load.answers.length / (load.millis / 1000))
    },
    "Latency": { "p50": millis(p50), "p90": millis(p90), "p99": millis(p99), "slowest": millis(slowest) },
    "Pool": {
      "asked for a connection": count(stats.requests),
      "most waiting at one time": count(peaks.waiting),
      "timed out": count(stats.timedOut),
      "refused": count(stats.refused),
      "connections opened": count(stats.opened),
      "connections closed": count(stats.closed),
      "connections allowed": count(connections)
    },
    "Server": {
      "most sessions at one time": count(peaks.sessions),
      "looked at pg_stat_activity": `${count(peaks.samples)} times`
    },
    "Sum of all accounts": { "before": count(sumBefore), "after": count(sumAfter) }
  })
}

/** Everything that must not be, in a sentence each. */
export const faults = (run: Run): ReadonlyArray<string> => {
  const { connections, peaks, sumAfter, sumBefore } = run
  const failed = unexpected(run)
  return [
    ...(sumBefore === sumAfter ? [] : [`The sum was ${count(sumBefore)} before, and ${count(sumAfter)} after.`]),
    ...(peaks.sessions <= connections
      ? []
      : [`The server saw ${count(peaks.sessions)} sessions of a pool of ${count(connections)}.`]),
    ...(having(run, "Unavailable").length < run.load.answers.length ? [] : ["No request got a connection."]),
    ...(failed.length === 0 ? [] : [`${count(failed.length)} requests failed. The first: ${failed[0]!.detail}`])
  ]
}
