/** Typed services: a keyed pool as a Context.Tag, with the pool's own operations and its layer. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Option } from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AcquireError, InvalidKey, InvalidOptions } from "../../model/errors.js"
import type { Key, KeyedOptions, KeyedPool, KeyedPoolEvent, KeyedPoolStats } from "../../model/keyed.js"
import type { AcquireOptions, LeaseOptions } from "../../model/options.js"
import type { CloseOptions, Lease } from "../../model/pool.js"
import type { PoolStats } from "../../model/stats.js"
import { make as makeCore } from "./make.js"
import { fromCore } from "./pool.js"

export const make = <K extends Key, A, E, R>(
  options: KeyedOptions<K, A, E, R>
): Effect.Effect<KeyedPool<K, A, E>, InvalidOptions, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.map(makeCore(options), fromCore)

/** The class that `Tag` gives: a Context.Tag with the pool's operations as static members. */
export interface TagClass<Self, Id extends string, K extends Key, A, E>
  extends Context.TagClass<Self, Id, KeyedPool<K, A, E>>
{
  /** `use` of the pool in the context. */
  readonly use: <B, E2, R2>(
    key: K,
    f: (connection: A) => Effect.Effect<B, E2, R2>,
    options?: AcquireOptions | undefined
  ) => Effect.Effect<B, E | E2 | AcquireError | InvalidKey, R2 | Self>
  /** `get` of the pool in the context. */
  readonly get: (key: K) => Effect.Effect<A, E | AcquireError | InvalidKey, Self | Scope.Scope>
  /** `lease` of the pool in the context. */
  readonly lease: (
    key: K,
    options?: LeaseOptions | undefined
  ) => Effect.Effect<Lease<A>, E | AcquireError | InvalidKey, Self | Scope.Scope>
  /** `invalidate` of the pool in the context. */
  readonly invalidate: (connection: A) => Effect.Effect<void, never, Self>
  /** `forget` of the pool in the context. */
  readonly forget: (key: K) => Effect.Effect<void, never, Self>
  /** `keys` of the pool in the context. */
  readonly keys: Effect.Effect<ReadonlyArray<K>, never, Self>
  /** `stats` of the pool in the context. */
  readonly stats: Effect.Effect<KeyedPoolStats, never, Self>
  /** `statsOf` of the pool in the context. */
  readonly statsOf: (key: K) => Effect.Effect<Option<PoolStats>, never, Self>
  /** `drain` of the pool in the context. */
  readonly drain: Effect.Effect<void, never, Self>
  /** `close` of the pool in the context. */
  readonly close: (options?: CloseOptions | undefined) => Effect.Effect<void, InvalidOptions, Self>
  /** `events` of the pool in the context. */
  readonly events: Stream.Stream<KeyedPoolEvent<K>, never, Self>
  /** Makes the pool, and closes it with the layer. Needs what the connectors need, the Scope excepted. */
  readonly layer: <R>(
    options: KeyedOptions<K, A, E, R>
  ) => Layer.Layer<Self, InvalidOptions, Exclude<R, Scope.Scope>>
}

/** A tag for a keyed pool of connections `A` that fail to open with `E`. */
export const Tag =
  <const Id extends string>(id: Id) => <Self, K extends Key, A, E = never>(): TagClass<Self, Id, K, A, E> => {
    const tag = Context.Tag(id)<Self, KeyedPool<K, A, E>>()
    return Object.assign(tag, {
      use: <B, E2, R2>(key: K, f: (connection: A) => Effect.Effect<B, E2, R2>, options?: AcquireOptions) =>
        Effect.flatMap(tag, (pool) => pool.use(key, f, options)),
      get: (key: K) => Effect.flatMap(tag, (pool) => pool.get(key)),
      lease: (key: K, options?: LeaseOptions) => Effect.flatMap(tag, (pool) => pool.lease(key, options)),
      invalidate: (connection: A) => Effect.flatMap(tag, (pool) => pool.invalidate(connection)),
      forget: (key: K) => Effect.flatMap(tag, (pool) => pool.forget(key)),
      keys: Effect.flatMap(tag, (pool) => pool.keys),
      stats: Effect.flatMap(tag, (pool) => pool.stats),
      statsOf: (key: K) => Effect.flatMap(tag, (pool) => pool.statsOf(key)),
      drain: Effect.flatMap(tag, (pool) => pool.drain),
      close: (options?: CloseOptions) => Effect.flatMap(tag, (pool) => pool.close(options)),
      events: Stream.unwrap(Effect.map(tag, (pool) => pool.events)),
      layer: <R>(options: KeyedOptions<K, A, E, R>) => Layer.scoped(tag, make<K, A, E, R>(options))
    })
  }
