/** What arrives at the SDK of OpenTelemetry, by its in-memory exporters. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import { FakeConnector } from "@cenote/core/testing"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { expect, it } from "@effect/vitest"
import { SpanStatusCode } from "@opentelemetry/api"
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { ask, hold } from "../request/support.js"
import { settled } from "../support/pool.js"

const name = "opentelemetry"

/** An SDK that exports when it is told to. */
const memory = () => {
  const spans = new InMemorySpanExporter()
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })
  const layer = NodeSdk.layer(() => ({
    resource: { serviceName: "test" },
    spanProcessor: new SimpleSpanProcessor(spans),
    metricReader: reader
  }))
  /** Looks up a metric of the pool in what is exported now. */
  const scrape = Effect.promise(async () => {
    metrics.reset()
    await reader.forceFlush()
    const all = metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).flatMap((scope) => scope.metrics)
    return (metric: string) => {
      const data = all.find(({ descriptor }) => descriptor.name === metric)!
      const points = data.dataPoints
        .filter(({ attributes }) => attributes["db.client.connection.pool.name"] === name)
        .map(({ attributes, value }) => ({ attributes, value }))
      return { unit: data.descriptor.unit, type: data.dataPointType, points, value: points[0]?.value }
    }
  })
  return { layer, scrape, spans }
}

it.scoped("the exporters get levels, totals and histograms under the convention's names, kinds and units", () => {
  const { layer, scrape } = memory()
  return Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* fake.set("open", FakeConnector.slow("20 millis"))
    const pool = yield* ConnectionPool.make({
      connector: fake.connector,
      name,
      maxSize: 1,
      acquireTimeout: "3 seconds"
    })
    yield* PoolMetrics.register(pool)
    const first = yield* ask(pool)
    yield* TestClock.adjust("20 millis")
    const second = yield* ask(pool)
    yield* ask(pool)
    yield* TestClock.adjust("2 seconds")
    yield* (yield* Fiber.join(first)).release
    yield* Fiber.join(second)
    yield* TestClock.adjust("2 seconds")
    yield* ask(pool)
    const find = yield* scrape

    const count = find("db.client.connection.count")
    expect(count).toMatchObject({ unit: "{connection}", type: DataPointType.SUM })
    expect(count.points.map(({ attributes, value }) => [attributes["db.client.connection.state"], value])).toEqual([
      ["idle", 0],
      ["used", 1],
      ["opening", 0],
      ["checking", 0],
      ["resetting", 0],
      ["closing", 0]
    ])
    const levels = { type: DataPointType.SUM, value: 1 }
    expect(find("db.client.connection.max")).toMatchObject({ ...levels, unit: "{connection}" })
    expect(find("db.client.connection.pending_requests")).toMatchObject({ ...levels, unit: "{request}" })
    expect(find("db.client.connection.timeouts")).toMatchObject({ ...levels, unit: "{timeout}" })
    const times = { type: DataPointType.HISTOGRAM, unit: "s" }
    expect(find("db.client.connection.create_time")).toMatchObject({
      ...times,
      value: { count: 1, sum: 0.02, buckets: { boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] } }
    })
    expect(find("db.client.connection.wait_time")).toMatchObject({
      ...times,
      value: { count: 2, sum: 2.02, buckets: { counts: [0, 0, 0, 1, 0, 0, 0, 1, 0, 0] } }
    })
    expect(find("db.client.connection.use_time")).toMatchObject({ ...times, value: { count: 1, sum: 2 } })
  }).pipe(Effect.provide(layer))
})

it.scoped("each scrape reads anew, without anything in between", () => {
  const { layer, scrape } = memory()
  return Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name, maxSize: 3 })
    yield* PoolMetrics.register(pool)
    const max = Effect.map(scrape, (find) => find("db.client.connection.max").value)
    expect(yield* max).toBe(3)
    yield* pool.resize({ maxSize: 8 })
    expect(yield* max).toBe(8)
  }).pipe(Effect.provide(layer))
})

it.scoped("the exporter gets the wait as a child of the caller's span, before the query, and failed where it failed", () => {
  const { layer, spans } = memory()
  return Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name, maxSize: 1 })
    const holder = yield* hold(pool)
    const caller = yield* Effect.fork(
      pool.use(() => Effect.withSpan(Effect.void, "query")).pipe(Effect.withSpan("handler"))
    )
    yield* settled
    yield* TestClock.adjust("1 second")
    const late = yield* Effect.fork(
      Effect.flip(Effect.withSpan(pool.use(() => Effect.void, { acquireTimeout: 5 }), "late"))
    )
    yield* settled
    yield* TestClock.adjust("5 millis")
    yield* Fiber.join(late)
    yield* holder.release
    yield* Fiber.join(caller)

    const finished = spans.getFinishedSpans()
    const find = (name: string, parent: string) => {
      const of = finished.find((span) => span.name === parent)
      return finished.find((span) => span.name === name && span.parentSpanContext?.spanId === of?.spanContext().spanId)
    }
    const wait = find("cenote.acquire", "handler")
    const query = find("query", "handler")
    expect(wait).toMatchObject({
      status: { code: SpanStatusCode.OK },
      duration: [1, 5_000_000],
      attributes: { "db.client.connection.pool.name": name, "cenote.outcome": "Granted" }
    })
    expect(query?.startTime).toEqual(wait?.endTime)
    expect(wait?.spanContext().traceId).toBe(query?.spanContext().traceId)

    expect(find("cenote.acquire", "late")).toMatchObject({
      status: {
        code: SpanStatusCode.ERROR,
        message: expect.stringContaining(`No connection of pool "${name}" in 5ms`)
      },
      attributes: { "error.type": "AcquireTimeout", "cenote.outcome": "TimedOut" },
      events: [{ name: "exception" }]
    })
  }).pipe(Effect.provide(layer))
})
