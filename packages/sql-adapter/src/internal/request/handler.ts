/** A request's handler and its transaction. */
import type { Unavailable } from "@cenote/core/RequestConnection"
import { unavailable } from "@cenote/core/RequestService"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { refusedBy } from "../client/failure.js"
import type { Transactions } from "../client/transaction.js"
import { Internals } from "../client/transaction.js"
import type { Around } from "./around.js"
import { around } from "./around.js"
import type { CommitFailed } from "./failure.js"
import { commitFailed, hasBegun, inWebSocket } from "./failure.js"
import type { BeginOptions } from "./OnFirstUse.js"
import { isSuccess, isWebSocket, sentOutside } from "./response.js"

/** What code that relies on the transaction finds of it. */
export interface Service {
  /** Says that it is to be rolled back, whatever the response will be: for a request that only tries something out. */
  readonly rollbackOnly: Effect.Effect<void>
}

class Mark implements Service {
  isRollbackOnly = false
  readonly rollbackOnly = Effect.sync(() => {
    this.isRollbackOnly = true
  })
}

export const transactionsOf = (client: SqlClient): Effect.Effect<Transactions<any, any>> => {
  const found = (client as { readonly [Internals]?: Transactions<any, any> })[Internals]
  return found === undefined
    ? Effect.dieMessage(
      "RequestTransaction needs a client of PgPool, MysqlPool or SqlitePool, and found another library's"
    )
    : Effect.succeed(found)
}

const notCommitted = ({ dialect }: Transactions<any, any>) => (error: SqlError): Effect.Effect<never, CommitFailed> => {
  const failed = commitFailed(error, dialect.isConflict)
  const log = failed.reason === "Unknown" ? Effect.logError : Effect.logWarning
  return Effect.zipRight(log(failed.message, Cause.fail(error)), Effect.fail(failed))
}

const aroundWith = <I, B>(
  self: Transactions<any, any>,
  tag: Context.Tag<I, Service>,
  options: BeginOptions,
  { after, isKept, refusal }: Pick<Around<I, Service, B, CommitFailed>, "after" | "isKept" | "refusal">
): Around<I, Service, B, CommitFailed> => {
  const service = new Mark()
  return {
    options,
    tag,
    service,
    isKept: (value) => !service.isRollbackOnly && isKept(value),
    notCommitted: notCommitted(self),
    refusal,
    tooLate: Effect.suspend(() => Effect.die(hasBegun())),
    after
  }
}

/** What the handler lets through of a pool that had no connection is told to the client. */
const orUnavailable = <B, E, R>(
  service: string,
  effect: Effect.Effect<B, E, R>
): Effect.Effect<B, E | Unavailable, R> =>
  Effect.catchAllCause(effect, (cause): Effect.Effect<never, E | Unavailable> => {
    if (Cause.isInterrupted(cause)) return Effect.failCause(cause)
    const error = Cause.squash(cause)
    const pool = refusedBy(error)
    return pool === undefined ? Effect.failCause(cause) : unavailable(service, pool, (error as SqlError).cause)
  })

/** Commits where the handler gives a response below 400, before that is sent, and rolls back what else comes. */
export const handle = <I, E, R>(
  self: Transactions<any, any>,
  tag: Context.Tag<I, Service>,
  options: BeginOptions,
  handler: Effect.Effect<HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse, E | CommitFailed | Unavailable, Exclude<R, I>> =>
  Effect.withFiberRuntime((fiber) =>
    orUnavailable(
      tag.key,
      around(
        self,
        aroundWith<I, HttpServerResponse>(self, tag, options, {
          isKept: isSuccess,
          refusal: isWebSocket(fiber.currentContext) ? Effect.suspend(() => Effect.die(inWebSocket())) : undefined,
          after: sentOutside
        }),
        handler
      )
    )
  )

/** Commits where the work succeeds. */
export const perform = <I, B, E, R>(
  self: Transactions<any, any>,
  tag: Context.Tag<I, Service>,
  options: BeginOptions,
  work: Effect.Effect<B, E, R>
): Effect.Effect<B, E | CommitFailed, Exclude<R, I>> =>
  Effect.suspend(() =>
    around(
      self,
      aroundWith<I, B>(self, tag, options, { isKept: () => true, refusal: undefined, after: (value) => value }),
      work
    )
  )
