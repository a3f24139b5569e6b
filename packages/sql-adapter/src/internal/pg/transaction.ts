import * as Effect from "effect/Effect"
import type { PgConnection, PgResult, PgTransactionOptions } from "../../PgConnection.js"
import { PgQueryError } from "../../PgError.js"
import { isolationLevel } from "../isolation.js"
import { clientError } from "./failure.js"

interface Session extends Pick<PgConnection, "query"> {
  /** Asks at once, when it is called, for a statement that runs on when the effect, which waits for it, is interrupted. */
  readonly finish: (sql: string) => Effect.Effect<PgResult<object>, PgQueryError>
}

export const begin = ({ deferrable, isolation, readOnly }: PgTransactionOptions): string =>
  [
    "BEGIN",
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${isolationLevel(isolation)}`]),
    ...(readOnly === undefined ? [] : [readOnly ? "READ ONLY" : "READ WRITE"]),
    ...(deferrable === undefined ? [] : [deferrable ? "DEFERRABLE" : "NOT DEFERRABLE"])
  ].join(" ")

/**
 * BEGIN and the effect are one region that can be interrupted, so whatever ends it other than a success, an interruption in
 * the middle of BEGIN included, is followed by ROLLBACK. COMMIT and ROLLBACK are asked for before the fiber can be interrupted
 * again and run on without it, so what follows them on this connection is outside of the transaction.
 */
export const inTransaction = <A, E, R>(
  session: Session,
  state: { transaction: "none" | "writing" | "reading"; readonly isShared: boolean },
  effect: Effect.Effect<A, E, R>,
  options: PgTransactionOptions = {}
): Effect.Effect<A, E | PgQueryError, R> =>
  Effect.uninterruptibleMask((restore) => {
    const end = (sql: "COMMIT" | "ROLLBACK") =>
      Effect.suspend(() => {
        state.transaction = "none"
        return restore(session.finish(sql))
      })
    const body = restore(Effect.zipRight(session.query(begin(options)), effect)).pipe(
      Effect.matchCauseEffect({
        onSuccess: (value) =>
          Effect.flatMap(end("COMMIT"), (result) => result.command === "ROLLBACK" ? rolledBack : Effect.succeed(value)),
        // An interrupted fiber does not wait for it.
        onFailure: (cause) => Effect.zipRight(Effect.exit(end("ROLLBACK")), Effect.failCause(cause))
      })
    )
    return Effect.suspend(() => {
      if (state.transaction !== "none") return Effect.fail(clientError("BEGIN", doesNotNest))
      if (state.isShared) return Effect.fail(clientError("BEGIN", isShared))
      state.transaction = options.readOnly === true ? "reading" : "writing"
      return body
    })
  })

const doesNotNest =
  "The connection has a transaction already. Transactions do not nest: use a savepoint, or another connection."

const isShared =
  "Others have statements on this connection, which would be in the transaction. Take the connection with `exclusive: true`."

const rolledBack = Effect.suspend(() =>
  Effect.fail(
    new PgQueryError({
      reason: "RolledBack",
      message:
        "The transaction was rolled back: one of its statements had failed, and the error was handled inside of it. "
        + "Let the error out of the transaction, or use a savepoint.",
      sql: "COMMIT"
    })
  )
)
