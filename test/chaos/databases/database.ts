/** A kind of database that chaos can be made of: all that is its own. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { SqlClient } from "@effect/sql/SqlClient"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { MariadbError, MariadbMissing } from "../../support/mariadb.js"
import type { PgBouncer, PgBouncerError } from "../../support/pgbouncer.js"
import type { PostgresError } from "../../support/postgres.js"
import type { Proxy, Target } from "../../support/proxy.js"
import type { OwnServer } from "../../support/server.js"

export type ServerError = PostgresError | PgBouncerError | MariadbError | MariadbMissing

/** What clients connect to: the server, or PgBouncer, which finds the server at an address of its own. */
export type Front =
  | { readonly _tag: "Server" }
  | { readonly _tag: "PgBouncer"; readonly bouncer: PgBouncer; readonly address: Proxy }

export const noFront: Front = { _tag: "Server" }

/** Its administrator asks in the database of the bank. */
export interface Server
  extends
    Pick<OwnServer<ServerError>, "folder" | "freeze" | "host" | "kill" | "port" | "query" | "start" | "stop" | "thaw">
{
  /** Another one, which only reads, until the Scope closes. From then on, nothing is committed here that it does not have. */
  readonly standby: Effect.Effect<Server, ServerError, Scope.Scope>
  /** Lets a standby write. It follows nobody any more. */
  readonly promote: Effect.Effect<void, ServerError>
}

export interface Database {
  readonly name: "postgres" | "mariadb" | "pgbouncer-session" | "pgbouncer-transaction"
  /** A server, until the Scope closes. What it has committed outlives its processes, and it ends sessions that hold locks and say nothing. */
  readonly make: (
    /** The megabytes of a disk of its own. Undefined: it needs none. */
    disk: number | undefined
  ) => Effect.Effect<Server, ServerError, Scope.Scope>
  /** What is before a server, until the Scope closes. */
  readonly front: (server: Server) => Effect.Effect<Front, ServerError, Scope.Scope>
  /** Somebody who can log in, once there is a password, and has no rights. */
  readonly createRole: (server: Server, role: string) => Effect.Effect<void, ServerError>
  /** No message quotes it. */
  readonly setPassword: (server: Server, role: string, password: Redacted.Redacted) => Effect.Effect<void, ServerError>
  /** The client under test, until the Scope closes. Its connections go to `address`, and ask for the password at each opening. */
  readonly client: (
    address: Target,
    password: () => Redacted.Redacted
  ) => Effect.Effect<Client, never, Scope.Scope>
  /** The pool's sessions, as the server sees them. */
  readonly sessions: (server: Server) => Effect.Effect<ReadonlyArray<number>, ServerError>
  /** Those that are in a transaction. */
  readonly busy: (server: Server) => Effect.Effect<ReadonlyArray<number>, ServerError>
  /** Ends sessions. One that is gone already is no error. */
  readonly terminate: (server: Server, sessions: ReadonlyArray<number>) => Effect.Effect<void, ServerError>
  /** A session of somebody else, until the Scope closes. Fails where the server has no place for one. */
  readonly occupy: (server: Server, password: Redacted.Redacted) => Effect.Effect<void, unknown, Scope.Scope>
}

export interface Client {
  readonly sql: SqlClient
  readonly pool: ConnectionPool<any, any>
}
