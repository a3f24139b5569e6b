/**
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * Why a database could not be opened.
 *
 * - `Configuration`: the options cannot be used, or SQLite does not accept one of them.
 * - `CannotOpen`: no such file or folder, a directory, no permission to read.
 * - `NotADatabase`: the file is something else, or encrypted with another key.
 * - `ReadOnly`: the file may be read but not written, and `readOnly` was not set.
 * - `Locked`: another connection had it locked for longer than `busyTimeout`.
 * - `Timeout`: a statement of the opening took longer than `statementTimeout`.
 * - `Other`: see `code` and `message`.
 *
 * @since 0.1.0
 * @category models
 */
export type SqliteConnectReason =
  | "Configuration"
  | "CannotOpen"
  | "NotADatabase"
  | "ReadOnly"
  | "Locked"
  | "Timeout"
  | "Other"

/**
 * A database could not be opened. Never shows the encryption key.
 *
 * @since 0.1.0
 * @category errors
 */
export class SqliteConnectError extends Data.TaggedError("SqliteConnectError")<{
  readonly reason: SqliteConnectReason
  /** What happened, where, and what to check. */
  readonly message: string
  /** SQLite's extended result code where it answered, else the file system's. */
  readonly code?: string | undefined
  readonly filename: string
  readonly cause?: unknown
}> {}

/**
 * Why a statement has no result.
 *
 * - `Statement`: SQLite answered with an error; see `extendedCode`.
 * - `Busy`: another connection, or another process, has the lock that it needs. It was waited for, for `busyTimeout`, unless no wait
 *   could have helped: a transaction that has read cannot begin to write when others do, and is rolled back.
 * - `Interrupted`: it took longer than `statementTimeout`, or somebody interrupted it.
 * - `ConnectionLost`: the connection was closed, or what it reads cannot be relied on any more: a file that is corrupt, cannot
 *   be read, or was moved away. Whether the work was done is not known.
 * - `RolledBack`: its transaction is over: SQLite rolled it back when an earlier statement failed or was interrupted.
 * - `Client`: the driver could not take a parameter, or the call was wrong. Nothing was done.
 *
 * @since 0.1.0
 * @category models
 */
export type SqliteQueryReason = "Statement" | "Busy" | "Interrupted" | "ConnectionLost" | "RolledBack" | "Client"

/**
 * A statement failed. Has its text, never the values of its parameters; `message` is SQLite's, which names tables and columns.
 *
 * @since 0.1.0
 * @category errors
 */
export class SqliteQueryError extends Data.TaggedError("SqliteQueryError")<{
  readonly reason: SqliteQueryReason
  readonly message: string
  readonly sql: string
  /** SQLite's result code: "SQLITE_CONSTRAINT". */
  readonly code?: string | undefined
  /** What it is in particular: "SQLITE_CONSTRAINT_UNIQUE". The same as `code` where there is nothing to add. */
  readonly extendedCode?: string | undefined
  readonly cause?: unknown
}> {}
