/**
 * @since 0.1.0
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type { HttpBodyError } from "@effect/platform/HttpBody"
import * as HttpServerRespondable from "@effect/platform/HttpServerRespondable"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * Why a request got no connection, in words that its client may read.
 *
 * - `Busy`: others hold all of them, and none came free in time, or too many wait already.
 * - `Down`: none can be opened.
 * - `Closed`: the pool is closed or closing, because the program is ending.
 *
 * @since 0.1.0
 * @category models
 */
export type UnavailableReason = "Busy" | "Down" | "Closed"

const texts: Record<UnavailableReason, string> = {
  Busy: "All connections are in use",
  Down: "The server behind this one cannot be reached",
  Closed: "This server is going away"
}

/**
 * A request got no connection. It says to the client what the client may know, and no more: what went wrong inside is in the
 * log.
 *
 * As the failure of a route it is answered with 503, a `Retry-After` header and a body of JSON. As the failure of an HttpApi it
 * is encoded with its schema.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  reason: Schema.Literal("Busy", "Down", "Closed"),
  /** When to ask again, in whole seconds from now: the pool's own estimate. */
  retryAfter: Schema.Int
}, HttpApiSchema.annotations({ status: 503, description: "No connection could be had. Ask again later." })) {
  override get message(): string {
    return `${texts[this.reason]}. Ask again in ${this.retryAfter} s.`
  }

  /**
   * The response of routers that know no schema of errors.
   *
   * @since 0.1.0
   */
  [HttpServerRespondable.symbol](): Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    HttpBodyError | ParseResult.ParseError
  > {
    return toResponse(this, { status: 503, headers: { "retry-after": String(this.retryAfter) } })
  }
}

const toResponse = HttpServerResponse.schemaJson(Unavailable)

/**
 * The connection of a request was asked for when the request was over: its handler has returned and its body, if any, has
 * ended. For work that outlives its request, use the pool.
 *
 * @since 0.1.0
 * @category errors
 */
export class RequestEnded extends Schema.TaggedError<RequestEnded>()("RequestEnded", {
  /** The key of the tag that was asked. */
  service: Schema.String
}, HttpApiSchema.annotations({ status: 500, description: "What the request needed was used after its end." })) {
  override get message(): string {
    return `${this.service} was used after its request. Use it before the handler returns or in the response's stream; for work that outlives the request, use the pool itself.`
  }
}

/**
 * Why a connection is not held while a body is sent.
 *
 * - `EventStream`: the response is a stream of server-sent events, which may stay open for hours.
 * - `WebSocket`: so may a WebSocket.
 * - `RawBody`: the body is no Stream, and nobody can tell when it has ended.
 * - `NotKept`: `stream` was run while the body was sent, and its route does not keep its connection.
 *
 * @since 0.1.0
 * @category models
 */
export type KeepRefusal = "EventStream" | "WebSocket" | "RawBody" | "NotKept"

const refusals: Record<KeepRefusal, string> = {
  EventStream:
    "the response is a stream of server-sent events, which may stay open for hours. Leave keepThroughBody out: each use in the stream leases a connection for as long as it runs",
  WebSocket:
    "the request is a WebSocket, which may stay open for hours. Leave keepThroughBody out: each use leases a connection for as long as it runs",
  RawBody:
    "its body is raw, so nobody can tell when it has ended. Make the response with HttpServerResponse.stream, or leave keepThroughBody out",
  NotKept:
    "a slow client would hold it. Write keepThroughBody around the route's handler, or read piece by piece with use, which leases a connection for each piece"
}

/**
 * A connection would have been held for as long as a client takes to read. A defect: the message says what to write.
 *
 * @since 0.1.0
 * @category errors
 */
export class KeepRefused extends Data.TaggedError("KeepRefused")<{
  /** The key of the tag. */
  readonly service: string
  readonly reason: KeepRefusal
}> {
  override get message(): string {
    return `The connection of ${this.service} is not kept while this response is sent: ${refusals[this.reason]}.`
  }
}
