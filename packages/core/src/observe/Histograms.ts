/**
 * What only events tell: how long things took. A fiber of the metrics' own reads the events, so a caller of the pool pays for building
 * its events, and for no metric.
 */
import * as Metric from "effect/Metric"
import type * as MetricHook from "effect/MetricHook"
import type * as MetricLabel from "effect/MetricLabel"
import type { PoolEvent } from "../model/events.js"
import * as Conventions from "./conventions.js"

const seconds = (millis: number): number => Math.max(0, millis) / 1_000

export class Histograms {
  private readonly createTime: MetricHook.MetricHook.Histogram
  private readonly waitTime: MetricHook.MetricHook.Histogram
  private readonly useTime: MetricHook.MetricHook.Histogram
  private readonly dropped: MetricHook.MetricHook.Counter<bigint>
  /** By lease, those that were seen to begin: which connection, and since when. */
  private readonly leases = new Map<number, { readonly id: number; readonly since: number }>()

  constructor(labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    const registry = Metric.globalMetricRegistry
    this.createTime = registry.get(Conventions.createTime(labels))
    this.waitTime = registry.get(Conventions.waitTime(labels))
    this.useTime = registry.get(Conventions.useTime(labels))
    this.dropped = registry.get(Conventions.eventsDropped(labels))
  }

  read(event: PoolEvent): void {
    switch (event._tag) {
      case "ConnectionOpened":
        return this.createTime.update(seconds(event.took))
      case "Acquired":
        this.leases.set(event.lease, { id: event.id, since: event.at })
        return this.waitTime.update(seconds(event.waited))
      case "Released": {
        const lease = this.leases.get(event.lease)
        if (lease === undefined) return
        this.leases.delete(event.lease)
        return this.useTime.update(seconds(event.at - lease.since))
      }
      case "ConnectionClosed":
        return this.forget(event.id)
      case "EventsDropped":
        // What was dropped may be the end of any lease: what began before is not known any more.
        this.leases.clear()
        return this.dropped.update(BigInt(event.count))
    }
  }

  /** A lease whose end was not seen: nobody has a connection that is closed. */
  private forget(id: number): void {
    for (const [number, lease] of this.leases) {
      if (lease.id === id) this.leases.delete(number)
    }
  }
}
