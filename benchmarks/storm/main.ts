/**
 * A thousand callers who want a server that is away, and the moment in which it comes back: docs/storm.svg, and the table in docs/storms.md.
 *
 * Each caller asks again after 50 to 150 ms until it has its answer. The server is away for three seconds, in which its address
 * accepts connections and ends them. What is counted is seen there.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { markdownTable } from "markdown-table"
import { quantile } from "simple-statistics"
import { server } from "../measure/postgres.js"
import { url } from "../measure/url.js"
import { render } from "../report/chart.js"
import { writeBeside, writeRegions } from "../report/page.js"
import type { Contender } from "./contenders.js"
import { contenders, maxSize } from "./contenders.js"
import * as Gate from "./gate.js"

const callers = 1_000
/** How long the server is away, in milliseconds. */
const away = 3_000

/** How long is looked at the server after it is back, in milliseconds. */
const watched = 6_000

/** How long opens are counted together in the drawing, in milliseconds. */
const bucket = 100

interface Seen {
  readonly name: string
  /** Opens while it was away. */
  readonly before: number
  /** When others came, in milliseconds after it was back. */
  readonly opens: ReadonlyArray<number>
  readonly most: number
  /** When callers had their answers, in milliseconds after the server was back. */
  readonly answered: ReadonlyArray<number>
  /** How often a caller was told that it failed, after the server was back. */
  readonly failed: number
}

const watch = ({ make, name }: Contender, port: number) =>
  Effect.gen(function*() {
    const gate = yield* Gate.make(port)
    const address = new URL(url())
    address.port = String(gate.port)
    const ask = yield* make(address.href)
    yield* Effect.forEach(Array.from({ length: 4 * maxSize }), () => ask, { concurrency: "unbounded" })

    const answered: Array<number> = []
    // Since when it is back, once it is.
    const back = { at: Infinity, failed: 0 }
    const told = Effect.sync(() => {
      if (back.at < Infinity) back.failed++
    })
    const pause = Effect.flatMap(Random.nextRange(50, 150), (millis) => Effect.sleep(millis))
    const caller = ask.pipe(
      Effect.tapError(() => Effect.zipRight(told, pause)),
      Effect.eventually,
      Effect.zipRight(Effect.sync(() => answered.push(performance.now() - back.at)))
    )

    yield* gate.close
    const all = yield* Effect.fork(Effect.replicateEffect(caller, callers, { concurrency: "unbounded", discard: true }))
    yield* Effect.sleep(away)
    back.at = performance.now()
    const { opens: { length: before } } = yield* gate.open
    yield* Effect.sleep(watched)
    const seen = [...answered]
    const { most, opens } = yield* gate.close
    yield* all.interruptAsFork(all.id())
    return { name, before, opens, most, answered: seen, failed: back.failed } satisfies Seen
  }).pipe(Effect.scoped)

const within = (times: ReadonlyArray<number>, from: number, to: number): number =>
  times.filter((time) => time >= from && time < to).length

const count = (value: number): string => value.toLocaleString("en")

const seconds = (millis: number | undefined): string => millis === undefined ? "–" : `${(millis / 1_000).toFixed(2)} s`

const row = ({ answered, before, failed, most, name, opens }: Seen): ReadonlyArray<string> => [
  name,
  count(Math.round(before / (away / 1_000))),
  count(within(opens, 0, 1_000)),
  count(
    Math.max(0, ...Array.from({ length: watched / bucket }, (_, at) => within(opens, at * bucket, (at + 1) * bucket)))
  ),
  count(opens.length),
  count(most),
  count(failed),
  count(answered.length),
  seconds(answered.length === 0 ? undefined : quantile([...answered], 0.5)),
  seconds(answered.length < callers ? undefined : Math.max(...answered))
]

const heads = [
  "pool",
  "opens a second while away",
  "in the first second after",
  `in the worst ${bucket} ms`,
  `in ${watched / 1_000} s`,
  "at one time",
  "failures told after it was back",
  `answered of ${count(callers)}`,
  "half of them after",
  "all after"
]

const drawing = (all: ReadonlyArray<Seen>): string =>
  render(1000, 460, {
    title: {
      text: `${count(callers)} callers, and a server that comes back: opens that it sees, in all`,
      left: "center",
      textStyle: { fontSize: 15 }
    },
    legend: { orient: "vertical", left: 740, top: 40, textStyle: { fontSize: 11 } },
    grid: { left: 70, right: 290, top: 50, bottom: 55 },
    xAxis: { type: "value", min: 0, max: watched, name: "ms after it is back", nameLocation: "middle", nameGap: 30 },
    yAxis: { type: "log", min: 1, name: "opens", nameLocation: "middle", nameGap: 50 },
    series: all.map(({ name, opens }) => ({
      type: "line",
      name: name.replaceAll("`", ""),
      showSymbol: false,
      step: "end",
      lineStyle: { width: name.startsWith("Cenote") ? 3.5 : 1.5 },
      data: Array.from(
        { length: watched / bucket },
        (_, at) => [(at + 1) * bucket, within(opens, 0, (at + 1) * bucket)]
      )
        .filter(([, opens]) => opens! > 0)
    }))
  })

const program = Effect.gen(function*() {
  yield* server
  const port = Number(new URL(url()).port)
  const all = yield* Effect.forEach(contenders, (contender) => watch(contender, port))
  const table = markdownTable([heads, ...all.map((seen) => [...row(seen)])], {
    align: heads.map((_, index) => index === 0 ? "l" : "r")
  })
  console.log(table)
  if (!process.argv.includes("--docs")) return
  yield* writeRegions("docs/storms.md", { storm: table })
  yield* writeBeside("docs/storm.svg", drawing(all))
})

await Effect.runPromise(Effect.scoped(program))
// What others leave behind keeps nobody waiting.
process.exit(0)
