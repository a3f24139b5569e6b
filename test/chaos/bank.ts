/** A bank: accounts, and a ledger with an entry for each transfer, written in the same transaction as what it moves. */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import type { Database, Server, ServerError } from "./databases/database.js"
import type { Books, Transfer } from "./judge.js"

export const accounts = 1_000
const openingBalance = 1_000

/** Who owns the pool's sessions, and by what the server knows them. */
export const teller = "chaos_teller"
/** Somebody else, with sessions of its own. */
export const stranger = "chaos_stranger"

export const newPassword = (): Redacted.Redacted => Redacted.make(randomBytes(16).toString("hex"))

/** A row for each account, as both databases take it. */
const rows = Array.from({ length: accounts }, (_, index) => `(${index + 1}, ${openingBalance})`).join(", ")

export const open = (
  { createRole, setPassword }: Database,
  server: Server,
  password: Redacted.Redacted
): Effect.Effect<void, ServerError> =>
  Effect.gen(function*() {
    yield* server.query("create table accounts (id integer primary key, balance integer not null)")
    yield* server.query(
      "create table ledger (id integer primary key, from_account integer not null, to_account integer not null, amount integer not null)"
    )
    yield* server.query(`insert into accounts values ${rows}`)
    for (const role of [teller, stranger]) {
      yield* createRole(server, role)
      yield* setPassword(server, role, password)
    }
    for (const table of ["accounts", "ledger"]) {
      yield* server.query(`grant select, insert, update on ${table} to ${teller}`)
    }
  })

/** What a transfer does in its transaction. */
export const move = (sql: SqlClient, { amount, from, id, to }: Transfer): Effect.Effect<void, SqlError> => {
  const add = (account: number, much: number) =>
    sql`update accounts set balance = balance + ${much} where id = ${account}`
  const [first, second] = from < to
    ? [add(from, -amount), add(to, amount)]
    // All in the order of the accounts, so that they don't wait for each other.
    : [add(to, amount), add(from, -amount)]
  return Effect.gen(function*() {
    yield* sql`insert into ledger (id, from_account, to_account, amount) values (${id}, ${from}, ${to}, ${amount})`
    yield* first
    yield* second
  })
}

export type Balances = ReadonlyMap<number, number>

export const opening: Balances = new Map(Array.from({ length: accounts }, (_, index) => [index + 1, openingBalance]))

/** Since the accounts had these balances. */
export const books = (server: Server, opening: Balances): Effect.Effect<Books, ServerError> =>
  Effect.gen(function*() {
    const ledger = yield* server.query("select id, from_account, to_account, amount from ledger")
    const balances = yield* server.query("select id, balance from accounts")
    return {
      opening,
      balances: new Map(balances.map(({ balance, id }) => [id, balance])),
      ledger: ledger.map(({ amount, from_account, id, to_account }) => ({
        id,
        from: from_account,
        to: to_account,
        amount
      }))
    }
  })

/** Begins a new page: what is in the ledger has been read. */
export const turnPage = (server: Server): Effect.Effect<void, ServerError> =>
  Effect.asVoid(server.query("truncate ledger"))
