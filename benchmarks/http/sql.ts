/** The bank on whatever SqlClient there is. */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import type { Account, Recorded, Transfer } from "./bank.js"
import type { Bank, Statements } from "./effects.js"
import { move, read } from "./effects.js"

const statements = (sql: SqlClient.SqlClient): Statements<SqlError> => ({
  change: ({ account, by }) =>
    sql<Pick<Account, "balance">>`update account set balance = balance + ${by} where id = ${account} returning balance`,
  record: ({ amount, from, to }) =>
    sql<
      Pick<Recorded, "id">
    >`insert into transfer (debit, credit, amount) values (${from}, ${to}, ${amount}) returning id`,
  read: (id) => sql<Account>`select id, balance from account where id = ${id}`
})

/** For whoever has begun a transaction. */
export const transfer = (transfer: Transfer) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => move(statements(sql), transfer))

export const account = (id: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => read(statements(sql), id))

export const bank: Bank<SqlError, SqlClient.SqlClient> = {
  transfer: (asked) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(transfer(asked))),
  account
}
