/**
 * Series of Effect's metric registry that are read when somebody scrapes, and not written before.
 *
 * The registry asks a metric's hook for its value. The hook of a series asks its sources, which are pools, and adds up what they say. So a
 * value is as old as the scrape, and costs nothing between two. The registry forgets no key: what is left of a series without sources is
 * 0, or, where it counts, all that was counted.
 */
import { globalValue } from "effect/GlobalValue"
import * as Metric from "effect/Metric"
import type * as MetricHook from "effect/MetricHook"
import type * as MetricKey from "effect/MetricKey"
import * as MetricState from "effect/MetricState"

/** Says a whole number: the present value of one pool. */
export type Source = () => number

type Counter = MetricKey.MetricKey.Counter<bigint>

class Series {
  private readonly sources = new Set<Source>()
  /** What sources that are gone have counted. */
  private past = 0

  constructor(private readonly counts: boolean) {}

  get value(): number {
    return [...this.sources].reduce((sum, source) => sum + source(), this.past)
  }

  add(source: Source): void {
    this.sources.add(source)
  }

  /** A count never falls: what the source has counted stays. */
  remove(source: Source): void {
    if (this.sources.delete(source) && this.counts) this.past += source()
  }
}

const all = globalValue("@cenote/core/observe/series", () => new WeakMap<MetricHook.MetricHook.Untyped, Series>())

const seriesOf = (key: Counter): Series => {
  const hook = Metric.globalMetricRegistry.get(key)
  const known = all.get(hook)
  if (known !== undefined) return known
  const series = new Series(key.keyType.incremental)
  all.set(hook, series)
  hook.get = () => MetricState.counter(BigInt(series.value))
  return series
}

/** From now on the series of this key includes what the source says, until what is returned is called. */
export const observe = (key: Counter, source: Source): () => void => {
  const series = seriesOf(key)
  series.add(source)
  return () => series.remove(source)
}
