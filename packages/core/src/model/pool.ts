/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Option } from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type { STM } from "effect/STM"
import type * as Stream from "effect/Stream"
import type { AcquireError, ConnectTimeout, InvalidOptions, PoolClosed } from "./errors.js"
import type { PoolEvent } from "./events.js"
import type { PoolHealth } from "./health.js"
import type { AcquireOptions, ClaimOptions, LeaseOptions, PoolSizes } from "./options.js"
import type { LeaseInfo, PoolStats } from "./stats.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@cenote/core/ConnectionPool")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * A pool of connections `A`, whose opening fails with `E`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionPool<in out A, out E = never> extends Pipeable {
  readonly [TypeId]: TypeId
  readonly name: string
  /**
   * Runs `f` with a connection, and gives the connection back when `f` has ended: with a value, a failure, a defect or an
   * interruption. Giving back waits for no I/O.
   *
   * Fails as `f` does; with an `AcquireError`; or with `E` where nothing is open and an opening failed while this caller
   * waited. Interrupting it ends the wait, or `f`, at once; a caller that cannot be interrupted waits for its
   * `acquireTimeout` at most. Using the connection after `f` has ended is a mistake that the pool cannot see: `lease` can.
   */
  readonly use: <B, E2, R2>(
    f: (connection: A) => Effect.Effect<B, E2, R2>,
    options?: AcquireOptions | undefined
  ) => Effect.Effect<B, E | E2 | AcquireError, R2>
  /** A connection until the Scope closes. Waits, fails and is interrupted as `use` is. */
  readonly get: Effect.Effect<A, E | AcquireError, Scope.Scope>
  /** As `get`, with a handle on the lease. */
  readonly lease: (options?: LeaseOptions | undefined) => Effect.Effect<Lease<A>, E | AcquireError, Scope.Scope>
  /**
   * Takes a connection as part of a transaction of your own, which `useSTM` commits: `Some` of what `use` would have got at once. `None`
   * where that would have to wait, also for a check or an opening; while anybody waits; and while the pool is suspended. Fails with
   * `PoolClosed` where the pool drains or is closed. It never waits, has no place in the queue, and opens nothing: a transaction that retries until there is one runs again
   * whenever the pool changes, and may starve. If the transaction fails or retries, nothing has been taken.
   */
  readonly tryTake: (options?: ClaimOptions | undefined) => STM<Option<A>, PoolClosed, ClaimOwner>
  /**
   * Says that a connection is no good. It is closed when it comes back, or at once if it is idle. One that is not of this
   * pool, or not any more, changes nothing. Never fails; cannot be interrupted.
   */
  readonly invalidate: (connection: A) => Effect.Effect<void>
  /** A snapshot of sizes and totals. Takes no connection, and costs nothing worth counting. */
  readonly stats: Effect.Effect<PoolStats>
  /** All leases of now, the oldest first: who holds what, and since when. */
  readonly leases: Effect.Effect<ReadonlyArray<LeaseInfo>>
  /**
   * Whether the pool can serve, and if not, why: by its state, and by how its last openings went. It takes no connection, joins no
   * queue, asks no server and waits for nothing, so it answers at once whatever the pool does, a closed one too.
   */
  readonly health: Effect.Effect<PoolHealth>
  /**
   * Changes how many connections there may be and are to be. What is more than `maxSize` is closed: openings first, then what is idle
   * for longest, and leased ones as they come back; until then nothing is opened. `minSize` and `minIdle` above `maxSize` count as
   * that. Fails with `InvalidOptions` for what cannot be, as a `maxSize` of 0 (`suspend` is for that), and `PoolClosed`.
   */
  readonly resize: (sizes: PoolSizes) => Effect.Effect<void, PoolClosed | InvalidOptions>
  /**
   * Ends all connections of today, as after a failover: idle ones at once, leased ones when they come back, or at once with
   * `abortLeases`, where the connector can abort. Openings begin again, without a back-off. Who waits keeps its place.
   */
  readonly clear: (options?: ClearOptions | undefined) => Effect.Effect<void, PoolClosed>
  /**
   * Ends all connections of today within a time, one after the other, so that no storm of connects follows: as when credentials
   * have changed. Each ends when its successor is open, where a permit is free for that; one that is leased, when it comes back.
   */
  readonly recycle: (options: RecycleOptions) => Effect.Effect<void, PoolClosed | InvalidOptions>
  /**
   * Hands out nothing and opens nothing, until it is resumed or the time is over: as while the server is moved. Leases go on, who waits
   * keeps its place and its deadline runs. Again: replaces what was said before. A pool that drains goes on draining.
   */
  readonly suspend: (options?: SuspendOptions | undefined) => Effect.Effect<void, PoolClosed | InvalidOptions>
  /** Ends a suspension. Changes nothing where there is none. */
  readonly resume: Effect.Effect<void, PoolClosed>
  /**
   * Refuses newcomers (`PoolClosed`), serves who waits, and ends when every connection has come back and is closed. It has no deadline:
   * `close` cuts it short. Interrupting it ends the waiting only: the pool goes on draining.
   */
  readonly drain: Effect.Effect<void>
  /**
   * Closes the pool now, as the end of its Scope does: newcomers and waiters are refused, leases awaited, and aborted at the deadline.
   * Of several deadlines the earliest counts. Interrupting it ends the waiting only.
   */
  readonly close: (options?: CloseOptions | undefined) => Effect.Effect<void, InvalidOptions>
  /**
   * What happens, from when it is subscribed to until the pool is closed. The pool never waits for a subscriber: one that
   * is more than 4,096 events behind loses some, and reads how many (`EventsDropped`). Without a subscriber, no event is
   * built.
   */
  readonly events: Stream.Stream<PoolEvent>
}

/**
 * Who owns what `tryTake` takes. Only `useSTM` provides it, and it ends there.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClaimOwner {
  readonly _: unique symbol
}

/**
 * What `all` takes: a struct or a tuple of pools.
 *
 * @since 0.1.0
 * @category models
 */
export type Pools = ReadonlyArray<ConnectionPool<any, any>> | { readonly [name: string]: ConnectionPool<any, any> }

/**
 * What `all` gives: a connection of each pool, in the same places.
 *
 * @since 0.1.0
 * @category models
 */
export type Connections<P extends Pools> = {
  -readonly [K in keyof P]: P[K] extends ConnectionPool<infer A, any> ? A : never
}

/**
 * What opening a connection of one of the pools fails with.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenErrors<P extends Pools> = P extends ReadonlyArray<infer Q>
  ? Q extends ConnectionPool<any, infer E> ? E : never
  : { readonly [K in keyof P]: P[K] extends ConnectionPool<any, infer E> ? E : never }[keyof P]

/**
 * One holder's time with a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease<out A> {
  /** Numbers the leases of a pool, in order of asking. */
  readonly number: number
  /** Numbers the connections of a pool, from 0: the same as in events. */
  readonly id: number
  /** The connection. Reading it after the lease has ended is a defect, a `LeaseEnded` that names the lease. */
  readonly connection: A
  /** How long the lease has lasted, in milliseconds; how long it did last once it has ended. */
  readonly age: Effect.Effect<number>
  /** Says that the connection is no good: it is closed when it comes back. Dies with `LeaseEnded` after the lease. */
  readonly invalidate: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ClearOptions {
  /** Whether connections in use are killed under their holders, whose next call on them fails. Default: false. */
  readonly abortLeases?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RecycleOptions {
  /** How long it takes. 0: idle connections end at once. */
  readonly within: Duration.DurationInput
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SuspendOptions {
  /** What newcomers do: `"wait"`, or get `PoolRefused` with `Suspended`. Default: "wait". */
  readonly newcomers?: "wait" | "refuse" | undefined
  /** How long it lasts, unless it is resumed before. Default: `Duration.infinity`. */
  readonly duration?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CloseOptions {
  /** How long leases are awaited. Default: the pool's `shutdownTimeout`. */
  readonly deadline?: Duration.DurationInput | undefined
}

/**
 * What `startup` says.
 *
 * @since 0.1.0
 * @category models
 */
export type Startup = "lazy" | "probe" | "fill"

/**
 * What making a pool can fail with by opening connections: nothing where it does not wait for one.
 *
 * @since 0.1.0
 * @category models
 */
export type StartupError<S extends Startup | undefined, E> = S extends "probe" | "fill" ? E | ConnectTimeout : never
