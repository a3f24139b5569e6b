/**
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type Database from "libsql/promise"
import type { SqliteQueryError } from "./SqliteError.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@cenote/sql-adapter/SqliteConnection")

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
export interface SqliteResult<Row> {
  /**
   * Values are null, numbers, strings, Uint8Arrays, and bigints where a number would lose digits. Of columns with the same name an
   * object has the last.
   */
  readonly rows: ReadonlyArray<Row>
  /** How many rows it has inserted, updated or deleted. */
  readonly changes: number
  /** The rowid of the last row that this connection has inserted, with this statement or before; 0 when there is none. */
  readonly lastInsertRowid: number | bigint
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SqliteQueryOptions {
  /** `"array"` gives rows as arrays of values, which keeps columns of the same name apart. Default: objects. */
  readonly rowMode?: "object" | "array" | undefined
  /** Gives every integer as a bigint. Default: the connector's `safeIntegers`. */
  readonly safeIntegers?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SqliteStreamOptions extends SqliteQueryOptions {
  /** How many rows are read at a time, at most. More take less time in all, and hold up the event loop for longer. Default: 128. */
  readonly chunkSize?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SqliteTransactionOptions {
  /**
   * - `"immediate"` has the lock for writing from the beginning.
   * - `"deferred"` has none, and takes one when it first reads or writes. One that reads and then writes fails with `Busy`, and
   *   no wait can help, where another connection wrote in between.
   * - `"exclusive"` is as `"immediate"` under WAL, and keeps readers out in the other journal modes.
   *
   * Default: `"immediate"`, so that a transaction waits for its turn at its beginning and not fails in its middle; `"deferred"` on a
   * connection that is read-only.
   */
  readonly mode?: "deferred" | "immediate" | "exclusive" | undefined
}

/**
 * One connection to a SQLite database.
 *
 * A lease has it to itself. Fibers of one lease may call it at the same time: their statements then run one after the other, in
 * the order of the calls.
 *
 * Parameters may be null and undefined (NULL), strings, numbers, bigints, booleans (1 and 0), Dates (their ISO 8601 text), and
 * ArrayBuffers with their views (blobs). A whole number is bound as an INTEGER, another one as a REAL.
 *
 * What a user sets on the connection outlives the lease: PRAGMAs, temporary tables, attached databases.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqliteConnection {
  readonly [TypeId]: TypeId
  /** Whether it was opened for reading only. */
  readonly isReadOnly: boolean
  /**
   * Runs a statement, one in each call, on a thread of the driver's. It is prepared once and kept. All of its rows are in memory at
   * once: `stream` is for many.
   *
   * An interruption returns at once and interrupts the statement. Nothing else runs on the connection until it has ended. One
   * that writes and is interrupted in a transaction takes the whole transaction with it, as SQLite has it.
   */
  readonly query: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: SqliteQueryOptions
  ) => Effect.Effect<SqliteResult<Row>, SqliteQueryError>
  /**
   * The rows of a statement, read while they are consumed: any number of them in little memory. The connection does nothing else until
   * the stream has ended, so a statement of the same connection inside of it waits for ever. Ending it early, or an interruption,
   * ends the statement.
   *
   * What SQLite does between the first row and the last it does on the event loop, some rows at a time. Where rows are far
   * apart, because a filter lets few of many pass, `query` holds it up less.
   */
  readonly stream: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: SqliteStreamOptions
  ) => Stream.Stream<Row, SqliteQueryError>
  /**
   * Runs an effect between BEGIN and COMMIT, or ROLLBACK when it does not succeed.
   *
   * Where SQLite rolls a transaction back by itself, all that follows in it fails with `RolledBack`, and so does the COMMIT. Does not
   * nest: use savepoints, or another connection. An interruption returns at once: a ROLLBACK that is due runs before
   * anything else on the connection, and a COMMIT that was begun may yet succeed.
   */
  readonly withTransaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: SqliteTransactionOptions
  ) => Effect.Effect<A, E | SqliteQueryError, R>
  /**
   * The driver's own database, for what is not here. Don't close it, don't use it while a statement runs, and don't keep it: its
   * file stays open for as long as you do. Throws when the connection is closed.
   */
  readonly unsafeDatabase: Database
}
