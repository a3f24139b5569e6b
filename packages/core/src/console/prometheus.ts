/** Pools in Prometheus' text format, 0.0.4. */
import type { PoolStats } from "../model/stats.js"

const escape = (value: string): string => value.replace(/\\/g, "\\\\").replace(/"/g, "\\\"").replace(/\n/g, "\\n")

interface Series {
  readonly name: string
  readonly type: "gauge" | "counter"
  readonly help: string
  readonly values: (stats: PoolStats) => ReadonlyArray<readonly [labels: string, value: number]>
}

const states = ["opening", "idle", "leased", "checking", "resetting", "closing"] as const

const one = (read: (stats: PoolStats) => number): Series["values"] => (stats) => [["", read(stats)]]

const counters = {
  requests: "Calls that asked for a connection.",
  acquired: "Calls that got one.",
  timedOut: "Callers whose wait was too long.",
  refused: "Callers that were refused.",
  shed: "Callers that were shed by overload.",
  gaveUp: "Callers that left before they were served.",
  opened: "Connections that were opened.",
  openFailures: "Openings that failed.",
  closed: "Connections that are closed.",
  aborted: "Connections whose close did not end in time."
} as const

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const all: ReadonlyArray<Series> = [
  {
    name: "cenote_connections",
    type: "gauge",
    help: "Connections by state.",
    values: (stats) => states.map((state) => [`,state="${state}"`, stats[state]])
  },
  { name: "cenote_max_size", type: "gauge", help: "The most connections.", values: one(({ maxSize }) => maxSize) },
  { name: "cenote_waiting", type: "gauge", help: "Callers that wait.", values: one(({ waiting }) => waiting) },
  { name: "cenote_leases", type: "gauge", help: "Callers that have one.", values: one(({ leases }) => leases) },
  ...Object.entries(counters).map(([field, help]): Series => ({
    name: `cenote_${snake(field)}_total`,
    type: "counter",
    help,
    values: one((stats) => stats[field as keyof typeof counters])
  }))
]

export const format = (pools: ReadonlyArray<readonly [name: string, stats: PoolStats]>): string =>
  all.map(({ help, name, type, values }) =>
    [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...pools.flatMap(([pool, stats]) =>
        values(stats).map(([labels, value]) => `${name}{pool="${escape(pool)}"${labels}} ${value}`)
      )
    ].join("\n")
  ).join("\n") + "\n"
