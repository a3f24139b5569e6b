/** The figures as Markdown tables. */
import { markdownTable } from "markdown-table"
import { quantile } from "simple-statistics"
import { cases } from "../cases/index.js"
import { statement } from "../contenders/sql.js"
import type { HeapRow } from "../measure/measure.js"
import type { Case, LoopCase, Measure, Result, Row } from "../model.js"
import { base } from "../model.js"
import type { Budget } from "./budgets.js"
import { isClear, isMet } from "./budgets.js"
import type { Estimate } from "./statistics.js"
import { paired } from "./statistics.js"

export const rounded = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 })
const precise = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })
export const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  markdownTable([head, ...rows], { align: head.map((_, index) => index === 0 ? "l" : "r") })

export const times = (value: number): string => `${value < 100 ? precise.format(value) : rounded.format(value)} ×`

const spread = ({ high, low }: Estimate, format: (value: number) => string): string =>
  low === high ? "" : `${format(low)} to ${format(high)}`

const verdict = (budget: Budget): string => `${isMet(budget) ? "met" : "**missed**"}${isClear(budget) ? "" : ", near"}`

export const budgetTable = (all: ReadonlyArray<Budget>): string =>
  table(
    ["what", "budget", "measured", "spread", "undisturbed", ""],
    all.map((budget) => {
      const { bound, measured, unit, what } = budget
      const format = (value: number) => unit === "×" ? times(value) : `${whole.format(value)} ${unit}`.trim()
      return [
        what,
        `${bound._tag === "AtMost" ? "≤" : "≥"} ${format(bound.value)}`,
        ...measured._tag === "Missing"
          ? [`${measured.contender}: ${measured.why}`, "", ""]
          : [format(measured.value), spread(measured, format), format(measured.undisturbed)],
        verdict(budget)
      ]
    })
  )

export const medianAt = (measure: Measure, { outcome }: Row): number | undefined => {
  if (outcome._tag === "Stopped") return undefined
  const values = outcome.samples.flatMap((sample) => sample[measure] ?? [])
  return values.length === 0 ? undefined : quantile(values, 0.5)
}

/** The median of what its case measures. */
export const medianOf = ({ measure }: Case, row: Row): number | undefined => medianAt(measure, row)

/** Whom all others of a case are compared with. */
const baseOf = ({ asks }: LoopCase): string => asks === undefined ? base : statement

/** Everybody's time, and how many times that of the base. */
export const caseTable = (work: LoopCase, result: Result): string => {
  const base = baseOf(work)
  const sizes = [...new Set(result.rows.map(({ size }) => size))]
  const names = [...new Set(result.rows.map(({ contender }) => contender))]
  const at = (contender: string, size: number) =>
    result.rows.find((row) => row.contender === contender && row.size === size) as Row
  const beside = (contender: string, size: number) =>
    paired(
      [result],
      [contender, base].map((contender) => ({ case: work.name, contender, size, measure: work.measure })),
      (one = NaN, other = NaN) => one / other
    )
  if (sizes.length === 1) {
    const size = sizes[0] as number
    return table(
      ["", "µs", `beside ${base}`, "spread"],
      names.map((name) => {
        const row = at(name, size)
        const ratio = beside(name, size)
        return row.outcome._tag === "Stopped"
          ? [name, row.outcome.why, "", ""]
          : [
            name,
            rounded.format(medianOf(work, row) as number),
            ...ratio?._tag === "Estimate" ? [times(ratio.value), spread(ratio, times)] : ["", ""]
          ]
      })
    )
  }
  return table(
    [`µs · beside ${base}`, ...sizes.map((size) => `${whole.format(size)} ${work.axis}`)],
    names.map((name) => [
      name,
      ...sizes.map((size) => {
        const row = at(name, size)
        if (row.outcome._tag === "Stopped") return row.outcome.why
        const ratio = beside(name, size)
        return `${rounded.format(medianOf(work, row) as number)}${
          ratio?._tag === "Estimate" ? ` · ${times(ratio.value)}` : ""
        }`
      })
    ])
  )
}

export const heapTable = (rows: ReadonlyArray<HeapRow>): string => {
  const sizes = [...new Set(rows.map(({ size }) => size))]
  const names = [...new Set(rows.map(({ contender }) => contender))]
  const cell = (name: string, size: number) => {
    const outcome = rows.find((row) => row.contender === name && row.size === size)?.outcome
    if (outcome === undefined) return ""
    return outcome._tag === "Stopped"
      ? outcome.why
      : `${whole.format(outcome.heap.bytes - outcome.heap.bare)} · ${whole.format(outcome.heap.timers)}`
  }
  return table(
    ["bytes · timers", ...sizes.map((size) => `${whole.format(size)} waiters`)],
    names.map((name) => [name, ...sizes.map((size) => cell(name, size))])
  )
}

const faster = (ratio: Estimate): string => ratio.high < 1 ? "faster" : ratio.low > 1 ? "slower" : "no difference seen"

/** The working tree beside another commit: less is better. */
export const againstTable = (
  results: ReadonlyArray<Result>,
  pairs: ReadonlyArray<readonly [tree: string, other: string]>
): string =>
  table(
    ["case", "size", "", "µs", "before", "ratio", "spread", ""],
    results.flatMap((result) => {
      const work = cases.find(({ name }) => name === result.case) as Case
      const sizes = [...new Set(result.rows.map(({ size }) => size))]
      return sizes.flatMap((size) =>
        pairs.map(([tree, other]) => {
          const places = [tree, other].map((contender) => ({ case: work.name, contender, size, measure: work.measure }))
          const ratio = paired([result], places, (tree = NaN, other = NaN) => tree / other)
          const micros = places.map(({ contender }) => {
            const row = result.rows.find((row) => row.contender === contender && row.size === size) as Row
            return row.outcome._tag === "Stopped" ? row.outcome.why : rounded.format(medianOf(work, row) as number)
          })
          return [
            work.name,
            whole.format(size),
            tree,
            ...micros,
            ...ratio?._tag === "Estimate" ? [times(ratio.value), spread(ratio, times), faster(ratio)] : ["", "", ""]
          ]
        })
      )
    })
  )
