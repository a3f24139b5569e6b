/** The figures of servers as Markdown tables. */
import { requestConnection } from "../http/servers/index.js"
import type { Kind, LoadCase, Measure, Result } from "../model.js"
import { kinds } from "../model.js"
import { paired } from "./statistics.js"
import { medianAt, rounded, table, times, whole } from "./tables.js"

/** Of microseconds for one: how many a second. */
export const rateOf = (micros: number): number => 1e6 / micros

const milliseconds = (micros: number): string => rounded.format(micros / 1000)

type Cell = (median: (measure: Measure) => number, contender: string, size: number) => string

/** One row for each contender, and one column for each size. Who was stopped says why in the first of the tables only. */
const tableOf = ({ axis }: LoadCase, { rows }: Result, title: string, cell: Cell, isFirst = false): string => {
  const sizes = [...new Set(rows.map(({ size }) => size))]
  const names = [...new Set(rows.map(({ contender }) => contender))]
  return table(
    [title, ...sizes.map((size) => `${whole.format(size)} ${axis}`)],
    names.map((name) => [
      name,
      ...sizes.map((size) => {
        const row = rows.find((row) => row.contender === name && row.size === size)
        if (row === undefined) return ""
        return row.outcome._tag === "Stopped"
          ? isFirst ? row.outcome.why : ""
          : cell((measure) => medianAt(measure, row) ?? NaN, name, size)
      })
    ])
  )
}

const named: Record<Kind, string> = { transfer: "transfers", account: "balances" }

/** How many requests a second, how long they took, and what they cost the server. */
export const loadTables = (work: LoadCase, result: Result): ReadonlyArray<string> => {
  const beside = (contender: string, size: number) =>
    paired(
      [result],
      [requestConnection, contender].map((contender) => ({
        case: work.name,
        contender,
        size,
        measure: "wall" as const
      })),
      (base = NaN, own = NaN) => base / own
    )
  const rate: Cell = (median, contender, size) => {
    const ratio = beside(contender, size)
    return `${rounded.format(rateOf(median("wall")))}${ratio?._tag === "Estimate" ? ` · ${times(ratio.value)}` : ""}`
  }
  return [
    tableOf(work, result, `requests a second · beside ${requestConnection}`, rate, true),
    ...kinds.map((kind) =>
      tableOf(
        work,
        result,
        `ms, ${named[kind]}: p50 · p99`,
        (median) => `${milliseconds(median(`${kind} p50`))} · ${milliseconds(median(`${kind} p99`))}`
      )
    ),
    tableOf(work, result, "µs of the processor, in the server, a request", (median) => rounded.format(median("cpu")))
  ]
}
