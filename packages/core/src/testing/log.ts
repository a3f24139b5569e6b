/**
 * What a fake server remembers.
 *
 * @since 0.1.0
 */

/**
 * What happened to a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogEntry {
  readonly event:
    | "opening"
    | "opened"
    | "checked"
    | "pinged"
    | "reset"
    | "called"
    | "closing"
    | "closed"
    | "aborted"
    | "killed"
  readonly connection: number
  /** Milliseconds of the Clock. */
  readonly at: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Openings that began. */
  readonly opening: number
  readonly opened: number
  readonly checked: number
  readonly pinged: number
  readonly reset: number
  /** Calls that began. */
  readonly called: number
  /** Closes that began: each connection's finalizer, once. */
  readonly closing: number
  /** Closes that ended. */
  readonly closed: number
  readonly aborted: number
  readonly killed: number
  /** Sessions that the server has: opened, and neither closed, aborted nor killed. */
  readonly alive: number
  /** The most sessions that the server had at one time. */
  readonly mostAlive: number
}
