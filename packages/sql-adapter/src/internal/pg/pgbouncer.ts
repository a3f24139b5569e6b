import type { PgConnectReason } from "../../PgError.js"
import type { Finding } from "../wire/network.js"
import { sentence } from "../wire/network.js"
import type { ServerError } from "./driver.js"

/** All of what PgBouncer itself says has this code: what it means is only in the text. */
const itsCode = "08P01"

/** What an option of the connector is for the protocol. The others come from the URL. */
const optionOf: Record<string, string> = { statement_timeout: "statementTimeout", options: "options" }

const refusedParameter = (name: string): string => {
  const option = optionOf[name] ?? name
  return name === "options"
    ? `Leave out ${option}, or name it in PgBouncer's ignore_startup_parameters. What it sets is to be set for the role: alter role app set search_path = tenant.`
    : `Leave out ${option}, or name ${name} in PgBouncer's ignore_startup_parameters, which keeps what it bounds here; and set it for the role: alter role app set ${name} = '5s'.`
}

const hasNoSession = /^(query_wait_timeout|server login|pgbouncer cannot connect|server conn crashed)/i

/** Why PgBouncer refused a connection; undefined where it was not PgBouncer. */
export const ofBouncer = ({ code, message }: ServerError): Finding<PgConnectReason> | undefined => {
  if (code !== itsCode) return undefined
  const parameter = /^unsupported startup parameter(?: in options)?: (\w+)/.exec(message)?.[1]
  if (parameter !== undefined) return { reason: "Unsupported", remedy: refusedParameter(parameter) }
  if (/authentication failed|^no such user|^not allowed/.test(message)) {
    return { reason: "Authentication", remedy: "Check the user, the password and PgBouncer's auth_file or auth_query." }
  }
  if (message.startsWith("no such database")) {
    return { reason: "UnknownDatabase", remedy: "Check the database's name, and PgBouncer's section [databases]." }
  }
  if (message.startsWith("no more connections allowed")) {
    return {
      reason: "TooManyConnections",
      remedy: "Lower the pool's maxSize, or raise PgBouncer's max_client_conn or the limit of the database or the user."
    }
  }
  if (hasNoSession.test(message)) {
    return {
      reason: "NotAccepting",
      remedy: "PgBouncer has no session of the server: look into its log. It tries again after server_login_retry."
    }
  }
  return undefined
}

/** Whether PgBouncer says so to those who wait for a session of the server: nothing of what they wait for has reached it. */
export const isNeverSent = ({ code, message }: ServerError): boolean =>
  code === itsCode && /^(query_wait_timeout$|server login|pgbouncer cannot connect)/i.test(message)

/** What the server said; and what to do where a statement that was prepared is on another session of the server. */
export const withRemedy = ({ code, message }: ServerError): string =>
  (code === "26000" || code === "42P05") && message.includes("\"cenote_")
    ? `${
      sentence(message)
    } A pooler has changed the server's session: set preparedStatements to 0, or PgBouncer's max_prepared_statements.`
    : message
