import * as Effect from "effect/Effect"
import type { MysqlConnection, MysqlTransactionOptions } from "../../MysqlConnection.js"
import { MysqlQueryError } from "../../MysqlError.js"
import { isolationLevel } from "../isolation.js"
import { clientError } from "./failure.js"

interface Session extends Pick<MysqlConnection, "query"> {
  /** Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. */
  readonly finish: (sql: string) => Effect.Effect<unknown, MysqlQueryError>
  /** COMMIT in the same way. `RolledBack` where the transaction had ended before. */
  readonly commit: () => Effect.Effect<"Done" | "RolledBack", MysqlQueryError>
  /** Whether it is in a transaction. */
  readonly status: Effect.Effect<"none" | "open" | "unknown", MysqlQueryError>
}

/** What begins a transaction. The isolation level is that of the next transaction only. */
export const begin = ({ isolation, readOnly }: MysqlTransactionOptions): ReadonlyArray<string> => [
  ...(isolation === undefined ? [] : [`SET TRANSACTION ISOLATION LEVEL ${isolationLevel(isolation)}`]),
  readOnly === undefined ? "START TRANSACTION" : `START TRANSACTION READ ${readOnly ? "ONLY" : "WRITE"}`
]

/**
 * START TRANSACTION and the effect are one region that can be interrupted, so whatever ends it other than a success, an
 * interruption in the middle of START TRANSACTION included, is followed by ROLLBACK. COMMIT and ROLLBACK are asked for before the
 * fiber can be interrupted again and run on without it, so what follows them on this connection is outside of the transaction.
 */
export const inTransaction = <A, E, R>(
  session: Session,
  state: { transaction: "none" | "writing" | "reading" },
  effect: Effect.Effect<A, E, R>,
  options: MysqlTransactionOptions = {}
): Effect.Effect<A, E | MysqlQueryError, R> =>
  Effect.uninterruptibleMask((restore) => {
    const end = <B>(ask: () => Effect.Effect<B, MysqlQueryError>) =>
      Effect.suspend(() => {
        state.transaction = "none"
        return restore(ask())
      })
    const begun = Effect.forEach(begin(options), (sql) => session.query(sql), { discard: true })
    const body = restore(Effect.zipRight(begun, effect)).pipe(
      Effect.matchCauseEffect({
        onSuccess: (value) =>
          Effect.flatMap(end(session.commit), (outcome) => outcome === "Done" ? Effect.succeed(value) : rolledBack),
        // An interrupted fiber does not wait for it.
        onFailure: (cause) =>
          Effect.zipRight(Effect.exit(end(() => session.finish("ROLLBACK"))), Effect.failCause(cause))
      })
    )
    // START TRANSACTION would commit one that was begun by a statement.
    return Effect.suspend(() => {
      if (state.transaction !== "none") return doesNotNest
      state.transaction = options.readOnly === true ? "reading" : "writing"
      return Effect.matchCauseEffect(restore(session.status), {
        onSuccess: (status) => {
          if (status !== "open") return body
          state.transaction = "none"
          return doesNotNest
        },
        onFailure: (cause) => {
          state.transaction = "none"
          return Effect.failCause(cause)
        }
      })
    })
  })

const doesNotNest = Effect.suspend(() =>
  Effect.fail(
    clientError(
      "START TRANSACTION",
      "The connection has a transaction already. Transactions do not nest: use a savepoint, or another connection."
    )
  )
)

const rolledBack = Effect.suspend(() =>
  Effect.fail(
    new MysqlQueryError({
      reason: "RolledBack",
      message:
        "The transaction had ended before its COMMIT, with one of its statements that failed, and the error was handled inside "
        + "of it. Let the error out of the transaction.",
      sql: "COMMIT"
    })
  )
)
