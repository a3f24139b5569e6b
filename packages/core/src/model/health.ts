/**
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"

/**
 * Why a pool is not healthy. Times are milliseconds.
 *
 * - `Saturated`: all of `maxSize` are in use, and callers wait.
 * - `WaitersOverdue`: somebody has waited for more than half of the pool's `acquireTimeout`.
 * - `Overloaded`: `overload` sheds callers.
 * - `CannotConnect`: the last opening failed, `failedInARow` of them without a success in between. `open`: how many connections are open
 *   nevertheless. `ago`: how long ago it failed.
 * - `Suspended`: nothing is handed out. `newcomers`: whether they wait or are refused.
 * - `Draining`: newcomers are refused, and who waits is served.
 * - `Closed`: the pool is closed or is closing.
 *
 * @since 0.1.0
 * @category models
 */
export type HealthReason = Data.TaggedEnum<{
  Saturated: { readonly leased: number; readonly maxSize: number; readonly waiting: number }
  WaitersOverdue: { readonly longest: number; readonly waiting: number }
  Overloaded: { readonly waiting: number }
  CannotConnect: {
    readonly failedInARow: number
    readonly open: number
    readonly ago: number
    readonly cause: Cause.Cause<unknown>
  }
  Suspended: { readonly newcomers: "wait" | "refuse" }
  Draining: {}
  Closed: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const HealthReason = Data.taggedEnum<HealthReason>()

/**
 * How a pool is.
 *
 * - `Healthy`: as far as it knows, it can serve. A pool that has opened nothing yet is healthy.
 * - `Degraded`: it serves, but not as well as it should: callers wait, or it lives on the connections that it has.
 * - `Down`: who asks now gets an error.
 *
 * @since 0.1.0
 * @category models
 */
export type PoolHealth = Data.TaggedEnum<{
  Healthy: { readonly pool: string; readonly reasons: readonly [] }
  Degraded: { readonly pool: string; readonly reasons: ReadonlyArray<HealthReason> }
  Down: { readonly pool: string; readonly reasons: ReadonlyArray<HealthReason> }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const PoolHealth = Data.taggedEnum<PoolHealth>()
