/** What a run shows: a row for each fault. */
import { markdownTable } from "markdown-table"
import { median } from "simple-statistics"
import type { Fault } from "./faults/fault.js"
import type { Finding } from "./judge.js"
import type { Result } from "./run.js"
import { none } from "./tally.js"
import { calm } from "./workload.js"

export interface Row {
  readonly fault: string
  readonly times: number
  readonly committed: number
  readonly rolledBack: number
  readonly unknown: number
  readonly lost: number
  readonly doubled: number
  /** Milliseconds; undefined where there is none. */
  readonly median: number | undefined
  readonly worst: number | undefined
  readonly bound: number | undefined
}

export const rows = (faults: ReadonlyArray<Fault>, { occurrences, tally }: Result): ReadonlyArray<Row> => {
  const row = (fault: string): Row => {
    const count = tally.of.get(fault) ?? none
    const all = occurrences.filter((occurrence) => occurrence.fault === fault)
    // One that never came is worse than any.
    const recoveries = all.map(({ recovery }) => recovery ?? Infinity)
    return {
      fault,
      times: all.length,
      committed: count.Committed,
      rolledBack: count.RolledBack,
      unknown: count.Unknown,
      lost: count.Lost,
      doubled: count.Doubled,
      median: recoveries.length === 0 ? undefined : median(recoveries),
      worst: recoveries.length === 0 ? undefined : Math.max(...recoveries),
      bound: all[0]?.bound
    }
  }
  return [
    ...faults.map(({ name }) => row(name)).filter(({ times }) => times > 0),
    row(calm)
  ]
}

const number = new Intl.NumberFormat("en")
const count = (value: number): string => number.format(value)

const seconds = (millis: number | undefined): string =>
  millis === undefined ? "" : millis === Infinity ? "never" : `${(millis / 1000).toFixed(millis < 1000 ? 2 : 1)} s`

/** As a terminal and a page of Markdown show it. */
export const table = (all: ReadonlyArray<Row>): string =>
  markdownTable([
    ["fault", "times", "committed", "rolled back", "unknown", "lost", "doubled", "felt for (median)", "worst", "bound"],
    ...all.map((row) => [
      row.fault,
      row.times === 0 ? "" : count(row.times),
      ...[row.committed, row.rolledBack, row.unknown, row.lost, row.doubled].map(count),
      ...[row.median, row.worst, row.bound].map(seconds)
    ])
  ], { align: ["l", "r", "r", "r", "r", "r", "r", "r", "r", "r"] })

const sentence = (finding: Finding): string => {
  switch (finding._tag) {
    case "Lost":
      return `Transfer ${finding.id} is lost: its caller was told that it was committed.`
    case "Doubled":
      return `Transfer ${finding.id} was done, and its caller was told that it was not; or it was done twice.`
    case "Altered":
      return `Transfer ${finding.id} is not what its caller asked for.`
    case "Unasked":
      return `Nobody asked for transfer ${finding.id}.`
    case "Balance":
      return `Account ${finding.account} has ${finding.actual}, where the ledger says ${finding.expected}.`
    case "Sum":
      return `The balances make ${finding.actual} instead of ${finding.expected}.`
  }
}

/** Every broken promise, as a sentence. */
export const broken = (
  { findings, problems }: Result
): ReadonlyArray<string> => [...findings.map(sentence), ...problems]

/** Why calls ended as they did, and how often, in each period. */
export const reasons = ({ tally }: Result): Record<string, Record<string, number>> =>
  Object.fromEntries(Array.from(tally.reasons, ([period, counts]) => [period, Object.fromEntries(counts)]))
