/** What the console does to a pool, once who asks for it may. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import type { InvalidOptions, PoolClosed } from "../model/errors.js"
import type { ConnectionPool } from "../model/pool.js"
import { allowed, guarded, HEADER, isOwn, refusal } from "./guard.js"
import type { Asked } from "./model.js"
import { Action } from "./model.js"

/** Longer than any action is. In bytes. */
const LONGEST = 10_000

const perform = (pool: ConnectionPool<any, any>, asked: Action): Effect.Effect<void, PoolClosed | InvalidOptions> => {
  switch (asked.action) {
    case "clear":
      return pool.clear(asked)
    case "recycle":
      return pool.recycle(asked)
    case "suspend":
      return pool.suspend(asked)
    case "resume":
      return pool.resume
    case "resize":
      return pool.resize(asked)
  }
}

const done = guarded(HttpServerResponse.text("{}", { contentType: "application/json" }))

/** Decodes, asks whether it may be done, does it, and says so in the log. */
export const act = <R>(
  name: string,
  pool: ConnectionPool<any, any>,
  authorize: (asked: Asked) => Effect.Effect<unknown, unknown, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R | HttpServerRequest.HttpServerRequest> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    if (!isOwn(request)) {
      return Effect.succeed(
        refusal(403, "Forbidden", `Send the header ${HEADER}: 1, from the console's own page or from no browser.`)
      )
    }
    return HttpServerRequest.schemaBodyJson(Action, { errors: "all", onExcessProperty: "error" }).pipe(
      HttpServerRequest.withMaxBodySize(Option.some(LONGEST)),
      Effect.matchEffect({
        onFailure: (error) =>
          Effect.succeed(
            error._tag === "ParseError"
              ? refusal(400, "InvalidAction", ParseResult.TreeFormatter.formatErrorSync(error))
              : refusal(400, "InvalidBody", "The body must be JSON, and short.")
          ),
        onSuccess: (action) =>
          allowed(
            authorize({ pool: name, action }),
            perform(pool, action).pipe(
              Effect.zipRight(
                Effect.annotateLogs(Effect.logInfo("An action of the console"), { pool: name, ...action })
              ),
              Effect.as(done),
              Effect.catchTags({
                PoolClosed: (error) => Effect.succeed(refusal(409, error._tag, error.message)),
                InvalidOptions: (error) => Effect.succeed(refusal(400, error._tag, error.message))
              })
            )
          )
      })
    )
  })
