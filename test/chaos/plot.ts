/** What a process held in a long run, as a drawing: SVG, made without a browser. */
import * as echarts from "echarts"
import type { Sample } from "./flat.js"
import { kinds } from "./flat.js"
import type { Resources } from "./resources.js"

const titles: Record<keyof Resources, string> = {
  heap: "heap, MB",
  files: "file descriptors",
  timers: "timers",
  fibers: "fibers"
}

const megabyte = 1e6

const valueOf = (what: keyof Resources, sample: Sample): number =>
  what === "heap" ? Number((sample.heap / megabyte).toFixed(1)) : sample[what]

const width = 1000
const height = 560
const columns = 2

/** Where the drawing of one of them is. */
const place = (index: number) => ({
  left: 60 + (index % columns) * width / columns,
  top: 90 + Math.floor(index / columns) * 240,
  width: width / columns - 100,
  height: 160
})

/** Each from zero on, so that what grows is seen to grow by as much as it does. */
export const plot = (samples: ReadonlyArray<Sample>, minutes: number): string => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height })
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: [
      {
        text: `${minutes} minutes of load and faults: what the process holds at rest`,
        left: "center",
        textStyle: { fontSize: 15 }
      },
      ...kinds.map((what, index) => ({
        text: titles[what],
        left: place(index).left,
        top: place(index).top - 35,
        textStyle: { fontSize: 12 }
      }))
    ],
    grid: kinds.map((_, index) => place(index)),
    xAxis: kinds.map((_, gridIndex) => ({
      gridIndex,
      type: "value",
      min: 0,
      max: minutes,
      name: "minutes",
      nameLocation: "middle",
      nameGap: 25
    })),
    yAxis: kinds.map((_, gridIndex) => ({
      gridIndex,
      type: "value",
      min: 0,
      max: ({ max }: { readonly max: number }) => Math.ceil(max * 1.25),
      minInterval: 1
    })),
    series: kinds.map((what, index) => ({
      type: "line",
      xAxisIndex: index,
      yAxisIndex: index,
      symbolSize: 4,
      color: "#e4572e",
      data: samples.map((sample) => [sample.at / 60_000, valueOf(what, sample)])
    }))
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${svg}\n`
}
