import type { SqliteConnectReason, SqliteQueryReason } from "../../SqliteError.js"
import { SqliteConnectError, SqliteQueryError } from "../../SqliteError.js"
import { asError } from "../wire/network.js"
import type { SqliteFailure } from "./driver.js"
import { isSqliteFailure } from "./driver.js"

/** SQLite's result codes, by their numbers. An extended code is one of them and more above its lowest byte. */
const names: Readonly<Record<number, string>> = {
  1: "SQLITE_ERROR",
  2: "SQLITE_INTERNAL",
  3: "SQLITE_PERM",
  4: "SQLITE_ABORT",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  7: "SQLITE_NOMEM",
  8: "SQLITE_READONLY",
  9: "SQLITE_INTERRUPT",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  12: "SQLITE_NOTFOUND",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  15: "SQLITE_PROTOCOL",
  16: "SQLITE_EMPTY",
  17: "SQLITE_SCHEMA",
  18: "SQLITE_TOOBIG",
  19: "SQLITE_CONSTRAINT",
  20: "SQLITE_MISMATCH",
  21: "SQLITE_MISUSE",
  22: "SQLITE_NOLFS",
  23: "SQLITE_AUTH",
  24: "SQLITE_FORMAT",
  25: "SQLITE_RANGE",
  26: "SQLITE_NOTADB"
}

const busySnapshot = 517
const readOnlyMoved = 1032

const codeOf = ({ rawCode }: SqliteFailure): string => names[rawCode & 0xff] ?? "SQLITE_ERROR"

/** The driver does not know the names of all of them. */
const extendedCodeOf = (failure: SqliteFailure): string =>
  failure.code.startsWith("SQLITE_") ? failure.code : codeOf(failure)

/** It did not get a lock. */
export const isBusy = (error: unknown): error is SqliteFailure =>
  isSqliteFailure(error) && codeOf(error) === "SQLITE_BUSY"

/** Somebody else has the lock, and may give it back. One whose snapshot is old stays behind, however long it waits. */
export const isLocked = (error: unknown): boolean => isBusy(error) && error.rawCode !== busySnapshot

export const isInterruption = (error: unknown): boolean =>
  isSqliteFailure(error) && codeOf(error) === "SQLITE_INTERRUPT"

/** Nothing that comes from this connection can be relied on any more. */
export const isFatal = (error: unknown): boolean =>
  isSqliteFailure(error) &&
  (["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR"].includes(codeOf(error)) || error.rawCode === readOnlyMoved)

const sentence = (text: string): string => /[.!?]$/.test(text) ? text : `${text}.`

const reasonOf = (failure: SqliteFailure): SqliteQueryReason => {
  if (isFatal(failure)) return "ConnectionLost"
  switch (codeOf(failure)) {
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
      return "Busy"
    case "SQLITE_INTERRUPT":
      return "Interrupted"
    default:
      return "Statement"
  }
}

/** What the driver threw, as an error of the statement. */
export const queryError = (sql: string, error: unknown): SqliteQueryError =>
  isSqliteFailure(error)
    ? new SqliteQueryError({
      reason: reasonOf(error),
      message: error.message,
      sql,
      code: codeOf(error),
      extendedCode: extendedCodeOf(error),
      cause: error
    })
    : clientError(sql, asError(error).message, error)

export const clientError = (sql: string, message: string, cause?: unknown): SqliteQueryError =>
  new SqliteQueryError({ reason: "Client", message, sql, cause })

export const lostError = (sql: string, reason: unknown): SqliteQueryError => {
  const error = asError(reason)
  return new SqliteQueryError({
    reason: "ConnectionLost",
    message: `The connection was lost: ${sentence(error.message)}`,
    sql,
    ...(isSqliteFailure(error) ? { code: codeOf(error), extendedCode: extendedCodeOf(error) } : {}),
    cause: error
  })
}

export const interruptedError = (sql: string, message: string): SqliteQueryError =>
  new SqliteQueryError({
    reason: "Interrupted",
    message,
    sql,
    code: "SQLITE_INTERRUPT",
    extendedCode: "SQLITE_INTERRUPT"
  })

export const rolledBackError = (sql: string): SqliteQueryError =>
  new SqliteQueryError({
    reason: "RolledBack",
    message:
      "The transaction is over: SQLite rolled it back when one of its statements failed or was interrupted. Let that error out "
      + "of the transaction, or end it with ROLLBACK, and begin again.",
    sql
  })

const connectReason = (error: SqliteQueryError): SqliteConnectReason => {
  if (error.reason === "Busy") return "Locked"
  if (error.reason === "Interrupted") return "Timeout"
  switch (error.code) {
    case "SQLITE_CANTOPEN":
    case "SQLITE_PERM":
      return "CannotOpen"
    case "SQLITE_NOTADB":
      return "NotADatabase"
    case "SQLITE_READONLY":
      return "ReadOnly"
    default:
      return "Other"
  }
}

const remedies: Partial<Record<SqliteConnectReason, string>> = {
  CannotOpen: "Check the path, and that its folder exists and may be written to.",
  NotADatabase: "Check the path, and whether the file is encrypted, and with which encryptionKey.",
  ReadOnly: "Check the permissions of the file and of its folder, or set readOnly.",
  Locked:
    "Another connection or process has it locked: look for one that keeps a transaction open, or raise busyTimeout.",
  Timeout: "Raise statementTimeout, or leave what takes that long out of setup."
}

export const connectError = (
  filename: string,
  reason: SqliteConnectReason,
  what: string,
  details: { readonly code?: string | undefined; readonly cause?: unknown } = {}
): SqliteConnectError => {
  const remedy = remedies[reason]
  return new SqliteConnectError({
    reason,
    message: `Cannot open the database "${filename}": ${sentence(what)}${remedy === undefined ? "" : ` ${remedy}`}`,
    filename,
    ...details
  })
}

/** A statement that belongs to the opening failed. */
export const openingError = (filename: string, error: SqliteQueryError): SqliteConnectError =>
  connectError(filename, connectReason(error), `${error.sql}: ${error.message}`, {
    code: error.extendedCode,
    cause: error
  })

/** Has no cause: it could show what is secret. */
export const configurationError = (filename: string, problems: ReadonlyArray<string>): SqliteConnectError =>
  new SqliteConnectError({
    reason: "Configuration",
    message: `The connection's options cannot be used: ${problems.join("; ")}.`,
    filename
  })
