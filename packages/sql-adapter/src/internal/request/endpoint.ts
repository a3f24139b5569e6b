/** The handlers of an HttpApi's group. */
import { Unavailable } from "@cenote/core/RequestConnection"
import type * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpApp from "@effect/platform/HttpApp"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Response from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

const isResponse = Schema.declare(Response.isServerResponse)

const encode = (schema: Schema.Schema.Any, value: any): Effect.Effect<HttpServerResponse, ParseResult.ParseIssue> => {
  const { ast } = schema
  const status = HttpApiSchema.getStatusSuccessAST(ast)
  if (HttpApiSchema.isVoid(ast)) return Effect.succeed(Response.empty({ status }))
  const { contentType, kind } = HttpApiSchema.getEncoding(ast)
  const options = { status, contentType }
  switch (kind) {
    case "Json":
      return Effect.mapError(
        Response.json(value, options),
        (error) => new ParseResult.Type(ast, error, "Could not encode to JSON")
      )
    case "Text":
      return Effect.succeed(Response.text(value, options))
    case "Uint8Array":
      return Effect.succeed(Response.uint8Array(value, options))
    case "UrlParams":
      return Effect.succeed(Response.urlParams(value, options))
  }
}

const toResponse = (schema: Schema.Schema.Any): Schema.Schema.Any =>
  Schema.transformOrFail(isResponse, schema, {
    strict: false,
    decode: (response, _, ast) => ParseResult.fail(new ParseResult.Forbidden(ast, response, "Only encoded")),
    encode: (value) => encode(schema, value)
  })

/**
 * The response that an endpoint makes of what its handler gives: as HttpApiBuilder makes it, but before the transaction ends. What
 * cannot be encoded is not committed.
 */
const responseOf = (endpoint: HttpApiEndpoint.HttpApiEndpoint.AnyWithProps) => {
  const schemas = new Set<Schema.Schema.Any>()
  HttpApiSchema.deunionize(schemas, endpoint.successSchema)
  const toResponses = Schema.encodeUnknown(
    Schema.Union(...Array.from(schemas, toResponse)) as Schema.Schema<unknown, HttpServerResponse>
  )
  return (value: unknown): Effect.Effect<HttpServerResponse, unknown> =>
    Response.isServerResponse(value)
      ? Effect.succeed(value)
      : Effect.catchIf(toResponses(value), ParseResult.isParseError, HttpApiDecodeError.refailParseError)
}

/** Encoded with its schema, `Unavailable` has no header. */
export const withRetryAfter = <B, E, R>(handler: Effect.Effect<B, E, R>): Effect.Effect<B, E, R> =>
  Effect.tapError(handler, (error) =>
    error instanceof Unavailable
      ? HttpApp.appendPreResponseHandler((_, response) =>
        Effect.succeed(
          response.status === 503 && response.headers["retry-after"] === undefined
            ? Response.setHeader(response, "retry-after", String(error.retryAfter))
            : response
        )
      )
      : Effect.void)

type Item = HttpApiBuilder.Handlers.Item<any, any>

const wrapped = (
  { endpoint, handler, ...item }: Item,
  wrap: (handler: Effect.Effect<HttpServerResponse, any, any>) => Effect.Effect<HttpServerResponse, any, any>
): Item => {
  const encode = responseOf(endpoint as HttpApiEndpoint.HttpApiEndpoint.AnyWithProps)
  return { ...item, endpoint, handler: (request) => wrap(Effect.flatMap(handler(request), encode)) }
}

/** The same handlers, each with something around it. */
export const wrapHandlers = (
  handlers: HttpApiBuilder.Handlers<any, any, any, any>,
  wrap: (handler: Effect.Effect<HttpServerResponse, any, any>) => Effect.Effect<HttpServerResponse, any, any>
): HttpApiBuilder.Handlers<any, any, any, any> =>
  Object.assign(Object.create(Object.getPrototypeOf(handlers)), {
    ...handlers,
    handlers: Chunk.map(handlers.handlers, (item) => wrapped(item, wrap))
  })
