/**
 * What only events tell: how long things took. A fiber of the metrics' own reads the events, so a caller of the pool pays for building
 * its events, and for no metric.
 */
import * as Metric from "effect/Metric"
import type * as MetricHook from "effect/MetricHook"
import type * as MetricLabel from "effect/MetricLabel"
import type { PoolEvent } from "../model/events.js"
import type { KeyedPoolEvent } from "../model/keyed.js"
import * as Conventions from "./conventions.js"

const seconds = (millis: number): number => Math.max(0, millis) / 1_000

interface Lease {
  readonly id: number
  readonly since: number
}

export class Histograms {
  private readonly createTime: MetricHook.MetricHook.Histogram
  private readonly waitTime: MetricHook.MetricHook.Histogram
  private readonly useTime: MetricHook.MetricHook.Histogram
  private readonly dropped: MetricHook.MetricHook.Counter<bigint>
  /** By key, none in a plain pool, and lease, those that were seen to begin: which connection, and since when. */
  private readonly leases = new Map<unknown, Map<number, Lease>>()

  constructor(labels: ReadonlyArray<MetricLabel.MetricLabel>) {
    const registry = Metric.globalMetricRegistry
    this.createTime = registry.get(Conventions.createTime(labels))
    this.waitTime = registry.get(Conventions.waitTime(labels))
    this.useTime = registry.get(Conventions.useTime(labels))
    this.dropped = registry.get(Conventions.eventsDropped(labels))
  }

  readKeyed(event: KeyedPoolEvent<unknown>): void {
    switch (event._tag) {
      case "KeyEvent":
        return this.read(event.event, event.key)
      case "KeyForgotten":
        return void this.leases.delete(event.key)
      case "EventsDropped":
        return this.miss(event.count)
    }
  }

  read(event: PoolEvent, key?: unknown): void {
    switch (event._tag) {
      case "ConnectionOpened":
        return this.createTime.update(seconds(event.took))
      case "Acquired": {
        const leases = this.leases.get(key) ?? new Map<number, Lease>()
        this.leases.set(key, leases.set(event.lease, { id: event.id, since: event.at }))
        return this.waitTime.update(seconds(event.waited))
      }
      case "Released": {
        const leases = this.leases.get(key)
        const lease = leases?.get(event.lease)
        if (leases === undefined || lease === undefined) return
        leases.delete(event.lease)
        return this.useTime.update(seconds(event.at - lease.since))
      }
      case "ConnectionClosed":
        return this.forget(key, event.id)
      case "EventsDropped":
        return this.miss(event.count)
    }
  }

  /** What was dropped may be the end of any lease: what began before is not known any more. */
  private miss(count: number): void {
    this.leases.clear()
    this.dropped.update(BigInt(count))
  }

  /** A lease whose end was not seen: nobody has a connection that is closed. */
  private forget(key: unknown, id: number): void {
    const leases = this.leases.get(key)
    for (const [number, lease] of leases ?? []) {
      if (lease.id === id) leases!.delete(number)
    }
  }
}
