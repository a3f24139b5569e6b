/**
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Connection, FieldPacket } from "mysql2"
import type { MysqlQueryError } from "./MysqlError.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@cenote/sql-adapter/MysqlConnection")

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
export interface MysqlResult<Row> {
  /** Of a procedure, or of several statements, those of the last result set. */
  readonly rows: ReadonlyArray<Row>
  readonly fields: ReadonlyArray<FieldPacket>
  /** How many rows were inserted, deleted, or matched by an UPDATE; 0 for a statement that answers rows. */
  readonly affectedRows: number
  /** How many rows an UPDATE has really changed. */
  readonly changedRows: number
  /** The first AUTO_INCREMENT value that was made; 0 where none was, a string where a number would lose digits. */
  readonly insertId: number | string
  /** How many warnings there are: `SHOW WARNINGS` has them. */
  readonly warnings: number
  /** The rows of each result set, in order, where there may be several. */
  readonly resultSets?: ReadonlyArray<ReadonlyArray<Row>> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MysqlQueryOptions {
  /** `"array"` gives rows as arrays of values, which keeps columns of the same name apart. Default: objects. */
  readonly rowMode?: "object" | "array" | undefined
  /**
   * Prepares the statement, once for each connection, and sends the parameters apart from it. The connector's
   * `preparedStatements` bounds how many are kept. Default: false, the parameters are put into the text.
   */
  readonly prepare?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MysqlTransactionOptions {
  /** Default: the session's, `repeatable read` unless it was changed. */
  readonly isolation?: "read uncommitted" | "read committed" | "repeatable read" | "serializable" | undefined
  /** Refuses writes to tables that others see. Default: false. */
  readonly readOnly?: boolean | undefined
}

/**
 * One session on a MySQL or MariaDB server.
 *
 * A lease has it to itself. Fibers of one lease may call it at the same time: their queries then run one after the other, in
 * the order of the calls.
 *
 * Parameters may be strings, finite numbers, bigints, booleans, valid Dates, bytes, `null`, and, where they are put into the text,
 * `undefined` for NULL, lists (`IN (?)`) and what mysql2's `raw` made. Anything else is refused: an object has to be turned
 * into JSON by whoever means it.
 *
 * What a user sets on the session outlives the lease: SET, USE, temporary tables, LOCK TABLES, GET_LOCK. Character sets must stay
 * as they are, and NO_BACKSLASH_ESCAPES out of `sql_mode`: with it, a query with parameters that is not prepared is refused.
 *
 * @since 0.1.0
 * @category models
 */
export interface MysqlConnection {
  readonly [TypeId]: TypeId
  /** The server's number for the session: `CONNECTION_ID()`. */
  readonly threadId: number
  /**
   * Runs a statement. Several in one text are refused, unless the connector has `multipleStatements`.
   *
   * An interruption returns at once and has the server stop the statement (KILL QUERY, over a connection of its own). Nothing else
   * runs on the connection until the answer has settled and nothing is on its way that could hit what follows; if that takes
   * longer than `cancelTimeout`, the connection is given up.
   */
  readonly query: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: MysqlQueryOptions
  ) => Effect.Effect<MysqlResult<Row>, MysqlQueryError>
  /**
   * The rows of a statement, read from the server while they are consumed: any number of them in little memory. The connection does
   * nothing else until the stream has ended, so a query on it from inside waits for ever. Ending it early, or an interruption,
   * stops the server too. Of a reader that pauses for longer than the server's `net_write_timeout` (60 s), the server thinks that it
   * is gone.
   */
  readonly stream: <Row extends object = Record<string, unknown>>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: MysqlQueryOptions
  ) => Stream.Stream<Row, MysqlQueryError>
  /**
   * Runs an effect between START TRANSACTION and COMMIT, or ROLLBACK when it does not succeed.
   *
   * Fails with `RolledBack` when the transaction had ended before COMMIT, because the effect went on after a statement that had
   * ended it by failing: what came after that statement was done outside of the transaction. A statement that commits by itself, as
   * CREATE TABLE does, ends the transaction too. Does not nest: use savepoints, or another connection. An interruption
   * returns at once: a ROLLBACK that is due runs before anything else on the connection, and a COMMIT that was sent already may
   * yet succeed.
   */
  readonly withTransaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: MysqlTransactionOptions
  ) => Effect.Effect<A, E | MysqlQueryError, R>
  /** The driver's own connection, for what is not here. Don't end it, and don't leave its queries running. */
  readonly unsafeClient: Connection
}
