import type { Compiler } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import type { PgConnection, PgQueryOptions } from "../../PgConnection.js"
import { PgQueryError } from "../../PgError.js"
import type { Dialect } from "../client/dialect.js"
import type { Session } from "./session.js"
import { begin } from "./transaction.js"

interface Result {
  readonly rows?: ReadonlyArray<unknown>
  readonly command?: string | null
}

const rowsOf = (result: unknown): ReadonlyArray<any> =>
  Array.isArray(result) ? result.map((each: Result) => each.rows ?? []) : (result as Result).rows ?? []

const raw = (result: unknown): unknown => result

const asArrays: PgQueryOptions = { rowMode: "array" }

/** SQLSTATEs of a transaction that lost against another one. */
const conflicts: ReadonlySet<string | undefined> = new Set(["40001", "40P01"])

const ends: ReadonlySet<string> = new Set(["COMMIT", "ROLLBACK"])

/** Every connection of these pools was opened by PgConnector. */
const session = (connection: PgConnection): Session => connection as Session

export const dialect = (compiler: Compiler): Dialect<PgConnection, PgQueryError> => ({
  compiler,
  within: (connection, isOver) => session(connection).within(isOver),
  rows: (connection, sql, params) => session(connection).prepared(sql, params, undefined, rowsOf),
  // Without parameters, so that the text may be several statements.
  unprepared: (connection, sql, params) =>
    session(connection).answer(sql, params.length === 0 ? undefined : params, undefined, rowsOf),
  values: (connection, sql, params) => session(connection).prepared(sql, params, asArrays, rowsOf),
  raw: (connection, sql, params) => session(connection).answer(sql, params, undefined, raw),
  stream: (connection, sql, params) => session(connection).rows(sql, params),
  begin: (connection, { deferrable, isolation, readOnly }) =>
    Effect.suspend(() => {
      const sql = begin({ deferrable, isolation, readOnly })
      // That a transaction refuses writes says nothing of the server, where it was asked for.
      session(connection).wire.transaction = readOnly === true ? "reading" : "writing"
      return connection.query(sql)
    }),
  finish: (connection, sql) => {
    if (ends.has(sql)) session(connection).wire.transaction = "none"
    return Effect.map(
      session(connection).finish(sql),
      ({ command }) => sql === "COMMIT" && command === "ROLLBACK" ? "RolledBack" : "Done"
    )
  },
  isLost: ({ reason }) => reason === "ConnectionLost",
  isConflict: (error) => error instanceof PgQueryError && conflicts.has(error.sqlState)
})
