/** Draws how long callers wait in an overloaded pool, with overload control and without it: docs/overload-virtual.svg. */
import * as Effect from "effect/Effect"
import { quantile } from "simple-statistics"
import { render } from "../report/chart.js"
import { writeBeside } from "../report/page.js"
import type { Call, Stretch } from "./simulate.js"
import { simulate, timeout } from "./simulate.js"

/** In milliseconds: the default. */
const target = 50

/** A minute of twice the load that can be served, and what was before and comes after. */
const stretches: ReadonlyArray<Stretch> = [
  { load: 0.5, seconds: 10 },
  { load: 2, seconds: 60 },
  { load: 0.5, seconds: 20 }
]

const seconds = Array.from({ length: stretches.reduce((sum, { seconds }) => sum + seconds, 0) }, (_, second) => second)

type Points = ReadonlyArray<readonly [second: number, value: number]>

/** What is so of the calls whose wait ended in each second, if anything is. */
const bySecond = (
  calls: ReadonlyArray<Call>,
  toValue: (calls: ReadonlyArray<Call>) => number | undefined
): Points =>
  seconds.flatMap((second) => {
    const value = toValue(calls.filter(({ at, waited }) => Math.floor((at + waited) / 1_000) === second))
    return value === undefined ? [] : [[second, value] as const]
  })

/** Of those that were served; no less than what a logarithmic axis can show. */
const medianWait = (calls: ReadonlyArray<Call>): Points =>
  bySecond(calls, (calls) => {
    const waits = calls.filter(({ end }) => end === "Served").map(({ waited }) => waited)
    return waits.length === 0 ? undefined : Math.max(1, quantile(waits, 0.5))
  })

const count = (calls: ReadonlyArray<Call>, wanted: Call["end"]): Points =>
  bySecond(calls, (calls) => calls.filter(({ end }) => end === wanted).length)

const without = simulate({ overload: false }, stretches)
const controlled = simulate({ overload: true }, stretches)

const colours = { without: "#e4572e", controlled: "#2f6690" }

const line = (
  panel: 0 | 1,
  name: string,
  kind: keyof typeof colours,
  points: Points,
  type: "solid" | "dashed" = "solid"
) => ({
  type: "line",
  name,
  data: points,
  xAxisIndex: panel,
  yAxisIndex: panel,
  showSymbol: false,
  color: colours[kind],
  lineStyle: { width: 2, type }
})

const mark = (name: string, y: number) => ({
  yAxis: y,
  name,
  label: { formatter: name, position: "insideEndTop", color: "#555555" },
  lineStyle: { color: "#999999", type: "dotted" }
})

const width = { left: 70, right: 250, outerBoundsMode: "none" }
const time = { type: "value", min: 0, max: seconds.length }

const drawing = render(1000, 640, {
  title: {
    text: "A minute of twice the load that 10 connections can serve",
    left: "center",
    textStyle: { fontSize: 15 }
  },
  legend: { orient: "vertical", left: 765, top: 60, textStyle: { fontSize: 11 } },
  grid: [{ ...width, top: 50, height: 250 }, { ...width, top: 360, height: 220 }],
  xAxis: [
    { ...time, gridIndex: 0, axisLabel: { show: false } },
    { ...time, gridIndex: 1, name: "seconds; the overload lasts from 10 to 70", nameLocation: "middle", nameGap: 28 }
  ],
  yAxis: [
    { type: "log", gridIndex: 0, name: "ms, median", nameLocation: "middle", nameGap: 48, min: 1, max: 10_000 },
    { type: "value", gridIndex: 1, name: "callers a second", nameLocation: "middle", nameGap: 48 }
  ],
  series: [
    {
      ...line(0, "wait of the served, without", "without", medianWait(without)),
      markLine: {
        silent: true,
        symbol: "none",
        data: [mark(`acquireTimeout, ${timeout / 1_000} s`, timeout), mark(`target, ${target} ms`, target)]
      }
    },
    line(0, "wait of the served, with overload", "controlled", medianWait(controlled)),
    line(1, "served, without", "without", count(without, "Served")),
    line(1, "served, with overload", "controlled", count(controlled, "Served")),
    line(1, "timed out after 5 s, without", "without", count(without, "TimedOut"), "dashed"),
    line(1, "refused, with overload", "controlled", count(controlled, "Refused"), "dashed")
  ]
})

await Effect.runPromise(writeBeside("docs/overload-virtual.svg", drawing))
