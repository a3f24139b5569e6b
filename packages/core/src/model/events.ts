/**
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type { PoolSizes } from "./options.js"
import type { LeaseInfo } from "./stats.js"

/**
 * Why a connection is closed.
 *
 * - `Broken`: the connector said so when it came back
 * - `Lost`: it died
 * - `CheckFailed`, `PingFailed`, `ResetFailed`, `OpenFailed`: that step failed, died, or took too long
 * - `Invalidated`: a caller said so
 * - `IdleTimeout`, `MaxLifetime`, `MaxUses`: it is retired
 * - `MaxLease`: it was held for longer than that, and aborted
 * - `Cleared`, `Recycled`, `Resized`: an operation of that name ended it
 * - `Ceded`: another key of its `KeyedPool` had more need of its permit
 * - `Shutdown`: the pool is closing
 *
 * @since 0.1.0
 * @category models
 */
export type CloseReason =
  | "Broken"
  | "Lost"
  | "CheckFailed"
  | "PingFailed"
  | "ResetFailed"
  | "OpenFailed"
  | "Invalidated"
  | "IdleTimeout"
  | "MaxLifetime"
  | "MaxUses"
  | "MaxLease"
  | "Cleared"
  | "Recycled"
  | "Resized"
  | "Ceded"
  | "Shutdown"

/**
 * How a close ended. `Closed`: its finalizers ran. `Failed`: they ran, and one died. `Aborted`: they did not end within
 * `closeTimeout`, or by the pool's close deadline, and the connector's `abort` was called.
 *
 * @since 0.1.0
 * @category models
 */
export type CloseOutcome = Data.TaggedEnum<{
  Closed: {}
  Failed: { readonly cause: Cause.Cause<unknown> }
  Aborted: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const CloseOutcome = Data.taggedEnum<CloseOutcome>()

/**
 * What an opening is for: a caller that waits, `minSize`, or the successor of a connection near the end of its lifetime.
 *
 * @since 0.1.0
 * @category models
 */
export type OpenPurpose = "Waiter" | "Refill" | "Successor"

/**
 * What happens in a pool. `at` and all times are milliseconds of the pool's clock; `id` numbers connections from 0.
 *
 * @since 0.1.0
 * @category models
 */
export type PoolEvent = Data.TaggedEnum<{
  ConnectionOpening: { readonly at: number; readonly id: number; readonly purpose: OpenPurpose }
  ConnectionOpened: { readonly at: number; readonly id: number; readonly took: number }
  ConnectionOpenFailed: {
    readonly at: number
    readonly id: number
    readonly took: number
    readonly cause: Cause.Cause<unknown>
  }
  /** A check, ping or reset failed; the connection is closed for it. */
  ConnectionStepFailed: {
    readonly at: number
    readonly id: number
    readonly step: "check" | "ping" | "reset"
    readonly cause: Cause.Cause<unknown>
  }
  ConnectionLost: { readonly at: number; readonly id: number; readonly reason: unknown }
  ConnectionClosing: { readonly at: number; readonly id: number; readonly reason: CloseReason }
  ConnectionClosed: {
    readonly at: number
    readonly id: number
    readonly reason: CloseReason
    readonly took: number
    readonly outcome: CloseOutcome
  }
  /** A caller asks. */
  AcquireStarted: { readonly at: number }
  /** A caller got connection `id`, `waited` after it asked. */
  Acquired: { readonly at: number; readonly id: number; readonly lease: number; readonly waited: number }
  /** A caller got none: an `AcquireError`, or what opening a connection failed with. */
  AcquireFailed: { readonly at: number; readonly waited: number; readonly cause: Cause.Cause<unknown> }
  Released: { readonly at: number; readonly id: number; readonly lease: number }
  /** A lease has lasted for longer than `leakThreshold`. */
  LeaseOverdue: { readonly at: number; readonly holder: LeaseInfo }
  /** A lease was ended from outside: its connection was killed. */
  LeaseAborted: { readonly at: number; readonly holder: LeaseInfo; readonly reason: CloseReason }
  /** One that was overdue or aborted came back after all. */
  LeaseReturned: { readonly at: number; readonly holder: LeaseInfo }
  PoolCleared: { readonly at: number; readonly abortLeases: boolean }
  PoolRecycled: { readonly at: number; readonly within: number }
  PoolSuspended: { readonly at: number; readonly newcomers: "wait" | "refuse" }
  PoolResumed: { readonly at: number }
  PoolResized: { readonly at: number; readonly sizes: PoolSizes }
  /** Every idle connection is checked before it is handed out again. */
  PoolSuspected: { readonly at: number; readonly reason: "Clock" | "Critical" }
  PoolDraining: { readonly at: number }
  PoolClosing: { readonly at: number }
  PoolClosed: { readonly at: number }
  /** This subscriber read too slowly, and `count` events before this one are lost to it. */
  EventsDropped: { readonly at: number; readonly count: number }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const PoolEvent = Data.taggedEnum<PoolEvent>()
