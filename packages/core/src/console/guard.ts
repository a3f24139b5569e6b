/** Who may read and act, and what a browser must not be made to do by another site. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** Only a page of the console sends it: another site may not, without being asked first whether it may, and it may not. */
export const HEADER = "x-cenote-console"

/** The page loads nothing from elsewhere, is in no other site's frame, and runs no script but its own. */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store"
}

export const guarded = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(response, headers)

/** An answer that says what was wrong. */
export const refusal = (
  status: number,
  error: string,
  message: string
): HttpServerResponse.HttpServerResponse =>
  guarded(HttpServerResponse.text(JSON.stringify({ error, message }), { status, contentType: "application/json" }))

/** Goes on where the access is given. Why it is not is nobody's business. */
export const allowed = <E, R, E2, R2>(
  access: "anyone" | Effect.Effect<unknown, E, R>,
  next: Effect.Effect<HttpServerResponse.HttpServerResponse, E2, R2>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E2, R | R2> =>
  access === "anyone" ? next : Effect.matchEffect(access, {
    onFailure: () => Effect.succeed(refusal(403, "Forbidden", "You may not do this.")),
    onSuccess: () => next
  })

/** Whether a request that changes something comes from the console's own page, or from no browser. */
export const isOwn = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => {
  const site = headers["sec-fetch-site"]
  const { host, origin } = headers
  if (headers[HEADER] !== "1") return false
  if (site !== undefined && site !== "same-origin" && site !== "none") return false
  if (origin === undefined) return true
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host
}
