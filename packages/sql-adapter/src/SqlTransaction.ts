/**
 * What the transactions of all SQL clients here have in common.
 *
 * - A transaction has a connection to itself. Its statements take turns; a nested transaction is a savepoint, and keeps the turn until
 *   it has ended, so that those beside it wait.
 * - A fiber that outlives its transaction gets `TransactionEnded`, never the connection of somebody else.
 * - Two clients never share a transaction.
 *
 * A client's errors are SqlErrors; what happened is their `cause`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Schedule from "effect/Schedule"

/**
 * @since 0.1.0
 * @category models
 */
export interface TransactionOptions {
  /** Default: the server's. SQLite has only `serializable`, and ignores it. What is none of these is a defect. */
  readonly isolation?: "read uncommitted" | "read committed" | "repeatable read" | "serializable" | undefined
  /** Refuses writes. Default: false. */
  readonly readOnly?: boolean | undefined
  /** PostgreSQL: waits for a moment at which a serializable, read-only transaction cannot fail. Default: false. */
  readonly deferrable?: boolean | undefined
  /**
   * Runs the whole transaction again where it lost against another one: a serialization failure or a deadlock (40001, 40P01,
   * 1213). What it does besides its statements is then done again, too. A savepoint is never run again by itself. Default: never.
   */
  readonly retry?: Schedule.Schedule<unknown> | undefined
}

/**
 * The connection died after COMMIT was sent and before it was answered: nobody knows whether the transaction took place. It is never
 * run again by itself. Look for what it wrote.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommitUnknown extends Data.TaggedError("CommitUnknown")<{
  readonly message: string
  readonly cause: unknown
}> {}

/**
 * COMMIT could only roll back: a statement had failed, and its error was handled inside of the transaction.
 *
 * @since 0.1.0
 * @category errors
 */
export class RolledBack extends Data.TaggedError("RolledBack")<{ readonly message: string }> {}

/**
 * A fiber that outlived its transaction, savepoint or reserved connection asked for a statement.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransactionEnded extends Data.TaggedError("TransactionEnded")<{
  readonly message: string
  readonly sql: string
}> {}

/**
 * A fiber that reads a stream of its transaction, or of its reserved connection, asked for a statement on it meanwhile: the stream has the
 * connection until it ends, so the fiber would have waited for itself for ever.
 *
 * @since 0.1.0
 * @category errors
 */
export class TurnHeld extends Data.TaggedError("TurnHeld")<{
  readonly message: string
  readonly sql: string
}> {}

/**
 * Another library's client met a transaction that is not its own. It would have run its statement on this transaction's
 * connection, which may be another database's.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForeignTransaction extends Data.TaggedError("ForeignTransaction")<{
  readonly message: string
  readonly sql: string
}> {}
