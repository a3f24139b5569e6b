/** Responses, as far as a transaction has to do with them. */
import * as HttpBody from "@effect/platform/HttpBody"
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Response from "@effect/platform/HttpServerResponse"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { OnFirstUse } from "./OnFirstUse.js"

export const isSuccess = ({ status }: HttpServerResponse): boolean => status < 400

/** The body is sent when the transaction has ended: its statements are in none, though it may carry the handler's context. */
export const sentOutside = (response: HttpServerResponse, transaction: OnFirstUse<any, any>): HttpServerResponse => {
  const { body } = response
  return body._tag === "Stream"
    ? Response.setBody(
      response,
      HttpBody.stream(
        Stream.unwrapScoped(Effect.as(transaction.outside, body.stream)),
        body.contentType,
        body.contentLength
      )
    )
    : response
}

export const isWebSocket = (context: Context.Context<never>): boolean => {
  const request = context.unsafeMap.get(HttpServerRequest.key) as HttpServerRequest | undefined
  return request?.headers["upgrade"]?.toLowerCase().trim() === "websocket"
}
