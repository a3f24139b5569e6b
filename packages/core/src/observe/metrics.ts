/** A pool in Effect's metric registry, from its registration until the Scope closes. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as MetricLabel from "effect/MetricLabel"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { KeyedPool } from "../model/keyed.js"
import { KeyedTypeId } from "../model/keyed.js"
import type { ConnectionPool } from "../model/pool.js"
import * as Conventions from "./conventions.js"
import { Histograms } from "./Histograms.js"
import { observe } from "./series.js"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

type AnyPool = ConnectionPool<any, any> | KeyedPool<any, any, any>

const isKeyed = (pool: AnyPool): pool is KeyedPool<any, any, any> => KeyedTypeId in pool

/** All keys together: there may be as many as there are tenants, and a registry forgets no series. */
const readable = (pool: AnyPool): Effect.Effect<Conventions.Readable> =>
  isKeyed(pool) ? Effect.map(pool.stats, (stats) => ({ ...stats, maxSize: stats.maxTotal, minIdle: 0 })) : pool.stats

/** Reads the pool's stats at each scrape: a snapshot, without a wait. */
const observeStats = (
  stats: Effect.Effect<Conventions.Readable>,
  labels: Labels
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() =>
      Conventions.readings.map(({ key, read }) => observe(key(labels), () => read(Effect.runSync(stats))))
    ),
    (ends) => Effect.sync(() => ends.forEach((end) => end()))
  ))

/** Reads every event until there are no more. A pull runs in the fiber that pulls, where `Stream.run` would begin another. */
const readAll = <E>(events: Stream.Stream<E>, read: (event: E) => void): Effect.Effect<void> =>
  Effect.flatMap(
    Stream.toPull(events),
    (pull) => Effect.forever(Effect.map(pull, Chunk.forEach((event) => read(event))))
  ).pipe(Effect.ignore, Effect.scoped)

const readEvents = (pool: AnyPool, histograms: Histograms): Effect.Effect<void> =>
  isKeyed(pool)
    ? readAll(pool.events, (event) => histograms.readKeyed(event))
    : readAll(pool.events, (event) => histograms.read(event))

/** Has subscribed when it returns: the fiber runs at once, until there is nothing to read. */
const observeEvents = (pool: AnyPool, labels: Labels): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.map(
      Effect.runtime(),
      (runtime) => Runtime.runFork(runtime)(Effect.interruptible(readEvents(pool, new Histograms(labels))))
    ),
    // It is given a turn first, for what has happened so far.
    (fiber) => Effect.zipRight(Effect.yieldNow(), Fiber.interrupt(fiber))
  ))

export const register = (pool: AnyPool, name: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentMetricLabels), (labels) => {
    const all = [...labels, MetricLabel.make(Conventions.poolName, name)]
    return Effect.zipRight(observeStats(readable(pool), all), observeEvents(pool, all))
  })
