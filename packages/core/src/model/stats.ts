/**
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Option from "effect/Option"

/**
 * A failed opening that is remembered for diagnosis. It is never served to a caller later.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectFailure {
  readonly cause: Cause.Cause<unknown>
  /** When it failed, in milliseconds of the pool's clock. */
  readonly at: number
}

/**
 * A lease, and who has it.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeaseInfo {
  /** Numbers the leases of a pool, in order of asking. */
  readonly lease: number
  /** Numbers the connections of a pool, from 0. */
  readonly connection: number
  /** In milliseconds. */
  readonly age: number
  /** The fiber that asked, as in logs: "#12". Undefined: it is not known. */
  readonly fiber: string | undefined
  /** The name of the span that this fiber is in now, if there is one. */
  readonly span: string | undefined
  /** Where it asked, with `leakTracing`. */
  readonly stack: string | undefined
  /** Whether it said that the lease is long. */
  readonly isLong: boolean
}

/**
 * How many connections are in each state, and how many callers wait. The six states add up to at most `maxSize`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sizes {
  readonly maxSize: number
  readonly opening: number
  readonly idle: number
  readonly leased: number
  readonly checking: number
  readonly resetting: number
  readonly closing: number
  readonly waiting: number
}

/**
 * Totals since the pool was made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Totals {
  /** Calls that asked for a connection. */
  readonly requests: number
  /** Those that got one. */
  readonly acquired: number
  /** Callers that got an `AcquireTimeout`. */
  readonly timedOut: number
  /** Callers that were refused because the queue was full, or the pool suspended. */
  readonly refused: number
  /** Callers that were refused by `overload`. */
  readonly shed: number
  /** Callers that left by themselves before they were served: interrupted. */
  readonly gaveUp: number
  readonly opened: number
  readonly openFailures: number
  /** Connections that were opened and are closed, the aborted ones included. */
  readonly closed: number
  /**
   * Connections whose close did not end in time. Their permits are free, and the server may keep their sessions for a
   * while: so far, it may see this many more than `maxSize`.
   */
  readonly aborted: number
}

/**
 * Where a pool is in its life. `"starting"`: `make` waits for what `startup` says.
 *
 * @since 0.1.0
 * @category models
 */
export type PoolPhase = "starting" | "running" | "suspended" | "draining" | "closing" | "closed"

/**
 * @since 0.1.0
 * @category models
 */
export interface PoolStats extends Sizes, Totals {
  readonly name: string
  readonly phase: PoolPhase
  readonly minSize: number
  readonly minIdle: number
  /** How many callers have a connection: more than are `leased` where connections are shared. */
  readonly leases: number
  /** The most connections in use at once. */
  readonly peakLeased: number
  /** The most callers waiting at once. */
  readonly peakWaiting: number
  /** How many connections came back in a second, measured while callers waited. 0: not known yet. */
  readonly returnRate: number
  /** Openings that failed in a row. 0 when the last one went well. */
  readonly failedInARow: number
  readonly lastConnectFailure: Option.Option<ConnectFailure>
}
