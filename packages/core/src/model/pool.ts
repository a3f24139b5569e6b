/**
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AcquireError, ConnectTimeout } from "./errors.js"
import type { PoolEvent } from "./events.js"
import type { AcquireOptions } from "./options.js"
import type { PoolStats } from "./stats.js"

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
  readonly lease: (options?: AcquireOptions | undefined) => Effect.Effect<Lease<A>, E | AcquireError, Scope.Scope>
  /**
   * Says that a connection is no good. It is closed when it comes back, or at once if it is idle. One that is not of this
   * pool, or not any more, changes nothing. Never fails; cannot be interrupted.
   */
  readonly invalidate: (connection: A) => Effect.Effect<void>
  /** A snapshot of sizes and totals. Takes no connection, and costs nothing worth counting. */
  readonly stats: Effect.Effect<PoolStats>
  /**
   * What happens, from when it is subscribed to until the pool is closed. The pool never waits for a subscriber: one that
   * is more than 4,096 events behind loses some, and reads how many (`EventsDropped`). Without a subscriber, no event is
   * built.
   */
  readonly events: Stream.Stream<PoolEvent>
}

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
