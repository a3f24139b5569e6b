import type { MysqlConnectReason } from "../../MysqlError.js"
import { MysqlConnectError, MysqlQueryError } from "../../MysqlError.js"
import type { Finding } from "../wire/network.js"
import { asError, codeOf, networkFinding, sentence, whatHappened } from "../wire/network.js"
import type { ServerError } from "./driver.js"
import { isServerError, NotMysql } from "./driver.js"

/** Where a connection goes, as errors show it. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

const fromServer = ({ errno, sqlState }: ServerError): Finding<MysqlConnectReason> => {
  switch (errno) {
    case 1040: // too many connections
    case 1135: // no thread can be made
    case 1203: // too many connections of the user
    case 1226: // a limit of the user's
      return {
        reason: "TooManyConnections",
        remedy:
          "Lower the pool's maxSize, close other sessions, or raise the server's max_connections or the user's limit."
      }
    case 1044: // no right to the database
      return { reason: "Authentication", remedy: "Grant the user its rights on the database." }
    case 1049:
      return { reason: "UnknownDatabase", remedy: "Check the database's name." }
    case 1053: // shutdown
    case 1077:
    case 1079:
    case 1152:
    case 3032: // offline mode
      return { reason: "NotAccepting", remedy: "The server starts or stops: try again later." }
    case 1129:
      return { reason: "NotAccepting", remedy: "Look for what failed to connect from here, then FLUSH HOSTS." }
    case 3159:
      return { reason: "Tls", remedy: "The server wants TLS: set ssl." }
    case 1130: // not from this host
    case 1251: // an authentication that nobody has any more
    case 1275:
    case 1820: // a password that expired
    case 1862:
    case 3118: // an account that is locked
    case 4151:
      return { reason: "Authentication", remedy: credentials }
  }
  return sqlState === "28000" ? { reason: "Authentication", remedy: credentials } : { reason: "Other" }
}

const credentials = "Check the user, the password, and from which hosts the server lets the user in."

const notMysql = "Check that host and port are those of a MySQL or MariaDB server."

const diagnose = (error: Error): Finding<MysqlConnectReason> => {
  if (isServerError(error)) return fromServer(error)
  if (error instanceof NotMysql) return { reason: "Protocol", remedy: notMysql }
  switch (codeOf(error)) {
    case "HANDSHAKE_NO_SSL_SUPPORT":
      return { reason: "Tls", remedy: "Set ssl to false, or turn TLS on in the server." }
    case "MYSQL_CLEAR_PASSWORD_NOT_ENABLED":
      return { reason: "Authentication", remedy: "The server asks for the password in clear text: set ssl." }
    case "AUTH_SWITCH_PLUGIN_ERROR":
      return { reason: "Authentication", remedy: credentials }
    case "PROTOCOL_CONNECTION_LOST":
      return { reason: "Disconnected", remedy: `Look into the server's log. ${notMysql}` }
    case undefined:
    case "ERR_OUT_OF_RANGE":
    case "ERR_BUFFER_OUT_OF_BOUNDS":
    case "HANDSHAKE_UNKNOWN_ERROR":
    case "PROTOCOL_ERROR":
    case "PROTOCOL_UNEXPECTED_PACKET":
      return { reason: "Protocol", remedy: notMysql }
  }
  return networkFinding(error) ?? { reason: "Other" }
}

/** The server has hung up, and did not say why. */
export const hungUp = (): Error =>
  Object.assign(new Error("The server closed the connection"), { code: "PROTOCOL_CONNECTION_LOST" })

/** mysql2's errors have the text of the statement, with the values of the parameters in it. */
const withoutText = (error: Error): Error => {
  if ("sql" in error) delete error.sql
  return error
}

const ofServer = (error: Error) =>
  isServerError(error) ? { errno: error.errno, sqlState: error.sqlState || undefined } : {}

export const connectError = (place: Place, thrown: unknown): MysqlConnectError => {
  const error = withoutText(asError(thrown))
  const { reason, remedy } = diagnose(error)
  return new MysqlConnectError({
    ...place,
    ...ofServer(error),
    reason,
    message: describe(place, [
      isServerError(error) ? `the server answered: ${error.message}` : whatHappened(error),
      remedy
    ]),
    code: codeOf(error),
    cause: error
  })
}

export const connectTimeout = (place: Place, millis: number): MysqlConnectError =>
  new MysqlConnectError({
    ...place,
    reason: "Timeout",
    message: describe(place, [
      `no answer in ${millis} ms`,
      "Check the host's address, firewalls, and whether the server is overloaded; or raise connectTimeout."
    ])
  })

export const setupError = (place: Place, error: MysqlQueryError): MysqlConnectError =>
  new MysqlConnectError({
    ...place,
    reason: error.reason === "ConnectionLost" ? "Disconnected" : "Setup",
    message: describe(place, [`the statement ${JSON.stringify(error.sql)} failed: ${error.message}`, "See setup."]),
    code: error.code,
    errno: error.errno,
    sqlState: error.sqlState,
    cause: error
  })

/** Has no cause: what a parser of URLs throws can have the URL in it. */
export const configurationError = (place: Place, problems: ReadonlyArray<string>): MysqlConnectError =>
  new MysqlConnectError({
    ...place,
    reason: "Configuration",
    message: `The connection's options cannot be used: ${problems.join("; ")}.`
  })

const describe = (place: Place, parts: ReadonlyArray<string | undefined>): string => {
  const [what, ...rest] = parts.filter((part) => part !== undefined && part !== "") as Array<string>
  const address = place.host.startsWith("/") ? place.host : `${place.host}:${place.port}`
  const database = place.database === "" ? "" : ` to database "${place.database}"`
  return [
    `Cannot connect${database} at ${address} as "${place.user}": ${sentence(what ?? "unknown error")}`,
    ...rest.map(sentence)
  ].join(" ")
}

/** Errors after which a session is of no more use: it ends, or what serves it has become another server. */
const endsSession = new Set([
  1077, // the server stops
  1079,
  1317, // see below
  1835, // what was sent could not be read
  1927, // killed by an administrator
  3032, // the server went offline
  3169, // killed
  4031 // idle for too long
])

/** The server takes no writes any more: it became a replica. */
const takesNoWrites = ({ errno, message }: ServerError): boolean =>
  errno === 1792 || errno === 1836 || (errno === 1290 && /read.?only/i.test(message))

/** Errors with which a server may roll back a whole transaction, and not only the statement. */
export const rollsBack: ReadonlySet<number> = new Set([
  1020, // somebody else has changed the row, where snapshots are isolated
  1180, // the commit failed
  1205, // a lock was waited for too long, with innodb_rollback_on_timeout
  1206, // no memory for locks
  1213 // a deadlock
])

/** Every session of the server may meet it next: it stops, went offline, or takes no writes any more. */
export const isCritical = (error: ServerError): boolean =>
  error.errno === 1053 || error.errno === 1077 || error.errno === 1079 || error.errno === 3032 || takesNoWrites(error)

export const isFatal = (error: ServerError, options: { readonly expectsWrites: boolean }): boolean =>
  error.sqlState.startsWith("08") ||
  (endsSession.has(error.errno) && (error.errno !== 1317 || /connection/i.test(error.message))) ||
  (takesNoWrites(error) && options.expectsWrites)

export const serverError = (sql: string, error: ServerError, lost: boolean): MysqlQueryError =>
  new MysqlQueryError({
    ...ofServer(error),
    reason: lost ? "ConnectionLost" : "Server",
    message: error.message,
    sql,
    code: error.code,
    cause: withoutText(error)
  })

export const lostError = (sql: string, reason: unknown): MysqlQueryError => {
  const error = withoutText(asError(reason))
  return new MysqlQueryError({
    ...ofServer(error),
    reason: "ConnectionLost",
    message: `The connection was lost: ${sentence(whatHappened(error))}`,
    sql,
    code: isServerError(error) ? error.code : undefined,
    cause: error
  })
}

export const clientError = (sql: string, message: string, cause?: unknown): MysqlQueryError =>
  new MysqlQueryError({ reason: "Client", message, sql, cause })
