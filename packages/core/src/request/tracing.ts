/**
 * The wait for a connection as a span of its own, child of the caller's, so that it is not hidden in what the caller does then.
 *
 * It ends with the wait, before the caller goes on: whether with a connection, or with an error, which is the span's then. Errors are
 * recorded as OpenTelemetry's semantic conventions 1.44.0 say: the status, and `error.type`.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import { liveServices } from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import { hasProperty, isString } from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import type { Notice, Ticket } from "../allocator/Ticket.js"
import type { Core } from "./core.js"

/** The tracer that shows nobody anything. */
const untraced = Context.get(liveServices, Tracer.Tracer)

/**
 * As the ticket's `wait`, in a span where the caller has one and a tracer was set that could show it. A caller that is served at once
 * does not come here, and has no such span.
 */
export const traced = <A, E, R>(
  core: Core<any, any>,
  ticket: Ticket,
  lease: number,
  next: (notice: Notice) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const { fiber } = ticket
  return fiber === undefined || fiber.currentSpan === undefined || fiber.currentTracer === untraced
    ? ticket.wait(next)
    : inSpan(core, ticket, lease, next)
}

/** The class of an error, as low in number as the convention wants it: its tag, or the name of its class. */
const typeOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (hasProperty(error, "_tag") && isString(error._tag)) return error._tag
  return error instanceof Error ? error.name : "_OTHER"
}

const outcomeOf = (notice: Notice): string => notice._tag === "Denied" ? notice.denial._tag : notice._tag

/** A denial's error is told inside of the span, and what a granted caller does is done outside. */
const inSpan = <A, E, R>(
  core: Core<any, any>,
  ticket: Ticket,
  lease: number,
  next: (notice: Notice) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatten(Effect.useSpan(
    "cenote.acquire",
    {
      kind: "internal",
      attributes: { "db.client.connection.pool.name": core.settings.name, "cenote.lease": lease },
      // It would be that of this file.
      captureStackTrace: false
    },
    (span) =>
      ticket.wait((notice): Effect.Effect<Effect.Effect<A, E, R>, E, R> => {
        span.attribute("cenote.outcome", outcomeOf(notice))
        return notice._tag === "Denied"
          ? Effect.tapErrorCause(
            Effect.map(next(notice), Effect.succeed),
            (cause) => Effect.sync(() => span.attribute("error.type", typeOf(cause)))
          )
          : Effect.succeed(Effect.suspend(() => next(notice)))
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => span.attribute("cenote.outcome", "Interrupted"))))
  ))
