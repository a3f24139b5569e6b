/**
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * Why a connection could not be opened.
 *
 * - `Configuration`: the options cannot be used; nothing was sent.
 * - `Unsupported`: what answered does not take one of the options, as a pooler does not: the message says which, and what to do instead.
 * - `UnknownHost`: the name has no address.
 * - `Refused`: nobody listens there.
 * - `Unreachable`: no route to the host.
 * - `Timeout`: no answer in time.
 * - `Disconnected`: the server closed the connection before it was ready.
 * - `Tls`: no TLS there, or a certificate that cannot be trusted.
 * - `Protocol`: what answered does not speak PostgreSQL's protocol.
 * - `Authentication`: user, password or pg_hba.conf.
 * - `UnknownDatabase`: there is no such database.
 * - `TooManyConnections`: the server, the database or the user has no place left.
 * - `NotAccepting`: the server starts, stops or recovers.
 * - `Setup`: a statement of `setup` failed.
 * - `Other`: see `code` and `message`.
 *
 * @since 0.1.0
 * @category models
 */
export type PgConnectReason =
  | "Configuration"
  | "Unsupported"
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
export class PgConnectError extends Data.TaggedError("PgConnectError")<{
  readonly reason: PgConnectReason
  /** What happened, where, and what to check. */
  readonly message: string
  /** SQLSTATE where the server answered, else the code of the socket's or TLS's error. */
  readonly code?: string | undefined
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly cause?: unknown
}> {}

/**
 * Why a query has no result.
 *
 * - `Server`: the server answered with an error; see `sqlState`.
 * - `ConnectionLost`: the connection died, or was closed, before the answer was complete. Whether the server did the work is
 *   not known, unless `mayHaveRun` is false.
 * - `RolledBack`: COMMIT was answered with ROLLBACK, because a statement of the transaction had failed before.
 * - `Client`: the driver could not encode a parameter or decode a value, or the call was wrong.
 *
 * @since 0.1.0
 * @category models
 */
export type PgQueryReason = "Server" | "ConnectionLost" | "RolledBack" | "Client"

/**
 * A query failed. Has the text of the statement, never the values of its parameters; `message` and `detail` are the
 * server's, which may quote values.
 *
 * @since 0.1.0
 * @category errors
 */
export class PgQueryError extends Data.TaggedError("PgQueryError")<{
  readonly reason: PgQueryReason
  readonly message: string
  readonly sql: string
  /** Of `ConnectionLost`: whether the server may have done the work. `false` where it was never sent: it can be asked for again. */
  readonly mayHaveRun?: boolean | undefined
  readonly sqlState?: string | undefined
  readonly severity?: string | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** Where in `sql` the fault is, counted in characters from 1. */
  readonly position?: number | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly column?: string | undefined
  readonly constraint?: string | undefined
  readonly cause?: unknown
}> {}
