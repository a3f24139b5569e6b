/**
 * A pool's metrics, under OpenTelemetry's names, in Effect's own registry: `Metric.snapshot` has them, and so has what exports it, as
 * `@effect/opentelemetry` and Effect's OTLP exporter do.
 *
 * The names are those of the semantic conventions 1.44.0, where `db.client.connection.*` is still in development. (1.45.0 calls `max`
 * `limit`.) Every series has the attribute `db.client.connection.pool.name`.
 *
 * | metric | kind | unit | from |
 * |---|---|---|---|
 * | `db.client.connection.count` | up-down counter, by `db.client.connection.state` | `{connection}` | `stats` |
 * | `db.client.connection.idle.max`, `.max` | up-down counter | `{connection}` | `maxSize` |
 * | `db.client.connection.idle.min` | up-down counter | `{connection}` | `minIdle` |
 * | `db.client.connection.pending_requests` | up-down counter | `{request}` | `stats` |
 * | `db.client.connection.timeouts` | counter | `{timeout}` | `stats` |
 * | `db.client.connection.create_time`, `.wait_time`, `.use_time` | histogram | `s` | `events` |
 * | `cenote.pool.refused`, `.shed` | counter | `{request}` | `stats` |
 * | `cenote.pool.open_failures` | counter | `{failure}` | `stats` |
 * | `cenote.pool.events_dropped` | counter | `{event}` | `events` |
 *
 * Of a keyed pool it is all keys together that is read: `maxTotal` is the maximum, and no series has a key for an attribute, as there may be any
 * number of keys. What one of them does is in `statsOf` and in the events.
 *
 * The states are the convention's `idle` and `used`, and `opening`, `checking`, `resetting` and `closing`.
 *
 * What comes from `stats` is read when somebody scrapes, and costs nothing between two scrapes. The histograms are fed from the pool's
 * events by a fiber of their own. A pool whose metrics nobody asked for pays for none of it.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Key, KeyedPool } from "./model/keyed.js"
import type { ConnectionPool } from "./model/pool.js"
import * as Conventions from "./observe/conventions.js"
import * as internal from "./observe/metrics.js"

/**
 * The version of OpenTelemetry's semantic conventions that the names are of.
 *
 * @since 0.1.0
 * @category constants
 */
export const conventions: string = Conventions.version

/**
 * What a registration can say.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The attribute `db.client.connection.pool.name`. It must be one pool's alone: pools of one name are added up. Default: the pool's
   * name.
   */
  readonly name?: string | undefined
}

/**
 * Registers a pool's metrics until the Scope closes. Register a pool once, else it counts twice.
 *
 * From then on its connections count as 0. What was counted stays, as a counter must not fall: a pool of the same name that is
 * registered later goes on from there. Effect's registry forgets no series.
 *
 * Tags that the fiber has (`Effect.tagMetrics`) are the series' too. Never fails; never waits.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolMetrics from "@cenote/core/PoolMetrics"
 * import * as Effect from "effect/Effect"
 * import * as Metric from "effect/Metric"
 *
 * export const program = Effect.gen(function*() {
 *   const pool = yield* ConnectionPool.make({ name: "orders", connector: Effect.succeed("a connection") })
 *   yield* PoolMetrics.register(pool)
 *   yield* pool.use(() => Effect.void)
 *   return yield* Metric.snapshot
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 * @category metrics
 */
export const register = <K extends Key, A, E>(
  pool: ConnectionPool<A, E> | KeyedPool<K, A, E>,
  options?: Options | undefined
): Effect.Effect<void, never, Scope.Scope> => internal.register(pool, options?.name ?? pool.name)

/**
 * As `register`, for the pool that is the service of a tag, as long as the layer lasts.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolMetrics from "@cenote/core/PoolMetrics"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, string>() {}
 *
 * export const DbLive = Layer.provideMerge(
 *   PoolMetrics.layer(Db),
 *   Db.layer({ name: "orders", connector: Effect.succeed("a connection") })
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self, K extends Key, A, E>(
  tag: Context.Tag<Self, ConnectionPool<A, E>> | Context.Tag<Self, KeyedPool<K, A, E>>,
  options?: Options | undefined
): Layer.Layer<never, never, Self> =>
  Layer.scopedDiscard(
    Effect.flatMap(
      tag as Context.Tag<Self, ConnectionPool<A, E> | KeyedPool<K, A, E>>,
      (pool) => register(pool, options)
    )
  )
