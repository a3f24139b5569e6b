import type { PgConnectReason } from "../../PgError.js"
import { PgConnectError, PgQueryError } from "../../PgError.js"
import type { Finding } from "../wire/network.js"
import { asError, certificates, codeOf, networkFinding, sentence, whatHappened } from "../wire/network.js"
import { isServerError, NotPostgres } from "./driver.js"
import type { ServerError } from "./driver.js"
import { isNeverSent, ofBouncer, withRemedy } from "./pgbouncer.js"

/** Where a connection goes, as errors show it. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

const fromServer = (error: ServerError): Finding<PgConnectReason> => {
  const state = error.code
  const bouncer = ofBouncer(error)
  if (bouncer !== undefined) return bouncer
  if (state === "28000" && /no encryption|SSL off/.test(error.message)) {
    return { reason: "Authentication", remedy: "The server may want TLS: set ssl." }
  }
  if (state.startsWith("28")) {
    return { reason: "Authentication", remedy: "Check the user, the password and the server's pg_hba.conf." }
  }
  if (state === "3D000") return { reason: "UnknownDatabase", remedy: "Check the database's name." }
  if (state.startsWith("53")) {
    return {
      reason: "TooManyConnections",
      remedy:
        "Lower the pool's maxSize, close other sessions, or raise the server's max_connections or the user's limit."
    }
  }
  if (state.startsWith("57P")) {
    return { reason: "NotAccepting", remedy: "The server starts, stops or recovers: try again later." }
  }
  return { reason: "Other" }
}

const diagnose = (error: Error): Finding<PgConnectReason> => {
  if (isServerError(error)) return fromServer(error)
  if (error instanceof NotPostgres || error.message.startsWith("received invalid response")) {
    return { reason: "Protocol", remedy: "Check that host and port are those of a PostgreSQL server." }
  }
  const network = networkFinding(error)
  if (network !== undefined) return network
  if (error.message === "The server does not support SSL connections") {
    return { reason: "Tls", remedy: "Set ssl to false, or turn TLS on in the server." }
  }
  if (/establishing an SSL connection/.test(error.message)) return { reason: "Tls", remedy: certificates }
  if (error.message.startsWith("Connection terminated")) {
    return {
      reason: "Disconnected",
      remedy: "Look into the server's log; check that host and port are those of a PostgreSQL server."
    }
  }
  if (/^(SASL|Unknown authentication)/.test(error.message)) {
    return {
      reason: "Authentication",
      remedy: "Check that a password is given, and that the server asks for SCRAM or md5."
    }
  }
  return { reason: "Other" }
}

export const connectError = (place: Place, thrown: unknown): PgConnectError => {
  const error = asError(thrown)
  const { reason, remedy } = diagnose(error)
  return new PgConnectError({
    ...place,
    reason,
    message: describe(place, [
      isServerError(error) ? `the server answered: ${error.message}` : whatHappened(error),
      ...(isServerError(error) ? [error.detail, error.hint] : []),
      remedy
    ]),
    code: codeOf(error),
    cause: error
  })
}

export const connectTimeout = (place: Place, millis: number): PgConnectError =>
  new PgConnectError({
    ...place,
    reason: "Timeout",
    message: describe(place, [
      `no answer in ${millis} ms`,
      "Check the host's address, firewalls, and whether the server is overloaded; or raise connectTimeout."
    ])
  })

export const setupError = (place: Place, error: PgQueryError): PgConnectError =>
  new PgConnectError({
    ...place,
    reason: error.reason === "ConnectionLost" ? "Disconnected" : "Setup",
    message: describe(place, [`the statement ${JSON.stringify(error.sql)} of setup failed: ${error.message}`]),
    code: error.sqlState,
    cause: error
  })

/** It can be used, but not to listen. */
export const deafError = (place: Place): PgConnectError =>
  new PgConnectError({
    ...place,
    reason: "Unsupported",
    message: describe(place, [
      "what is notified does not arrive, as a pooler gives the session of the server to others between two transactions",
      "Listen with a client of the server's own address, or of a pool in session mode."
    ])
  })

/** Has no cause: what a parser of URLs throws can have the URL in it. */
export const configurationError = (place: Place, problems: ReadonlyArray<string>): PgConnectError =>
  new PgConnectError({
    ...place,
    reason: "Configuration",
    message: `The connection's options cannot be used: ${problems.join("; ")}.`
  })

const describe = (place: Place, parts: ReadonlyArray<string | undefined>): string => {
  const [what, ...rest] = parts.filter((part) => part !== undefined && part !== "") as Array<string>
  const address = place.host.startsWith("/") ? `${place.host}/.s.PGSQL.${place.port}` : `${place.host}:${place.port}`
  return [
    `Cannot connect to database "${place.database}" at ${address} as "${place.user}": ${
      sentence(what ?? "unknown error")
    }`,
    ...rest.map(sentence)
  ].join(" ")
}

/** SQLSTATEs after which a session is of no more use: it ends, or what serves it has become another server. */
const endsSession = new Set([
  "25006", // the server takes no writes any more: it became a standby
  "25P03", // idle in a transaction for too long
  "57P01", // terminated by an administrator
  "57P02", // another backend crashed
  "57P03", // the server starts or stops
  "57P04", // its database was dropped
  "57P05" // idle for too long
])

/** Of those, the ones that every session of the server may meet next. */
const critical = new Set(["25006", "57P01", "57P02", "57P03", "57P04"])

export const isCritical = ({ code }: ServerError): boolean => critical.has(code)

export const isFatal = (error: ServerError, options: { readonly expectsWrites: boolean }): boolean =>
  error.severity === "FATAL" ||
  error.severity === "PANIC" ||
  error.code.startsWith("08") ||
  (endsSession.has(error.code) && (error.code !== "25006" || options.expectsWrites))

export const serverError = (sql: string, error: ServerError, lost: boolean): PgQueryError =>
  new PgQueryError({
    reason: lost ? "ConnectionLost" : "Server",
    message: withRemedy(error),
    sql,
    mayHaveRun: lost ? !isNeverSent(error) : undefined,
    sqlState: error.code,
    severity: error.severity,
    detail: error.detail,
    hint: error.hint,
    position: error.position === undefined ? undefined : Number(error.position),
    schema: error.schema,
    table: error.table,
    column: error.column,
    constraint: error.constraint,
    cause: error
  })

export const lostError = (sql: string, reason: unknown, wasSent: boolean): PgQueryError => {
  const error = asError(reason)
  const mayHaveRun = wasSent && !(isServerError(error) && isNeverSent(error))
  return new PgQueryError({
    reason: "ConnectionLost",
    message: `The connection was lost${mayHaveRun ? "" : " before this was sent"}: ${sentence(whatHappened(error))}`,
    sql,
    mayHaveRun,
    sqlState: isServerError(error) ? error.code : undefined,
    cause: error
  })
}

export const clientError = (sql: string, message: string, cause?: unknown): PgQueryError =>
  new PgQueryError({ reason: "Client", message, sql, cause })
