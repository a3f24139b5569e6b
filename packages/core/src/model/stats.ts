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
  /** Callers that got an `AcquireTimeout`. */
  readonly timedOut: number
  /** Callers that were refused because the queue was full. */
  readonly refused: number
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
 * @since 0.1.0
 * @category models
 */
export interface PoolStats extends Sizes, Totals {
  readonly name: string
  readonly phase: "starting" | "running" | "closing" | "closed"
  readonly minSize: number
  /** Openings that failed in a row. 0 when the last one went well. */
  readonly failedInARow: number
  readonly lastConnectFailure: Option.Option<ConnectFailure>
}
