import type { Compiler } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type { SqliteConnection, SqliteResult } from "../../SqliteConnection.js"
import { SqliteQueryError } from "../../SqliteError.js"
import type { Dialect } from "../client/dialect.js"
import type { Session } from "./session.js"
import { begin } from "./transaction.js"

const rowsOf = ({ rows }: SqliteResult<object>): ReadonlyArray<any> => rows

/** Every connection of these pools was opened by SqliteConnector. */
const session = (connection: SqliteConnection): Session => connection as Session

/** Another connection wrote in between: the transaction may well succeed when it is run again. */
const isBusy = (error: unknown): boolean => error instanceof SqliteQueryError && error.reason === "Busy"

export const dialect = (compiler: Compiler): Dialect<SqliteConnection, SqliteQueryError> => {
  const rows = (connection: SqliteConnection, sql: string, params: ReadonlyArray<unknown>) =>
    Effect.map(connection.query(sql, params), rowsOf)
  return {
    compiler,
    within: (connection, isOver) => session(connection).within(isOver),
    rows,
    unprepared: rows,
    values: (connection, sql, params) => Effect.map(connection.query(sql, params, { rowMode: "array" }), rowsOf),
    raw: (connection, sql, params) => connection.query(sql, params),
    stream: (connection, sql, params) => connection.stream(sql, params),
    begin: (connection, { readOnly }) =>
      connection.query(begin(connection.isReadOnly, readOnly === true ? { mode: "deferred" } : {})),
    finish: (connection, sql) => Effect.as(session(connection).finish(sql), "Done"),
    isLost: ({ reason }) => reason === "ConnectionLost",
    isConflict: isBusy
  }
}
