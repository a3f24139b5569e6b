/** Writes what was measured into docs/. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import { quantile } from "simple-statistics"
import { cases } from "../cases/index.js"
import type { Case, Measure, Result, Row } from "../model.js"
import { kinds } from "../model.js"
import { root } from "../root.js"
import type { Budget, Figures } from "./budgets.js"
import { isMet, libraries } from "./budgets.js"
import { loadTables } from "./load.js"
import { budgetTable, caseTable, heapTable } from "./tables.js"

export class NotWritten extends Data.TaggedError("NotWritten")<{ readonly message: string }> {}

const page = new URL("docs/performance.md", root)
const folder = new URL("docs/benchmarks/", root)

const json = (url: URL | string) => JSON.parse(readFileSync(url, "utf8")) as Record<string, Record<string, string>>

/** Of everybody who is compared. */
const versions = (): Record<string, string> => {
  const installed = (name: string) => {
    const manifest = json(new URL(`benchmarks/node_modules/${name}/package.json`, root)) as unknown as {
      version: string
    }
    return manifest.version
  }
  const names = [
    "effect",
    ...libraries,
    "pg",
    "@effect/sql-pg",
    "@effect/platform",
    "@effect/platform-node",
    "autocannon"
  ]
  return Object.fromEntries(names.map((name) => [name, installed(name)]))
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memory: string
  readonly system: string
  readonly node: string
}

const machine = (): Machine => ({
  processor: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.cpus().length,
  memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
  system: `${os.type()} ${os.machine()}`,
  node: process.version
})

const machineText = (on: Machine, at: Date, commit: string): string =>
  `Measured on ${at.toISOString().slice(0, 10)}, at commit ${
    commit.slice(0, 12)
  }: ${on.processor}, ${on.cores} cores, ` +
  `${on.memory} of memory, ${on.system}, Node ${on.node}; ` +
  `${Object.entries(versions()).map(([name, version]) => `${name} ${version}`).join(", ")}.`

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

const replaceRegion = (text: string, name: string, content: string): Effect.Effect<string, NotWritten> => {
  const [start, end] = [`<!-- bench: ${name} -->`, `<!-- /bench: ${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  return from < 0 || to < from
    ? new NotWritten({
      message: `docs/performance.md must have the lines ${start} and ${end}: the tables go between them.`
    })
    : Effect.succeed(`${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`)
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
    const text = yield* io(() => fs.readFile(page, "utf8")).pipe(
      Effect.flatMap((text) => replaceRegion(text, "machine", machineText(on, at, commit))),
      Effect.flatMap((text) => replaceRegion(text, "budgets", budgetTable(budgets))),
      Effect.flatMap((text) => replaceRegion(text, "cases", casesText(figures, true)))
    )
    const data = {
      at: at.toISOString(),
      commit,
      machine: on,
      versions: versions(),
      unit: "µs an operation: lower quartile, median, upper quartile",
      budgets: budgets.map((budget) => ({ ...budget, met: isMet(budget) })),
      cases: figures.results.map(({ case: name, rows }) => ({ name, rows: rows.map(summary) })),
      heap: figures.heap
    }
    yield* io(() => fs.mkdir(folder, { recursive: true }))
    yield* io(() => fs.writeFile(page, text))
    yield* io(() => fs.writeFile(new URL("results.json", folder), `${JSON.stringify(data, undefined, 1)}\n`))
    for (const result of figures.results) {
      yield* io(() => fs.writeFile(new URL(`${result.case}.svg`, folder), chart(workOf(result), result)))
    }
    yield* io(() => fs.writeFile(new URL("heap.svg", folder), heapChart(figures.heap)))
  })

const io = <A>(run: () => Promise<A>): Effect.Effect<A, NotWritten> =>
  Effect.tryPromise({ try: run, catch: (error) => new NotWritten({ message: String(error) }) })
