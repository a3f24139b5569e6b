import { SqlError } from "@effect/sql/SqlError"
import { CommitUnknown, ForeignTransaction, RolledBack, TransactionEnded } from "../../SqlTransaction.js"

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error && typeof error.message === "string"
    ? error.message
    : String(error)

/** What happened is the cause, and says it in its own words. */
export const toSqlError = (cause: unknown): SqlError => new SqlError({ cause, message: messageOf(cause) })

export const commitUnknown = (cause: unknown): SqlError =>
  toSqlError(
    new CommitUnknown({
      message:
        "The connection was lost while the transaction was being committed. Whether it was is not known: look for what it "
        + "wrote before you run it again.",
      cause
    })
  )

export const rolledBack = (): SqlError =>
  toSqlError(
    new RolledBack({
      message:
        "The transaction was rolled back: one of its statements had failed, and the error was handled inside of it. "
        + "Let the error out of the transaction, or nest a transaction around the statement."
    })
  )

export const transactionEnded = (sql: string): SqlError =>
  toSqlError(
    new TransactionEnded({
      message:
        "The transaction that this fiber was forked in has ended. Fork what outlives it outside of it, or wait for it.",
      sql
    })
  )

export const foreignTransaction = (sql: string): SqlError =>
  toSqlError(
    new ForeignTransaction({
      message:
        "A client of another library was used inside a transaction of a Cenote client, and would have run on its connection. "
        + "Use it outside of the transaction, or make both of them Cenote clients.",
      sql
    })
  )
