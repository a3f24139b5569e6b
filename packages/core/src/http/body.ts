/** What is still to be sent when a handler has returned its response. */
import * as HttpBody from "@effect/platform/HttpBody"
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Response from "@effect/platform/HttpServerResponse"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * Whether anything of the response is computed while it is sent.
 *
 * - `Complete`: all of it is there
 * - `Stream`: a Stream will be run, and its end can be seen
 * - `Raw`: something else will be read, whose end only the server sees
 */
export type BodyKind = "Complete" | "Stream" | "Raw"

export const bodyKind = (request: HttpServerRequest, { body }: HttpServerResponse): BodyKind => {
  // The head only is sent.
  if (request.method === "HEAD") return "Complete"
  switch (body._tag) {
    case "Stream":
      return "Stream"
    case "Raw":
      return isData(body.body) ? "Complete" : "Raw"
    case "Empty":
    case "Uint8Array":
    case "FormData":
      return "Complete"
  }
}

const isData = (body: unknown): boolean =>
  body === null || typeof body !== "object" || ArrayBuffer.isView(body) || body instanceof ArrayBuffer ||
  body instanceof Blob || body instanceof URLSearchParams

/** `end` runs when the body's stream has ended, failed, or was cut off. */
export const withEnd = (response: HttpServerResponse, end: Effect.Effect<void>): HttpServerResponse =>
  response.body._tag === "Stream"
    ? Response.setBody(
      response,
      HttpBody.stream(
        Stream.ensuring(response.body.stream, end),
        response.body.contentType,
        response.body.contentLength
      )
    )
    : response

export const isEventStream = ({ body, headers }: HttpServerResponse): boolean =>
  (headers["content-type"] ?? body.contentType ?? "").toLowerCase().startsWith("text/event-stream")

export const isWebSocket = ({ headers }: HttpServerRequest): boolean =>
  headers["upgrade"]?.toLowerCase().trim() === "websocket"
