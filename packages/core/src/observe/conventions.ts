/**
 * The names, units and boundaries of OpenTelemetry's semantic conventions, and what they call a pool's numbers.
 *
 * `@effect/opentelemetry` and Effect's own OTLP exporter read a metric's unit from its tag `unit`.
 */
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import type { PoolStats, Sizes, Totals } from "../model/stats.js"

/** The version of the semantic conventions that the names are of. */
export const version = "1.44.0"

export const poolName = "db.client.connection.pool.name"

export const stateName = "db.client.connection.state"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** What is read of a pool: of a keyed one, what all its keys have together. */
export type Readable = Sizes & Totals & Pick<PoolStats, "minIdle" | "phase">

/** A series that is read of the pool's stats. */
export interface Reading {
  readonly key: (labels: Labels) => MetricKey.MetricKey.Counter<bigint>
  readonly read: (stats: Readable) => number
}

const tagged = <K extends MetricKey.MetricKey<any>>(key: K, labels: Labels): K =>
  MetricKey.taggedWithLabels(key, labels) as K

const counter =
  (name: string, unit: string, description: string, incremental: boolean, attributes: Labels = []) =>
  (labels: Labels): MetricKey.MetricKey.Counter<bigint> =>
    tagged(
      MetricKey.counter(name, { bigint: true, description, incremental }),
      [...labels, ...attributes, MetricLabel.make("unit", unit)]
    )

/** What may rise and fall. A pool that is closed has nothing and allows nothing. */
const level = (
  name: string,
  unit: string,
  description: string,
  read: Reading["read"],
  attributes?: Labels
): Reading => ({
  key: counter(name, unit, description, false, attributes),
  read: (stats) => stats.phase === "closed" ? 0 : read(stats)
})

/** What only rises. */
const total = (name: string, unit: string, description: string, read: Reading["read"]): Reading => ({
  key: counter(name, unit, description, true),
  read
})

/** The convention knows `idle` and `used`, and lets a pool have others. */
const states = {
  idle: "idle",
  used: "leased",
  opening: "opening",
  checking: "checking",
  resetting: "resetting",
  closing: "closing"
} as const satisfies Record<string, keyof PoolStats>

export const readings: ReadonlyArray<Reading> = [
  ...Object.entries(states).map(([state, field]) =>
    level(
      "db.client.connection.count",
      "{connection}",
      "The number of connections that are currently in state described by the state attribute.",
      (stats) => stats[field],
      [MetricLabel.make(stateName, state)]
    )
  ),
  level(
    "db.client.connection.idle.max",
    "{connection}",
    "The maximum number of idle open connections allowed.",
    ({ maxSize }) => maxSize
  ),
  level(
    "db.client.connection.idle.min",
    "{connection}",
    "The minimum number of idle open connections allowed.",
    ({ minIdle }) => minIdle
  ),
  level(
    "db.client.connection.max",
    "{connection}",
    "The maximum number of open connections allowed.",
    ({ maxSize }) => maxSize
  ),
  level(
    "db.client.connection.pending_requests",
    "{request}",
    "The number of current pending requests for an open connection.",
    ({ waiting }) => waiting
  ),
  total(
    "db.client.connection.timeouts",
    "{timeout}",
    "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
    ({ timedOut }) => timedOut
  ),
  total(
    "cenote.pool.refused",
    "{request}",
    "Requests that were refused because the queue was full, or the pool suspended.",
    ({ refused }) => refused
  ),
  total("cenote.pool.shed", "{request}", "Requests that were shed by overload.", ({ shed }) => shed),
  total("cenote.pool.open_failures", "{failure}", "Openings that failed.", ({ openFailures }) => openFailures)
]

/** In seconds: those that the conventions advise for `db.client.operation.duration`. */
const boundaries = MetricBoundaries.fromIterable([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])

const duration = (name: string, description: string) => (labels: Labels): MetricKey.MetricKey.Histogram =>
  tagged(
    MetricKey.histogram(name, boundaries, description),
    [...labels, MetricLabel.make("unit", "s")]
  )

export const createTime = duration(
  "db.client.connection.create_time",
  "The time it took to create a new connection."
)

export const waitTime = duration(
  "db.client.connection.wait_time",
  "The time it took to obtain an open connection from the pool."
)

export const useTime = duration(
  "db.client.connection.use_time",
  "The time between borrowing a connection and returning it to the pool."
)

export const eventsDropped = counter(
  "cenote.pool.events_dropped",
  "{event}",
  "Events that the metrics read too slowly, so that the histograms miss them.",
  true
)
