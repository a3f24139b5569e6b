/** What the exporters have got, in lines to read. */
import type { HrTime } from "@opentelemetry/api"
import type { MetricData } from "@opentelemetry/sdk-metrics"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"

const milliseconds = ([seconds, nanos]: HrTime): number => seconds * 1_000 + nanos / 1e6

const show = (value: MetricData["dataPoints"][number]["value"], unit: string): string =>
  typeof value === "number"
    ? `${value} ${unit}`
    : `${value.count} times, ${(value.sum ?? 0).toFixed(3)} ${unit} in all`

/** A line for each series of a pool that has something to say. */
export const metricLines = (metrics: ReadonlyArray<MetricData>, pool: string): ReadonlyArray<string> =>
  metrics.flatMap(({ dataPoints, descriptor }) =>
    dataPoints.flatMap(({ attributes, value }) => {
      const { "db.client.connection.pool.name": name, "db.client.connection.state": state } = attributes
      if (name !== pool) return []
      const label = state === undefined ? descriptor.name : `${descriptor.name} ${String(state)}`
      return [`${label.padEnd(45)} ${show(value, descriptor.unit)}`]
    })
  )

/** The waits for a connection, and what each was a part of. */
export const waits = (
  spans: ReadonlyArray<ReadableSpan>
): ReadonlyArray<{ readonly within: string | undefined; readonly pool: unknown; readonly millis: number }> =>
  spans.filter(({ name }) => name === "cenote.acquire").map(({ attributes, duration, parentSpanContext }) => ({
    within: spans.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
    pool: attributes["db.client.connection.pool.name"],
    millis: milliseconds(duration)
  }))
