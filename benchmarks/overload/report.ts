/** What was measured, as tables and a drawing. */
import { render } from "../report/chart.js"
import { rounded, table, whole } from "../report/tables.js"
import type { Row } from "./measure.js"
import type { Figures } from "./outcomes.js"
import type { Plan } from "./plan.js"
import { calmLoad, overload, patience } from "./plan.js"

type Measured = Extract<Row, { readonly _tag: "Measured" }>

const isMeasured = (row: Row): row is Measured => row._tag === "Measured"

export const percent = (share: number): string => `${whole.format(100 * share)} %`

const millis = (value: number | undefined): string => value === undefined ? "–" : whole.format(value)

const well = (row: Measured, { after }: Plan): string =>
  row.wellAfter === undefined ? `not in ${after} s` : row.wellAfter === 0 ? "at once" : `${row.wellAfter} s`

const floodRow = (plan: Plan) => (row: Row): ReadonlyArray<string> => {
  if (!isMeasured(row)) return [row.name, row.why]
  const { calm, flood, later } = row
  return [
    row.name,
    whole.format(row.peak),
    whole.format(flood.goodput),
    percent(row.kept),
    millis(calm.p99),
    millis(flood.p50),
    millis(flood.p99),
    millis(later.p99),
    whole.format(flood.refused),
    whole.format(flood.left),
    whole.format(flood.failed),
    whole.format(row.unended),
    whole.format(row.heap / 2 ** 20),
    percent(row.cpu),
    well(row, plan)
  ]
}

const heads = [
  "pool",
  "best goodput",
  `goodput at ${overload} ×`,
  "kept",
  "p99 in calm, ms",
  "p50, ms",
  "p99, ms",
  "p99 of its second half, ms",
  "refused a second",
  "left a second",
  "failed a second",
  "handlers at the end",
  "heap, MB",
  "processor",
  "well after"
]

/** Who was stopped has fewer cells. */
const filled = (cells: ReadonlyArray<string>, length: number): ReadonlyArray<string> =>
  Array.from({ length }, (_, index) => cells[index] ?? "")

export const floodTable = (rows: ReadonlyArray<Row>, plan: Plan): string =>
  table(heads, rows.map((row) => filled(floodRow(plan)(row), heads.length)))

const loadsOf = ({ steps }: Plan): ReadonlyArray<number> => [calmLoad, ...steps, overload]

export const loadTable = (rows: ReadonlyArray<Row>, plan: Plan): string => {
  const loads = loadsOf(plan)
  return table(
    ["goodput", ...loads.map((load) => `${load} ×`)],
    rows.map((row) =>
      filled(
        isMeasured(row)
          ? [row.name, ...row.byLoad.map(([, { goodput }]) => whole.format(goodput))]
          : [row.name, row.why],
        loads.length + 1
      )
    )
  )
}

export const conditions = (rows: ReadonlyArray<Row>, plan: Plan, capacity: number): string => {
  const late = Math.max(0, ...rows.filter(isMeasured).map((row) => row.late))
  return `The server did ${whole.format(capacity)} requests a second for 10 bare connections: that is 1 ×. ` +
    `${overload} × lasted for ${plan.overload} s, after ${plan.calm} s and before ${plan.after} s of ${calmLoad} ×; ` +
    `the other steps for ${plan.step} s each. No request began more than ${
      rounded.format(late)
    } ms late at ${overload} ×.`
}

const colours = ["#e4572e", "#f0a202", "#8d5a97", "#17bebb", "#2f6690", "#7fb7d6", "#76b041"]

interface Panel {
  readonly top: number
  readonly height: number
  readonly points: (row: Measured) => ReadonlyArray<readonly [x: number | string, y: number | null]>
  readonly x: object
  readonly y: object
}

const panelsOf = (plan: Plan): ReadonlyArray<Panel> => {
  const from = plan.calm
  const seconds = { type: "value", min: 0, max: from + plan.overload + plan.after }
  const bySecond = (toValue: (figures: Figures) => number | undefined) => ({ seconds }: Measured) =>
    seconds.map((figures, second) => {
      const value = toValue(figures)
      // In the midst of its second. Where there is nothing, the line has a gap.
      return [second + 0.5, value === undefined ? null : Number(value.toPrecision(4))] as const
    })
  return [
    {
      top: 60,
      height: 210,
      points: ({ byLoad }) => byLoad.map(([load, { goodput }]) => [`${load} ×`, Math.round(goodput)] as const),
      x: {
        type: "category",
        data: loadsOf(plan).map((load) => `${load} ×`),
        name: "asked for, beside what can be served"
      },
      y: { type: "value", name: "answers in time, a second" }
    },
    {
      top: 340,
      height: 210,
      points: bySecond(({ goodput }) => goodput),
      x: { ...seconds, axisLabel: { show: false } },
      y: { type: "value", name: "answers in time, a second" }
    },
    {
      top: 580,
      height: 210,
      points: bySecond(({ p99 }) => p99),
      x: { ...seconds, name: `seconds; ${overload} × lasts from ${from} to ${from + plan.overload}` },
      y: { type: "log", min: 10, max: patience, name: "p99 of the answered, ms" }
    }
  ]
}

/** Goodput at each load; and of the long overload, second by second, goodput and the 99th percentile. */
export const drawing = (rows: ReadonlyArray<Row>, plan: Plan): string => {
  const panels = panelsOf(plan)
  return render(1000, 850, {
    title: {
      text: `One handler on several pools of 10 connections, asked for up to ${overload} times what can be served`,
      left: "center",
      textStyle: { fontSize: 15 }
    },
    legend: { orient: "vertical", left: 735, top: 60, textStyle: { fontSize: 11 } },
    grid: panels.map(({ height, top }) => ({ left: 70, right: 290, top, height, outerBoundsMode: "none" })),
    xAxis: panels.map(({ x }, gridIndex) => ({ ...x, gridIndex, nameLocation: "middle", nameGap: 28 })),
    yAxis: panels.map(({ y }, gridIndex) => ({ ...y, gridIndex, nameLocation: "middle", nameGap: 48 })),
    series: panels.flatMap(({ points }, panel) =>
      rows.filter(isMeasured).map((row, index) => ({
        type: "line",
        name: row.name.replaceAll("`", ""),
        data: points(row),
        xAxisIndex: panel,
        yAxisIndex: panel,
        showSymbol: panel === 0,
        color: colours[index % colours.length],
        lineStyle: { width: index === 0 ? 3 : 1.5 },
        z: index === 0 ? 3 : 2
      }))
    )
  })
}
