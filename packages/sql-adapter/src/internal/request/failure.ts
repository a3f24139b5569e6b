/**
 * @since 0.1.0
 */
import { Unavailable } from "@cenote/core/RequestConnection"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { SqlError } from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import { CommitUnknown, RolledBack } from "../../SqlTransaction.js"

/**
 * Why a handler's work was not committed.
 *
 * - `Conflict`: the transaction lost against another one, and may well succeed when the client sends its request again.
 * - `Refused`: the database refused COMMIT: a constraint that is checked that late, or the connection was of no more use.
 * - `RolledBack`: a statement had failed, the handler went on nevertheless, and COMMIT could only roll back.
 * - `Unknown`: the connection was lost while COMMIT was on its way, and the work may have been committed. See `CommitUnknown`.
 *
 * @since 0.1.0
 * @category models
 */
export type CommitFailureReason = "Conflict" | "Refused" | "RolledBack" | "Unknown"

const texts: Record<CommitFailureReason, string> = {
  Conflict: "The transaction lost against another one: nothing of it was committed",
  Refused: "The database refused to commit the transaction: nothing of it was committed",
  RolledBack: "A statement of the transaction had failed: nothing of it was committed",
  Unknown: "The connection was lost while the transaction was being committed: it is not known whether it was"
}

/**
 * The handler had succeeded, and its transaction was not committed; or, where `reason` is `Unknown`, nobody knows. Nothing is run again by
 * itself. What the database said is the `cause`, which is logged, and is not sent to the client.
 *
 * As the failure of a route it is answered with 500 and nothing else. As the failure of an HttpApi it is encoded with its schema.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommitFailed extends Schema.TaggedError<CommitFailed>()("CommitFailed", {
  reason: Schema.Literal("Conflict", "Refused", "RolledBack", "Unknown")
}, HttpApiSchema.annotations({ status: 500, description: "What was asked for was not committed." })) {
  override get message(): string {
    return `${texts[this.reason]}.`
  }

  /**
   * The response of routers that know no schema of errors.
   *
   * @since 0.1.0
   */
  [HttpServerRespondable.symbol]() {
    return HttpServerResponse.empty({ status: 500 })
  }
}

/**
 * What a handler can fail with because of its transaction: the schema, for `addError` of an HttpApi or one of its groups.
 *
 * @since 0.1.0
 * @category errors
 */
export const Failure = Schema.Union(CommitFailed, Unavailable)

/**
 * @since 0.1.0
 * @category errors
 */
export type Failure = CommitFailed | Unavailable

/**
 * Where a request cannot have the transaction that it asks for. A defect: the message says what to write.
 *
 * - `WebSocket`: a transaction, and its connection, would be held for as long as the socket is open.
 * - `HasBegun`: the request's transaction has begun already, so it is too late for `isolation`, `readOnly` or `deferrable`.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransactionRefused extends Data.TaggedError("TransactionRefused")<{
  readonly reason: "WebSocket" | "HasBegun"
  readonly message: string
}> {}

export const inWebSocket = (): TransactionRefused =>
  new TransactionRefused({
    reason: "WebSocket",
    message:
      "A WebSocket has no transaction of its request: it would hold a connection for as long as it is open. Put RequestTransaction.outside "
      + "around the handler, and sql.withTransaction around the work for a message."
  })

export const hasBegun = (): TransactionRefused =>
  new TransactionRefused({
    reason: "HasBegun",
    message:
      "The transaction of this request has begun before its options were known: something around the handler has used it. Put "
      + "RequestTransaction.middleware with these options around that too, or RequestTransaction.outside around what comes first."
  })

const reasonOf = (error: SqlError, isConflict: (error: unknown) => boolean): CommitFailureReason => {
  if (error.cause instanceof CommitUnknown) return "Unknown"
  if (error.cause instanceof RolledBack) return "RolledBack"
  return isConflict(error.cause) ? "Conflict" : "Refused"
}

export const commitFailed = (error: SqlError, isConflict: (error: unknown) => boolean): CommitFailed => {
  const failed = new CommitFailed({ reason: reasonOf(error, isConflict) })
  // Beside what its schema knows: it is not encoded.
  Object.defineProperty(failed, "cause", { value: error, enumerable: false })
  return failed
}
