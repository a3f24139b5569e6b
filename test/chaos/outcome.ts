/** What a caller knows of its transfer when its call has ended. */
import { CommitFailed, Unavailable } from "@cenote/sql-adapter/RequestTransaction"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Schema from "effect/Schema"

/**
 * - `Committed`: the call succeeded.
 * - `RolledBack`: it failed, and its caller may run it again. Or it was never begun.
 * - `Unknown`: nobody can say, and its caller was told so.
 * - `Unexpected`: it ended in a way that is promised not to happen. Nothing is known of the transfer.
 */
export const Outcome = Schema.Union(
  Schema.TaggedStruct("Committed", {}),
  Schema.TaggedStruct("RolledBack", { why: Schema.String }),
  Schema.TaggedStruct("Unknown", { why: Schema.String }),
  Schema.TaggedStruct("Unexpected", { what: Schema.String })
)

export type Outcome = typeof Outcome.Type

export const committed: Outcome = { _tag: "Committed" }

/** SQLSTATEs with which a server that is in trouble may answer: lost against another transaction, no resources, told to stop, a standby. */
const troubles = /^(08...|40...|53...|57...|25P03|25006)$/

/** The same of MariaDB, whose SQLSTATEs say little. Not 1317: only a cancel that has hit somebody else's statement is answered with it. */
const mariadbTroubles: ReadonlySet<number | undefined> = new Set([
  1053, // it stops
  1205, // a lock was waited for too long
  1213, // a deadlock
  1969 // a statement took too long
])

interface Named {
  readonly _tag?: string
  readonly reason?: string
  readonly sqlState?: string
  readonly errno?: number
}

const named = (error: unknown): Named => typeof error === "object" && error !== null ? error : {}

const ofFailure = (error: SqlError): Outcome => {
  const { _tag, errno, reason, sqlState } = named(error.cause)
  switch (_tag) {
    case "CommitUnknown":
      return { _tag: "Unknown", why: "CommitUnknown" }
    case "AcquireTimeout":
    case "ConnectTimeout":
      return { _tag: "RolledBack", why: _tag }
    case "PoolRefused":
    case "PgConnectError":
    case "MysqlConnectError":
      return { _tag: "RolledBack", why: `${_tag} ${reason}` }
    case "PgQueryError":
      // No other one is possible in a session that is this caller's alone: a key that is there already, or a transaction in it.
      return reason === "ConnectionLost" || (reason === "Server" && troubles.test(sqlState ?? ""))
        ? { _tag: "RolledBack", why: `${_tag} ${reason}${sqlState === undefined ? "" : ` ${sqlState}`}` }
        : { _tag: "Unexpected", what: `${_tag} ${reason} ${sqlState}: ${error.message}` }
    case "MysqlQueryError":
      return reason === "ConnectionLost" || (reason === "Server" && mariadbTroubles.has(errno))
        ? { _tag: "RolledBack", why: `${_tag} ${reason}${errno === undefined ? "" : ` ${errno}`}` }
        : { _tag: "Unexpected", what: `${_tag} ${reason} ${errno}: ${error.message}` }
    default:
      return { _tag: "Unexpected", what: `${_tag}: ${error.message}` }
  }
}

/** That of the request's transaction. */
const ofCommitFailed = (failure: CommitFailed): Outcome => {
  switch (failure.reason) {
    case "Unknown":
      return { _tag: "Unknown", why: "CommitFailed Unknown" }
    case "Conflict":
      return { _tag: "RolledBack", why: "CommitFailed Conflict" }
    case "Refused":
      return failure.cause instanceof SqlError ? ofFailure(failure.cause) : unexpected(failure)
    case "RolledBack":
      return unexpected(failure)
  }
}

const unexpected = (error: unknown): Outcome => ({ _tag: "Unexpected", what: String(error) })

const ofError = (error: unknown): Outcome => {
  if (error instanceof SqlError) return ofFailure(error)
  if (error instanceof CommitFailed) return ofCommitFailed(error)
  if (error instanceof Unavailable && error.reason !== "Closed") {
    return { _tag: "RolledBack", why: `Unavailable ${error.reason}` }
  }
  return unexpected(error)
}

/** What a call that has failed says of its transfer. */
export const outcomeOf = (cause: Cause.Cause<unknown>): Outcome => {
  const failures = [...Cause.failures(cause)]
  return failures.length === 1 && Chunk.isEmpty(Cause.defects(cause)) && !Cause.isInterrupted(cause)
    ? ofError(failures[0])
    : { _tag: "Unexpected", what: Cause.pretty(cause) }
}
