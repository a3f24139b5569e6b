import * as Effect from "effect/Effect"
import type { SqliteConnection, SqliteResult, SqliteTransactionOptions } from "../../SqliteConnection.js"
import type { SqliteQueryError } from "../../SqliteError.js"
import { clientError } from "./failure.js"

interface Session extends Pick<SqliteConnection, "query" | "isReadOnly"> {
  /**
   * Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. Without a
   * transaction ROLLBACK has nothing to do, and COMMIT fails with `RolledBack`; one that fails otherwise is followed by ROLLBACK.
   */
  readonly finish: (sql: string) => Effect.Effect<SqliteResult<object>, SqliteQueryError>
}

export const begin = (isReadOnly: boolean, { mode }: SqliteTransactionOptions): string =>
  `BEGIN ${(mode ?? (isReadOnly ? "deferred" : "immediate")).toUpperCase()}`

/**
 * BEGIN and the effect are one region that can be interrupted, so whatever ends it other than a success, an interruption in
 * the middle of BEGIN included, is followed by ROLLBACK. COMMIT and ROLLBACK are asked for before the fiber can be interrupted
 * again and run on without it, so what follows them on this connection is outside of the transaction.
 */
export const inTransaction = <A, E, R>(
  session: Session,
  state: { transaction: "none" | "open" },
  effect: Effect.Effect<A, E, R>,
  options: SqliteTransactionOptions = {}
): Effect.Effect<A, E | SqliteQueryError, R> =>
  Effect.uninterruptibleMask((restore) => {
    const end = (sql: "COMMIT" | "ROLLBACK") =>
      Effect.suspend(() => {
        state.transaction = "none"
        return restore(session.finish(sql))
      })
    const body = restore(Effect.zipRight(session.query(begin(session.isReadOnly, options)), effect)).pipe(
      Effect.matchCauseEffect({
        onSuccess: (value) => Effect.as(end("COMMIT"), value),
        // An interrupted fiber does not wait for it.
        onFailure: (cause) => Effect.zipRight(Effect.exit(end("ROLLBACK")), Effect.failCause(cause))
      })
    )
    return Effect.suspend(() => {
      if (state.transaction !== "none") return Effect.fail(clientError("BEGIN", doesNotNest))
      state.transaction = "open"
      return body
    })
  })

const doesNotNest =
  "The connection has a transaction already. Transactions do not nest: use a savepoint, or another connection."
