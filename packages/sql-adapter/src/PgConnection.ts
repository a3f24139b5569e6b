/**
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { CustomTypesConfig, FieldDef } from "pg"
import type pg from "pg"
import type { PgQueryError } from "./PgError.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@cenote/sql-adapter/PgConnection")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * What a statement answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgResult<Row> {
  readonly rows: ReadonlyArray<Row>
  /** How many rows were returned or changed; `null` where the command has none to count. */
  readonly rowCount: number | null
  /** What the server did: "SELECT", "INSERT", "ROLLBACK". `null` for an empty statement. */
  readonly command: string | null
  readonly fields: ReadonlyArray<FieldDef>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PgQueryOptions {
  /**
   * Prepares the statement under this name, once for each connection, and runs what was prepared from then on. The same name
   * with another text is an error. Too many names fill the server's memory. Default: not prepared.
   */
  readonly name?: string | undefined
  /** `"array"` gives rows as arrays of values, which keeps columns of the same name apart. Default: objects. */
  readonly rowMode?: "object" | "array" | undefined
  /** How values are decoded. Default: the connector's `types`. */
  readonly types?: CustomTypesConfig | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PgStreamOptions extends Pick<PgQueryOptions, "rowMode" | "types"> {
  /** How many rows are asked for at a time. Too few, and each costs a round trip; too many, and they fill the memory. Default: 128. */
  readonly chunkSize?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PgTransactionOptions {
  /** Default: the server's, `read committed` unless it was changed. */
  readonly isolation?: "read uncommitted" | "read committed" | "repeatable read" | "serializable" | undefined
  /** Refuses writes. Default: false. */
  readonly readOnly?: boolean | undefined
  /** Waits for a moment at which a serializable, read-only transaction cannot fail. Means nothing without both. Default: false. */
  readonly deferrable?: boolean | undefined
}

/**
 * One session on a PostgreSQL server.
 *
 * A lease has it to itself, unless leases share it (`concurrency`). Fibers may call it at the same time: their queries then run one after
 * the other, in the order of the calls. With `pipeline` each is sent at once, where it is plain: a statement that reads or writes rows, one in a
 * text, and leaves nothing in the session.
 *
 * What a user sets on the session outlives the lease: SET, LISTEN, temporary tables, session-level advisory locks. Prefer
 * their transaction-level forms (SET LOCAL, pg_advisory_xact_lock).
 *
 * @since 0.1.0
 * @category models
 */
export interface PgConnection {
  readonly [TypeId]: TypeId
  /** The server process that serves it: `pg_backend_pid()`. */
  readonly processId: number
  /**
   * Runs a statement. With several statements in `sql` (possible only without parameters) the last one's result.
   *
   * An interruption returns at once and has the server cancel the statement. Nothing else runs on the connection until
   * the cancelled answer has settled; if that takes longer than `cancelTimeout`, the connection is given up. In a pipeline, a statement
   * that others are in front of or behind runs on, until nobody waits for any of them: a cancel could stop another one.
   */
  readonly query: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: PgQueryOptions
  ) => Effect.Effect<PgResult<Row>, PgQueryError>
  /**
   * The rows of a statement, read with a cursor while they are consumed: any number of them in little memory. The connection
   * does nothing else until the stream has ended. Ending it early, or an interruption, stops the server too.
   */
  readonly stream: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: PgStreamOptions
  ) => Stream.Stream<Row, PgQueryError>
  /**
   * Runs an effect between BEGIN and COMMIT, or ROLLBACK when it does not succeed.
   *
   * Fails with `RolledBack` when COMMIT could only roll back, because the effect went on after a statement had failed. Does not
   * nest: use savepoints, or another connection. Where leases share the connection, it is to be taken with `exclusive: true`; with others' statements
   * under way it fails. An interruption returns at once: a ROLLBACK that is due runs before
   * anything else on the connection, and a COMMIT that was sent already may yet succeed.
   */
  readonly withTransaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: PgTransactionOptions
  ) => Effect.Effect<A, E | PgQueryError, R>
  /** The driver's own client, for what is not here. Don't end it, and don't leave its queries running. */
  readonly unsafeClient: pg.Client
}
