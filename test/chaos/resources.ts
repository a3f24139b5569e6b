/** What the process holds. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlagsPatch from "effect/RuntimeFlagsPatch"
import { readdirSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

export interface Resources {
  /** In bytes, after a collection. */
  readonly heap: number
  /** Open file descriptors, sockets included. */
  readonly files: number
  /** Timers that are set. */
  readonly timers: number
  /** Fibers that have begun and not ended. */
  readonly fibers: number
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const activeFibers = "effect_fiber_active"

const fibers = Effect.map(Metric.snapshot, (all) =>
  all.reduce(
    (sum, { metricKey, metricState }) =>
      metricKey.name === activeFibers && MetricState.isCounterState(metricState)
        ? sum + Number(metricState.count)
        : sum,
    0
  ))

/** Its fibers, and those that they fork, are counted. */
export const counted = Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.enable(RuntimeFlags.RuntimeMetrics))

/** Lets end what is about to, and collects what nobody holds. Linux only. */
export const now: Effect.Effect<Resources> = Effect.gen(function*() {
  yield* Effect.sleep("250 millis")
  for (let i = 0; i < 3; i++) {
    collect()
    yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
  }
  return {
    heap: process.memoryUsage().heapUsed,
    files: readdirSync("/proc/self/fd").length,
    timers: process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length,
    fibers: yield* fibers
  }
})
