/**
 * OpenTelemetry's SDK with exporters that keep what they get. In production these two are exporters of OTLP, as
 * `@opentelemetry/exporter-trace-otlp-http` and `-metrics-otlp-http`, and nothing else changes.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"

const spanExporter = new InMemorySpanExporter()
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const metricReader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 60_000 })

export const layer = NodeSdk.layer(() => ({
  resource: { serviceName: "shop" },
  spanProcessor: new SimpleSpanProcessor(spanExporter),
  metricReader
}))

/** All spans so far. */
export const spans = Effect.sync(() => spanExporter.getFinishedSpans())

/** The metrics of now, as a collector would get them. */
export const metrics = Effect.promise(async () => {
  metricExporter.reset()
  await metricReader.forceFlush()
  return metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).flatMap(({ metrics }) => metrics)
})
