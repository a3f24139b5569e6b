import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import { PoolDeadlock } from "@cenote/core/PoolError"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import { CommitUnknown, ForeignTransaction, RolledBack, TransactionEnded, TurnHeld } from "../../SqlTransaction.js"

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error && typeof error.message === "string"
    ? error.message
    : String(error)

/** What happened is the cause, and says it in its own words. */
export const toSqlError = (cause: unknown): SqlError => new SqlError({ cause, message: messageOf(cause) })

const refusals = new WeakMap<SqlError, ConnectionPool<any, any>>()

/** The pool had no connection to give. */
export const refused = (pool: ConnectionPool<any, any>, cause: unknown): SqlError => {
  const error = toSqlError(cause)
  refusals.set(error, pool)
  return error
}

/** The pool that had no connection to give, where that is what happened. What fails within a span is a proxy of its error. */
export const refusedBy = (error: unknown): ConnectionPool<any, any> | undefined =>
  error instanceof SqlError ? refusals.get(Cause.originalError(error)) : undefined

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

/** Why a statement got no turn. The turns end with their connection. */
export const noTurn = (sql: string, error: unknown): SqlError =>
  error instanceof PoolDeadlock
    ? toSqlError(
      new TurnHeld({
        message:
          "This fiber reads a stream of the same transaction, which has the connection until it ends. Read the stream to its end first, "
          + "or read its rows in pages.",
        sql
      })
    )
    : transactionEnded(sql)

export const foreignTransaction = (sql: string): SqlError =>
  toSqlError(
    new ForeignTransaction({
      message:
        "A client of another library was used inside a transaction of a Cenote client, and would have run on its connection. "
        + "Use it outside of the transaction, or make both of them Cenote clients.",
      sql
    })
  )
