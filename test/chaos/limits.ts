/** The times that the pool and the server are given. What a fault may cost is a sum of them. */

export const limits = {
  maxSize: 10,
  /** Of the server. */
  maxConnections: 40,
  acquireTimeout: 3_000,
  connectTimeout: 3_000,
  closeTimeout: 2_000,
  statementTimeout: 2_000,
  cancelTimeout: 1_000,
  /** The server ends sessions that hold locks and say nothing. */
  idleInTransaction: 2_000,
  /** The longest that the pool waits between two openings that failed: see the option `connectRetry`. */
  backOff: 5_000,
  /** PgBouncer's: how long a statement waits for a session of the server, how soon it tries again to log in there, and how long that may take. */
  bouncer: { queryWait: 2_000, loginRetry: 1_000, serverConnect: 3_000 },
  /** What everything may take: to queue, to reconnect, to be slow on a busy machine. */
  grace: 5_000
} as const

/**
 * What a fault leaves behind when it is over, and the pool has to get over: the wait after openings that failed; openings and statements
 * that nobody will answer; locks of sessions whose client is gone; a PgBouncer that has given up for a while.
 */
export type Leftover = "FailedOpenings" | "Hangs" | "Locks" | "PgBouncer"

const costs: Record<Leftover, number> = {
  FailedOpenings: limits.backOff,
  // They hang at the same time.
  Hangs: Math.max(limits.connectTimeout, limits.statementTimeout + limits.cancelTimeout),
  Locks: limits.idleInTransaction,
  // It logs in again when it is asked to, and refuses who has asked: for the session in which it looks for passwords, then for that of the client.
  PgBouncer: limits.bouncer.queryWait + limits.bouncer.loginRetry + limits.bouncer.serverConnect + 2 * limits.backOff
}

/** Milliseconds from the end of a fault within which it must be over for callers too. */
export const boundOf = (leaves: ReadonlyArray<Leftover>): number =>
  leaves.reduce<number>((sum, leftover) => sum + costs[leftover], limits.grace)
