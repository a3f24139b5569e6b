/**
 * A shop on SQLite, watched: the metrics of its two pools, and the waits for a connection as spans of their own, both through
 * @effect/opentelemetry.
 *
 * ```
 * SqlitePool.layer → Writer, Readers → PoolMetrics.layer → Effect's metrics → OpenTelemetry's SDK
 * ```
 */
import * as PoolHealth from "@cenote/core/PoolHealth"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import { provide } from "@cenote/sql-adapter/RequestTransaction"
import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runMain } from "../bank/run.js"
import { migrate, Shop } from "../sql/shop.js"
import { metricLines, waits } from "./report.js"
import * as Telemetry from "./telemetry.js"

class ExampleFailed extends Data.TaggedError("ExampleFailed")<{ readonly message: string }> {}

const customers = 100

/** Each wants an apple, at once, and then looks how many are left. Only one can write at a time. */
const rush = Effect.gen(function*() {
  yield* migrate
  const shop = yield* Shop
  yield* shop.stockUp("apple", customers)
  const visit = Effect.zipRight(
    Effect.withSpan(provide()(shop.order("apple", 1)), "order"),
    Effect.withSpan(shop.stock("apple"), "look")
  )
  yield* Effect.all(Array.from({ length: customers }, () => visit), { concurrency: "unbounded", discard: true })
}).pipe(Effect.provide(Shop.Default))

const pools = Layer.unwrapScoped(
  Effect.gen(function*() {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    const filename = (yield* Path.Path).join(folder, "shop.db")
    return SqlitePool.layer({ connection: { filename }, name: "shop", maxSize: 4 })
  })
)

const watched = Layer.mergeAll(
  PoolMetrics.layer(SqlitePool.Writer),
  PoolMetrics.layer(SqlitePool.Readers)
).pipe(Layer.provideMerge(pools), Layer.provideMerge(Telemetry.layer))

const main = Effect.gen(function*() {
  yield* rush
  const metrics = yield* Telemetry.metrics
  for (const pool of [yield* SqlitePool.Writer, yield* SqlitePool.Readers]) {
    yield* Console.log(PoolHealth.describe(yield* pool.health))
    const lines = metricLines(metrics, pool.name)
    for (const line of lines) yield* Console.log(`  ${line}`)
    if (!lines.some((line) => line.startsWith("db.client.connection.wait_time"))) {
      return yield* new ExampleFailed({ message: `The metrics of ${pool.name} have not arrived.` })
    }
  }
  const all = waits(yield* Telemetry.spans)
  const ofWriter = all.filter(({ pool }) => pool === "shop, writer")
  const longest = Math.max(...ofWriter.map(({ millis }) => millis))
  yield* Console.log(`${ofWriter.length} waits for the writer, the longest ${longest.toFixed(1)} ms, within:`)
  for (const name of new Set(ofWriter.map(({ within }) => within))) yield* Console.log(`  ${name}`)
  if (ofWriter.length < customers - 1 || ofWriter.some(({ within }) => within === undefined)) {
    return yield* new ExampleFailed({ message: "Some waits have no span, or none that they are a part of." })
  }
})

runMain(main.pipe(Effect.provide(watched), Effect.provide(NodeContext.layer)))
