/** The bank's statements on a connection of PgConnector. */
import type { PgConnection, PgQueryError } from "@cenote/sql-adapter/PgConnector"
import * as Effect from "effect/Effect"
import { text } from "./bank.js"
import type { Statements } from "./effects.js"

export const statements = (connection: PgConnection): Statements<PgQueryError> => {
  const rows = <Row extends object>(sql: string, values: ReadonlyArray<unknown>) =>
    Effect.map(connection.query<Row>(sql, values), ({ rows }) => rows)
  return {
    change: ({ account, by }) => rows(text.change, [by, account]),
    record: ({ amount, from, to }) => rows(text.record, [from, to, amount]),
    read: (id) => rows(text.read, [id])
  }
}
