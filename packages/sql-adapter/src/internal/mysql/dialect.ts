import type { Compiler } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type { MysqlConnection, MysqlQueryOptions } from "../../MysqlConnection.js"
import { MysqlQueryError } from "../../MysqlError.js"
import type { Dialect } from "../client/dialect.js"
import type { Answered } from "./job.js"
import { isSeveral } from "./job.js"
import type { Session } from "./session.js"
import { begin } from "./transaction.js"

/** Of several statements, or a procedure, what each has answered, as @effect/sql-mysql2 has it: Model relies on it. */
const rowsOf = (answer: Answered): ReadonlyArray<any> => {
  const { rows } = answer
  if (!Array.isArray(rows)) return []
  return isSeveral(answer) ? rows.map((set) => Array.isArray(set) ? set : []) : rows
}

/** A deadlock, which has rolled one of the transactions back. */
const deadlock = 1213

/** Every connection of these pools was opened by MysqlConnector. */
const session = (connection: MysqlConnection): Session => connection as Session

export const dialect = (compiler: Compiler, prepare: boolean): Dialect<MysqlConnection, MysqlQueryError> => {
  const asObjects: MysqlQueryOptions = { prepare }
  const asArrays: MysqlQueryOptions = { prepare, rowMode: "array" }
  return {
    compiler,
    within: (connection, isOver) => session(connection).within(isOver),
    rows: (connection, sql, params) => session(connection).answer(sql, params, asObjects, rowsOf),
    unprepared: (connection, sql, params) => session(connection).answer(sql, params, undefined, rowsOf),
    values: (connection, sql, params) => session(connection).answer(sql, params, asArrays, rowsOf),
    raw: (connection, sql, params) => session(connection).answer(sql, params, asObjects, ({ rows }) => rows),
    stream: (connection, sql, params) => session(connection).rows(sql, params),
    begin: (connection, { isolation, readOnly }) =>
      Effect.suspend(() => {
        const texts = begin({ isolation, readOnly })
        // That a transaction refuses writes says nothing of the server, where it was asked for.
        session(connection).wire.transaction = readOnly === true ? "reading" : "writing"
        return Effect.forEach(texts, (sql) => connection.query(sql), { discard: true })
      }),
    finish: (connection, sql) => {
      switch (sql) {
        case "COMMIT":
          session(connection).wire.transaction = "none"
          return session(connection).commit()
        case "ROLLBACK":
          session(connection).wire.transaction = "none"
      }
      return Effect.as(session(connection).finish(sql), "Done")
    },
    isLost: ({ reason }) => reason === "ConnectionLost",
    isConflict: (error) => error instanceof MysqlQueryError && error.errno === deadlock
  }
}
