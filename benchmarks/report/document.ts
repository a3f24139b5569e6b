/** Writes what was measured into docs/. */
import * as Effect from "effect/Effect"
import { quantile } from "simple-statistics"
import { cases } from "../cases/index.js"
import type { Case, Measure, Result, Row } from "../model.js"
import { kinds } from "../model.js"
import type { Budget, Figures } from "./budgets.js"
import { isMet, libraries } from "./budgets.js"
import { loadTables } from "./load.js"
import { machine, machineText, versions } from "./machine.js"
import type { NotWritten } from "./page.js"
import { writeBeside, writeRegions } from "./page.js"
import { budgetTable, caseTable, heapTable } from "./tables.js"

const folder = "docs/benchmarks"

/** Of everybody who is compared. */
const installed = (): Record<string, string> =>
  versions([
    "effect",
    ...libraries,
    "pg",
    "@effect/sql-pg",
    "@effect/platform",
    "@effect/platform-node",
    "autocannon"
  ])

const workOf = (result: Result): Case => cases.find(({ name }) => name === result.case) as Case

const heapAbout =
  "What each of so many waiters takes of the heap, less what a bare fiber on `Effect.async` takes in the same process (a bare " +
  "promise, for async functions), and how many timers there are while they wait."

/** Every case: its table and its drawing. */
export const casesText = ({ heap, results }: Figures, withCharts: boolean): string =>
  [
    ...results.map((result) => {
      const work = workOf(result)
      return [
        `### ${work.title}`,
        work.about,
        ...work._tag === "Load" ? loadTables(work, result) : [caseTable(work, result)],
        ...drawing(work.title, work.name, withCharts)
      ]
    }),
    ...heap.length === 0
      ? []
      : [["### Heap of a waiter", heapAbout, heapTable(heap), ...drawing("Heap of a waiter", "heap", withCharts)]]
  ].map((parts) => parts.join("\n\n")).join("\n\n")

const drawing = (title: string, name: string, withCharts: boolean) =>
  withCharts ? [`![${title}](benchmarks/${name}.svg)`] : []

const summary = ({ contender, outcome, size }: Row) => {
  if (outcome._tag === "Stopped") return { contender, size, stopped: outcome.why }
  const quartiles = (measure: Measure) => {
    const values = outcome.samples.flatMap((sample) => sample[measure] ?? [])
    return values.length === 0
      ? undefined
      : [0.25, 0.5, 0.75].map((share) => Number(quantile(values, share).toPrecision(4)))
  }
  const percentiles = kinds.flatMap((kind) => [`${kind} p50`, `${kind} p99`] as const)
  return {
    contender,
    size,
    rounds: outcome.samples.length,
    // JSON has no fields that are undefined.
    ...Object.fromEntries((["wall", "cpu", ...percentiles] as const).map((measure) => [measure, quartiles(measure)]))
  }
}

/** Writes the tables into the page, and the figures and drawings beside it. */
export const write = (
  figures: Figures,
  budgets: ReadonlyArray<Budget>,
  at: Date,
  commit: string
): Effect.Effect<void, NotWritten> =>
  Effect.gen(function*() {
    const on = machine()
    // Large, and needed here only.
    const { chart, heapChart } = yield* Effect.promise(() => import("./chart.js"))
    const data = {
      at: at.toISOString(),
      commit,
      machine: on,
      versions: installed(),
      unit: "µs an operation: lower quartile, median, upper quartile",
      budgets: budgets.map((budget) => ({ ...budget, met: isMet(budget) })),
      cases: figures.results.map(({ case: name, rows }) => ({ name, rows: rows.map(summary) })),
      heap: figures.heap
    }
    yield* writeRegions("docs/performance.md", {
      "bench: machine": machineText(on, at, commit, installed()),
      "bench: budgets": budgetTable(budgets),
      "bench: cases": casesText(figures, true)
    })
    yield* writeBeside(`${folder}/results.json`, `${JSON.stringify(data, undefined, 1)}\n`)
    for (const result of figures.results) {
      yield* writeBeside(`${folder}/${result.case}.svg`, chart(workOf(result), result))
    }
    yield* writeBeside(`${folder}/heap.svg`, heapChart(figures.heap))
  })
