/** Typed services: a pool as a Context.Tag, with the pool's own operations and its layers. */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Connector, Source } from "../model/connector.js"
import type { AcquireError, InvalidOptions } from "../model/errors.js"
import type { PoolEvent } from "../model/events.js"
import type { AcquireOptions, Options, Tuning } from "../model/options.js"
import type { ConnectionPool, Lease, Startup, StartupError } from "../model/pool.js"
import type { PoolStats } from "../model/stats.js"
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
    options?: AcquireOptions | undefined
  ) => Effect.Effect<Lease<A>, E | AcquireError, Self | Scope.Scope>
  /** `invalidate` of the pool in the context. */
  readonly invalidate: (connection: A) => Effect.Effect<void, never, Self>
  /** `stats` of the pool in the context. */
  readonly stats: Effect.Effect<PoolStats, never, Self>
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
    lease: (options?: AcquireOptions) => Effect.flatMap(tag, (pool) => pool.lease(options)),
    invalidate: (connection: A) => Effect.flatMap(tag, (pool) => pool.invalidate(connection)),
    stats: Effect.flatMap(tag, (pool) => pool.stats),
    events: Stream.unwrap(Effect.map(tag, (pool) => pool.events)),
    layer,
    layerConfig: <R, S extends Startup | undefined>(options: ConfigOptions<A, E, R, S>) =>
      Layer.unwrapEffect(Effect.map(readConfig(options), (read) => layer<R, S>(read)))
  })
}
