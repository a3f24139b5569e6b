/** What a caller knows of its transfer when its call has ended. */
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"

/**
 * - `Committed`: the call succeeded.
 * - `RolledBack`: it failed, and its caller may run it again. Or it was never begun.
 * - `Unknown`: nobody can say, and its caller was told so.
 * - `Unexpected`: it ended in a way that is promised not to happen. Nothing is known of the transfer.
 */
export type Outcome =
  | { readonly _tag: "Committed" }
  | { readonly _tag: "RolledBack"; readonly why: string }
  | { readonly _tag: "Unknown"; readonly why: string }
  | { readonly _tag: "Unexpected"; readonly what: string }

/** `Committing`: all that the transaction has to do is done, and COMMIT is next. */
export type Phase = "Working" | "Committing"

/** SQLSTATEs with which a server that is in trouble may answer: lost against another transaction, no resources, told to stop, a standby. */
const troubles = /^(08...|40...|53...|57...|25P03|25006)$/

const named = (error: unknown): { readonly _tag?: string; readonly reason?: string; readonly sqlState?: string } =>
  typeof error === "object" && error !== null ? error : {}

const ofFailure = (error: SqlError): Outcome => {
  const { _tag, reason, sqlState } = named(error.cause)
  switch (_tag) {
    case "CommitUnknown":
      return { _tag: "Unknown", why: "CommitUnknown" }
    case "AcquireTimeout":
    case "ConnectTimeout":
      return { _tag: "RolledBack", why: _tag }
    case "PoolRefused":
    case "PgConnectError":
      return { _tag: "RolledBack", why: `${_tag} ${reason}` }
    case "PgQueryError":
      // No other one is possible in a session that is this caller's alone: a key that is there already, or a transaction in it.
      return reason === "ConnectionLost" || (reason === "Server" && troubles.test(sqlState ?? ""))
        ? { _tag: "RolledBack", why: `${_tag} ${reason}${sqlState === undefined ? "" : ` ${sqlState}`}` }
        : { _tag: "Unexpected", what: `${_tag} ${reason} ${sqlState}: ${error.message}` }
    default:
      return { _tag: "Unexpected", what: `${_tag}: ${error.message}` }
  }
}

export const outcomeOf = (exit: Exit.Exit<unknown, SqlError>, phase: Phase): Outcome => {
  if (Exit.isSuccess(exit)) return { _tag: "Committed" }
  const { cause } = exit
  const defects = [...Cause.defects(cause)]
  if (defects.length > 0) return { _tag: "Unexpected", what: `a defect: ${Cause.pretty(cause)}` }
  if (Cause.isInterrupted(cause)) {
    return phase === "Committing"
      ? { _tag: "Unknown", why: "interrupted while committing" }
      : { _tag: "RolledBack", why: "interrupted" }
  }
  const failures = [...Cause.failures(cause)]
  return failures.length === 1 ? ofFailure(failures[0]!) : { _tag: "Unexpected", what: Cause.pretty(cause) }
}
