/** The figures as drawings: SVG, made without a browser. */
import * as echarts from "echarts"
import { contenders as controls } from "../contenders/controls.js"
import type { HeapRow } from "../measure/measure.js"
import type { Case, Result } from "../model.js"
import { rateOf } from "./load.js"
import { medianOf } from "./tables.js"

const plain = (name: string): string => name.replaceAll("`", "")

interface Line {
  readonly name: string
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

const colours = ["#e4572e", "#17bebb", "#4c5b9b", "#a8762d", "#76b041", "#8d5a97", "#c2455f", "#2f6690"]
const isControl = (name: string): boolean => controls.some((control) => control.name === name)
const library = (name: string): string => plain(name).split(/,| use| scoped/)[0] as string

export const render = (width: number, height: number, option: echarts.EChartsCoreOption): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}

const lines = (title: string, x: string, y: string, all: ReadonlyArray<Line>): string => {
  const families = [...new Set(all.filter(({ name }) => !isControl(name)).map(({ name }) => library(name)))]
  const sizes = all.flatMap(({ points }) => points.map(([size]) => size))
  return render(1000, 520, {
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    legend: { orient: "vertical", left: 740, top: 40, textStyle: { fontSize: 11 } },
    grid: { left: 70, right: 290, top: 50, bottom: 55 },
    xAxis: {
      type: "log",
      name: x,
      nameLocation: "middle",
      nameGap: 30,
      min: Math.min(...sizes),
      max: Math.max(...sizes)
    },
    yAxis: { type: "log", name: y, nameLocation: "middle", nameGap: 50 },
    series: all.map(({ name, points }) => {
      const isOurs = name.startsWith("Cenote")
      return {
        type: "line",
        name: plain(name),
        data: points,
        symbolSize: isOurs ? 8 : 5,
        color: isControl(name)
          ? "#999999"
          : colours[families.indexOf(library(name)) % colours.length],
        lineStyle: {
          width: isOurs ? 3.5 : 1.5,
          type: /from Effect|scoped|node:http/.test(name) ? "dashed" : "solid"
        },
        z: isOurs ? 3 : 2
      }
    })
  })
}

const bars = (
  title: string,
  x: string,
  all: ReadonlyArray<{ readonly name: string; readonly value: number }>
): string =>
  render(960, 70 + 26 * all.length, {
    title: { text: title, left: "center", textStyle: { fontSize: 15 } },
    grid: { left: 270, right: 60, top: 40, bottom: 40 },
    xAxis: { type: "value", name: x, nameLocation: "middle", nameGap: 25 },
    yAxis: { type: "category", inverse: true, data: all.map(({ name }) => plain(name)), axisTick: { show: false } },
    series: [{
      type: "bar",
      data: all.map(({ name, value }) => ({
        value: Number(value.toPrecision(3)),
        itemStyle: { color: name.startsWith("Cenote") ? colours[0] : "#8fa3b0" }
      })),
      label: { show: true, position: "right" }
    }]
  })

/** Lines over the sizes; bars where there is one size. */
export const chart = (work: Case, result: Result): string => {
  const shown = work._tag === "Load" ? rateOf : (value: number) => value
  const names = [...new Set(result.rows.map(({ contender }) => contender))]
  const all = names.map((name): Line => ({
    name,
    points: result.rows.flatMap((row) => {
      const value = row.contender === name ? medianOf(work, row) : undefined
      return value === undefined ? [] : [[row.size, Number(shown(value).toPrecision(4))] as const]
    })
  })).filter(({ points }) => points.length > 0)
  return work.points.length > 1
    ? lines(work.title, work.axis, work._tag === "Load" ? "requests a second" : "µs an operation", all)
    : bars(work.title, "µs", all.map(({ name, points }) => ({ name, value: points[0]?.[1] ?? 0 })))
}

export const heapChart = (rows: ReadonlyArray<HeapRow>): string => {
  const names = [...new Set(rows.map(({ contender }) => contender))]
  const all = names.map((name): Line => ({
    name,
    points: rows.flatMap(({ contender, outcome, size }) =>
      contender === name && outcome._tag === "Weighed" && outcome.heap.bytes > outcome.heap.bare
        ? [[size, Math.round(outcome.heap.bytes - outcome.heap.bare)] as const]
        : []
    )
  })).filter(({ points }) => points.length > 0)
  return lines("Heap of a waiter", "waiters", "bytes, less those of a bare fiber or promise", all)
}
