/**
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Option } from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Connector from "./connector.js"
import type { AcquireError, InvalidKey, InvalidOptions } from "./errors.js"
import type { PoolEvent } from "./events.js"
import type { AcquireOptions, LeaseOptions, Tuning } from "./options.js"
import type { CloseOptions, Lease } from "./pool.js"
import type { PoolStats, Sizes, Totals } from "./stats.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const KeyedTypeId: unique symbol = Symbol.for("@cenote/core/KeyedPool")

/**
 * @since 0.1.0
 * @category symbols
 */
export type KeyedTypeId = typeof KeyedTypeId

/**
 * What can be a key: what Effect's `Equal` and `Hash` compare by value. Of objects, those that implement `Equal`, as `Data` and
 * `Schema.Class` make them. Their types do not say so, so other objects are refused when they come, with `InvalidKey`.
 *
 * @since 0.1.0
 * @category models
 */
export type Key = string | number | bigint | boolean | symbol | object

/**
 * What a keyed pool is made of: the options of a pool, which hold for each key, and those of all keys together.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyedOptions<in K, A, E, R> extends Omit<Tuning, "maxSize" | "minSize" | "minIdle" | "startup"> {
  /** How connections of a key are opened. Called once for each key, as it is first asked for: it must be pure. Required. */
  readonly connector: (key: K) => Connector.Source<A, E, R>
  /**
   * The most connections of one key that are opening, open or closing at one time. Too small: a busy key queues while permits are free.
   * Too large: one key can have them all. Default: 10.
   */
  readonly maxPerKey?: number | undefined
  /**
   * The most connections of all keys that are opening, open or closing at one time. Too small: keys take connections from each other and
   * open anew. Too large: more than the servers can bear. Default: 100.
   */
  readonly maxTotal?: number | undefined
  /**
   * For how long a key is remembered that has no connection and for which nobody asks. Too small: its numbers start anew with each visit.
   * Too large: memory for keys that do not come back. Must be above 0. Default: 10 minutes.
   */
  readonly keyIdleTimeout?: Duration.DurationInput | undefined
  /**
   * What a key is called in errors, spans and logs, after the pool's name. Default: it is not named, as a key may be a secret.
   */
  readonly describe?: ((key: K) => string) | undefined
}

/**
 * The defaults of what a keyed pool has besides the options of a pool.
 *
 * @since 0.1.0
 * @category constants
 */
export const keyedDefaults = {
  maxPerKey: 10,
  maxTotal: 100,
  keyIdleTimeout: "10 minutes"
} as const

/**
 * Sizes and totals of all keys together. The totals include those of keys that are forgotten.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyedPoolStats extends Omit<Sizes, "maxSize">, Totals {
  readonly name: string
  readonly phase: "running" | "draining" | "closing" | "closed"
  readonly maxTotal: number
  readonly maxPerKey: number
  /** How many keys are known. */
  readonly keys: number
  /** How many of them need a permit, and none is free. */
  readonly hungryKeys: number
  /** How many callers have a connection. */
  readonly leases: number
}

/**
 * What happens in a keyed pool. What happens to a key's connections and callers is a `KeyEvent`; connections and leases are numbered by
 * key, each from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type KeyedPoolEvent<K> =
  /** A key is asked for that is not known. */
  | { readonly _tag: "KeyAdded"; readonly at: number; readonly key: K }
  | { readonly _tag: "KeyEvent"; readonly at: number; readonly key: K; readonly event: PoolEvent }
  /** Nothing is left of it, and it was not used for long, or was to be forgotten. */
  | { readonly _tag: "KeyForgotten"; readonly at: number; readonly key: K }
  | { readonly _tag: "KeyedPoolClosed"; readonly at: number }
  /** This subscriber read too slowly, and `count` events before this one are lost to it. */
  | { readonly _tag: "EventsDropped"; readonly at: number; readonly count: number }

interface KeyedPoolEventDefinition extends Data.TaggedEnum.WithGenerics<1> {
  readonly taggedEnum: KeyedPoolEvent<this["A"]>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const KeyedPoolEvent = Data.taggedEnum<KeyedPoolEventDefinition>()

/**
 * A pool of connections `A` for each key `K`, whose opening fails with `E`, under one maximum for all.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyedPool<K extends Key, in out A, out E = never> extends Pipeable {
  readonly [KeyedTypeId]: KeyedTypeId
  readonly name: string
  /**
   * Runs `f` with a connection of the key, and gives it back when `f` has ended, however it did. Waits, fails and is interrupted as
   * a plain pool's `use`; with `InvalidKey` where the key is none. What other keys do delays it: where all permits are spent, it waits for
   * a connection of another key to end. Callers of one key are served in order of arrival.
   */
  readonly use: <B, E2, R2>(
    key: K,
    f: (connection: A) => Effect.Effect<B, E2, R2>,
    options?: AcquireOptions | undefined
  ) => Effect.Effect<B, E | E2 | AcquireError | InvalidKey, R2>
  /** A connection of the key until the Scope closes. Waits, fails and is interrupted as `use`. */
  readonly get: (key: K) => Effect.Effect<A, E | AcquireError | InvalidKey, Scope.Scope>
  /** As `get`, with a handle on the lease. */
  readonly lease: (
    key: K,
    options?: LeaseOptions | undefined
  ) => Effect.Effect<Lease<A>, E | AcquireError | InvalidKey, Scope.Scope>
  /**
   * Says that a connection is no good. It is closed when it comes back, or at once if it is idle. One that is not of this pool, or not
   * any more, changes nothing. Never fails; cannot be interrupted.
   */
  readonly invalidate: (connection: A) => Effect.Effect<void>
  /**
   * Ends the connections of a key, idle ones at once, leased ones when they come back, and forgets the key as soon as nothing is left of
   * it: as when a tenant is gone, or its server has another address. Who waits, or asks afterwards, is served with a connection that was
   * opened later; the `connector` is asked again once the key was gone. A key that is not known changes nothing. Never fails, and waits
   * for nothing.
   */
  readonly forget: (key: K) => Effect.Effect<void>
  /** The keys that are known. */
  readonly keys: Effect.Effect<ReadonlyArray<K>>
  /** A snapshot of all keys together. It looks at each, so it costs more the more there are: some milliseconds for ten thousand. */
  readonly stats: Effect.Effect<KeyedPoolStats>
  /** A snapshot of one key. None: it is not known. `maxSize` is `maxPerKey`. */
  readonly statsOf: (key: K) => Effect.Effect<Option<PoolStats>>
  /**
   * What happens, from when it is subscribed to until the pool is closed. The pool never waits for a subscriber: one that is more than
   * 4,096 events behind loses some, and reads how many. Without a subscriber, no event is built.
   */
  readonly events: Stream.Stream<KeyedPoolEvent<K>>
  /** Refuses newcomers, serves who waits, and ends when every connection of every key is closed. Interrupting it ends the waiting only. */
  readonly drain: Effect.Effect<void>
  /**
   * Closes the pool now, as the end of its Scope does: newcomers and waiters are refused, leases awaited, and aborted at the deadline.
   * Of several deadlines the earliest counts. Interrupting it ends the waiting only.
   */
  readonly close: (options?: CloseOptions | undefined) => Effect.Effect<void, InvalidOptions>
}
