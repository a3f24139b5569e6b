/**
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * Why a connection could not be opened.
 *
 * - `Configuration`: the options cannot be used; nothing was sent.
 * - `UnknownHost`: the name has no address.
 * - `Refused`: nobody listens there.
 * - `Unreachable`: no route to the host.
 * - `Timeout`: no answer in time.
 * - `Disconnected`: the server closed the connection before it was ready.
 * - `Tls`: no TLS there, a certificate that cannot be trusted, or a server that wants TLS.
 * - `Protocol`: what answered does not speak MySQL's protocol.
 * - `Authentication`: user, password, the user's host, or the user's rights.
 * - `UnknownDatabase`: there is no such database.
 * - `TooManyConnections`: the server or the user has no place left.
 * - `NotAccepting`: the server starts or stops, or has blocked this host.
 * - `Setup`: a statement of `setup`, or one that sets an option, failed.
 * - `Other`: see `code`, `errno` and `message`.
 *
 * @since 0.1.0
 * @category models
 */
export type MysqlConnectReason =
  | "Configuration"
  | "UnknownHost"
  | "Refused"
  | "Unreachable"
  | "Timeout"
  | "Disconnected"
  | "Tls"
  | "Protocol"
  | "Authentication"
  | "UnknownDatabase"
  | "TooManyConnections"
  | "NotAccepting"
  | "Setup"
  | "Other"

/**
 * A connection could not be opened. Never shows the password.
 *
 * @since 0.1.0
 * @category errors
 */
export class MysqlConnectError extends Data.TaggedError("MysqlConnectError")<{
  readonly reason: MysqlConnectReason
  /** What happened, where, and what to check. */
  readonly message: string
  /** The name of the server's error, "ER_ACCESS_DENIED_ERROR", else the code of the socket's or TLS's error. */
  readonly code?: string | undefined
  /** The number of the server's error. */
  readonly errno?: number | undefined
  readonly sqlState?: string | undefined
  /** A name, an address, or the path of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly cause?: unknown
}> {}

/**
 * Why a query has no result.
 *
 * - `Server`: the server answered with an error; see `errno`.
 * - `ConnectionLost`: the connection died, was closed, or is of no more use, before the answer was complete. Whether the server
 *   did the work is not known.
 * - `RolledBack`: the transaction had ended before its COMMIT, with a statement of it that failed, such as one that was a
 *   deadlock's victim.
 * - `Client`: a parameter cannot be sent, a value cannot be decoded, or the call was wrong.
 *
 * @since 0.1.0
 * @category models
 */
export type MysqlQueryReason = "Server" | "ConnectionLost" | "RolledBack" | "Client"

/**
 * A query failed. Has the text of the statement, never the values of its parameters; `message` is the server's, which may quote
 * values: "Duplicate entry '1' for key".
 *
 * @since 0.1.0
 * @category errors
 */
export class MysqlQueryError extends Data.TaggedError("MysqlQueryError")<{
  readonly reason: MysqlQueryReason
  readonly message: string
  readonly sql: string
  /** The number of the server's error: 1062. */
  readonly errno?: number | undefined
  /** Its name: "ER_DUP_ENTRY". Not all of MariaDB's numbers have one. */
  readonly code?: string | undefined
  readonly sqlState?: string | undefined
  readonly cause?: unknown
}> {}
