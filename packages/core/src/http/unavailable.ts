/** What a request is told where the pool has no connection for it, and what the log is told. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AcquireTimeout, PoolClosed, PoolDeadlock, PoolRefused } from "../model/errors.js"
import type { ConnectionPool } from "../model/pool.js"
import type { UnavailableReason } from "./errors.js"
import { Unavailable } from "./errors.js"
import { retryAfter } from "./retryAfter.js"

/** Of an AcquireError or a connector's own error. */
export const reasonOf = (error: unknown): UnavailableReason => {
  if (error instanceof PoolClosed) return "Closed"
  if (error instanceof PoolRefused || error instanceof PoolDeadlock) return "Busy"
  if (error instanceof AcquireTimeout) {
    return error.sizes.leased === 0 && Option.isSome(error.lastConnectFailure) ? "Down" : "Busy"
  }
  return "Down"
}

const log = (reason: UnavailableReason) => reason === "Down" ? Effect.logError : Effect.logWarning

/** Logs what went wrong, whole, and fails with what the client may know of it. */
export const unavailable = (
  service: string,
  pool: Pick<ConnectionPool<any, any>, "name" | "stats">,
  error: unknown
): Effect.Effect<never, Unavailable> =>
  Effect.flatMap(pool.stats, (stats) => {
    const reason = reasonOf(error)
    return Effect.zipRight(
      Effect.annotateLogs(log(reason)(`No connection for the request: ${reason}`, Cause.fail(error)), {
        service,
        pool: pool.name
      }),
      Effect.fail(new Unavailable({ reason, retryAfter: retryAfter(reason, stats) }))
    )
  })
