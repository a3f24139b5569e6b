/** Typed services: a pool as a Context.Tag, with the pool's own operations and its layers. */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Option } from "effect/Option"
import type * as Scope from "effect/Scope"
import type { STM } from "effect/STM"
import * as Stream from "effect/Stream"
import { fromService } from "../allocator/Owner.js"
import type { Connector, Source } from "../model/connector.js"
import type { AcquireError, InvalidOptions, PoolClosed } from "../model/errors.js"
import type { PoolEvent } from "../model/events.js"
import type { PoolHealth } from "../model/health.js"
import type { AcquireOptions, ClaimOptions, LeaseOptions, Options, PoolSizes, Tuning } from "../model/options.js"
import type {
  ClaimOwner,
  ClearOptions,
  CloseOptions,
  ConnectionPool,
  Lease,
  RecycleOptions,
  Startup,
  StartupError,
  SuspendOptions
} from "../model/pool.js"
import type { LeaseInfo, PoolStats } from "../model/stats.js"
import { make as makeCore } from "./make.js"
import { fromCore } from "./pool.js"

/** Makes a pool that is closed with the Scope. */
export const make = <A, E, R, const S extends Startup | undefined = "lazy">(
  options: Options<A, E, R> & { readonly startup?: S }
): Effect.Effect<
  ConnectionPool<A, E>,
  InvalidOptions | StartupError<S, E>,
  Exclude<R, Scope.Scope> | Scope.Scope
> =>
  // What a startup can fail with is known by its type: a lazy one opens nothing.
  Effect.map(makeCore(options), fromCore) as Effect.Effect<
    ConnectionPool<A, E>,
    InvalidOptions | StartupError<S, E>,
    Exclude<R, Scope.Scope> | Scope.Scope
  >

/** What `layerConfig` takes: the connector as it is or as a Config, and the tuning as Configs. */
export type ConfigOptions<A, E, R, S extends Startup | undefined> =
  & { readonly connector: Source<A, E, R> | Config.Config<Connector<A, E, R>> }
  & { readonly [K in Exclude<keyof Tuning, "startup">]?: Config.Config<Tuning[K]> | undefined }
  & { readonly startup?: Config.Config<S> | undefined }

const readConfig = <A, E, R, S extends Startup | undefined>(
  { connector, ...tuning }: ConfigOptions<A, E, R, S>
): Effect.Effect<Options<A, E, R> & { readonly startup?: S }, ConfigError> =>
  Effect.map(
    Effect.all({
      connector: Config.isConfig(connector)
        ? connector as Config.Config<Connector<A, E, R>>
        : Effect.succeed(connector),
      tuning: readTuning(tuning)
    }),
    ({ connector, tuning }) => ({ ...tuning, connector }) as Options<A, E, R> & { readonly startup?: S }
  )

/** Reads those that are given. Config.all of none would throw. */
const readTuning = (configs: object): Effect.Effect<object, ConfigError> => {
  const given = Object.entries(configs).filter(([, config]) => config !== undefined)
  return given.length === 0 ? Effect.succeed({}) : Config.all(Object.fromEntries(given))
}

/** The class that `Tag` gives: a Context.Tag with the pool's operations as static members. */
export interface TagClass<Self, Id extends string, A, E> extends Context.TagClass<Self, Id, ConnectionPool<A, E>> {
  /** `use` of the pool in the context. */
  readonly use: <B, E2, R2>(
    f: (connection: A) => Effect.Effect<B, E2, R2>,
    options?: AcquireOptions | undefined
  ) => Effect.Effect<B, E | E2 | AcquireError, R2 | Self>
  /** `get` of the pool in the context. */
  readonly get: Effect.Effect<A, E | AcquireError, Self | Scope.Scope>
  /** `lease` of the pool in the context. */
  readonly lease: (
    options?: LeaseOptions | undefined
  ) => Effect.Effect<Lease<A>, E | AcquireError, Self | Scope.Scope>
  /** `tryTake` of the pool in the context. */
  readonly tryTake: (options?: ClaimOptions | undefined) => STM<Option<A>, PoolClosed, Self | ClaimOwner>
  /** `invalidate` of the pool in the context. */
  readonly invalidate: (connection: A) => Effect.Effect<void, never, Self>
  /** `stats` of the pool in the context. */
  readonly stats: Effect.Effect<PoolStats, never, Self>
  /** `leases` of the pool in the context. */
  readonly leases: Effect.Effect<ReadonlyArray<LeaseInfo>, never, Self>
  /** `health` of the pool in the context. */
  readonly health: Effect.Effect<PoolHealth, never, Self>
  /** `resize` of the pool in the context. */
  readonly resize: (sizes: PoolSizes) => Effect.Effect<void, PoolClosed | InvalidOptions, Self>
  /** `clear` of the pool in the context. */
  readonly clear: (options?: ClearOptions | undefined) => Effect.Effect<void, PoolClosed, Self>
  /** `recycle` of the pool in the context. */
  readonly recycle: (options: RecycleOptions) => Effect.Effect<void, PoolClosed | InvalidOptions, Self>
  /** `suspend` of the pool in the context. */
  readonly suspend: (options?: SuspendOptions | undefined) => Effect.Effect<void, PoolClosed | InvalidOptions, Self>
  /** `resume` of the pool in the context. */
  readonly resume: Effect.Effect<void, PoolClosed, Self>
  /** `drain` of the pool in the context. */
  readonly drain: Effect.Effect<void, never, Self>
  /** `close` of the pool in the context. */
  readonly close: (options?: CloseOptions | undefined) => Effect.Effect<void, InvalidOptions, Self>
  /** `events` of the pool in the context. */
  readonly events: Stream.Stream<PoolEvent, never, Self>
  /** Makes the pool, and closes it with the layer. Needs what the connector needs, the Scope excepted. */
  readonly layer: <R, const S extends Startup | undefined = "lazy">(
    options: Options<A, E, R> & { readonly startup?: S }
  ) => Layer.Layer<Self, InvalidOptions | StartupError<S, E>, Exclude<R, Scope.Scope>>
  /** As `layer`, with each option read from the ConfigProvider. */
  readonly layerConfig: <R, S extends Startup | undefined = "lazy">(
    options: ConfigOptions<A, E, R, S>
  ) => Layer.Layer<Self, ConfigError | InvalidOptions | StartupError<S, E>, Exclude<R, Scope.Scope>>
}

/** A tag for a pool of connections `A` that fail to open with `E`. */
export const Tag = <const Id extends string>(id: Id) => <Self, A, E = never>(): TagClass<Self, Id, A, E> => {
  const tag = Context.Tag(id)<Self, ConnectionPool<A, E>>()
  const layer = <R, S extends Startup | undefined>(options: Options<A, E, R> & { readonly startup?: S }) =>
    Layer.scoped(tag, make<A, E, R, S>(options))
  return Object.assign(tag, {
    use: <B, E2, R2>(f: (connection: A) => Effect.Effect<B, E2, R2>, options?: AcquireOptions) =>
      Effect.flatMap(tag, (pool) => pool.use(f, options)),
    get: Effect.flatMap(tag, (pool) => pool.get),
    lease: (options?: LeaseOptions) => Effect.flatMap(tag, (pool) => pool.lease(options)),
    tryTake: (options?: ClaimOptions) => fromService(tag, (pool) => pool.tryTake(options)),
    invalidate: (connection: A) => Effect.flatMap(tag, (pool) => pool.invalidate(connection)),
    stats: Effect.flatMap(tag, (pool) => pool.stats),
    leases: Effect.flatMap(tag, (pool) => pool.leases),
    health: Effect.flatMap(tag, (pool) => pool.health),
    resize: (sizes: PoolSizes) => Effect.flatMap(tag, (pool) => pool.resize(sizes)),
    clear: (options?: ClearOptions) => Effect.flatMap(tag, (pool) => pool.clear(options)),
    recycle: (options: RecycleOptions) => Effect.flatMap(tag, (pool) => pool.recycle(options)),
    suspend: (options?: SuspendOptions) => Effect.flatMap(tag, (pool) => pool.suspend(options)),
    resume: Effect.flatMap(tag, (pool) => pool.resume),
    drain: Effect.flatMap(tag, (pool) => pool.drain),
    close: (options?: CloseOptions) => Effect.flatMap(tag, (pool) => pool.close(options)),
    events: Stream.unwrap(Effect.map(tag, (pool) => pool.events)),
    layer,
    layerConfig: <R, S extends Startup | undefined>(options: ConfigOptions<A, E, R, S>) =>
      Layer.unwrapEffect(Effect.map(readConfig(options), (read) => layer<R, S>(read)))
  })
}
