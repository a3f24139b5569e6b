/** A bank: accounts, and a ledger with an entry for each transfer, written in the same transaction as what it moves. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import type { PostgresError, Server } from "../support/postgres.js"
import type { Books, Transfer } from "./judge.js"
import { limits } from "./limits.js"

export const accounts = 1_000
const openingBalance = 1_000

/** Who owns the pool's sessions, and by what the server knows them. */
export const teller = "chaos_teller"
/** Somebody else, with sessions of its own. */
export const stranger = "chaos_stranger"

export const newPassword = (): Redacted.Redacted => Redacted.make(randomBytes(16).toString("hex"))

/** As an argument of a function: no message quotes it. */
export const setPassword = (server: Server, role: string, password: Redacted.Redacted) =>
  Effect.asVoid(server.query("select set_password($1, $2)", [role, Redacted.value(password)]))

export const open = (server: Server, password: Redacted.Redacted): Effect.Effect<void, PostgresError> =>
  Effect.gen(function*() {
    yield* server.query("create table accounts (id integer primary key, balance integer not null)")
    yield* server.query(
      "create table ledger (id integer primary key, from_account integer not null, to_account integer not null, amount integer not null)"
    )
    yield* server.query("insert into accounts select id, $2::integer from generate_series(1, $1) id", [
      accounts,
      openingBalance
    ])
    yield* server.query(
      "create function set_password(role text, password text) returns void language plpgsql as $$ begin execute format('alter role %I password %L', role, password); end $$"
    )
    for (const role of [teller, stranger]) {
      yield* server.query(`create role ${role} login`)
      yield* setPassword(server, role, password)
    }
    yield* server.query(`grant select, insert, update on accounts, ledger to ${teller}`)
  })

/** The client under test. Its connections go to `host` and `port`, and ask for the password at each opening. */
export const client = (
  address: { readonly host: string; readonly port: number },
  password: () => Redacted.Redacted
) =>
  PgPool.layer({
    connection: Effect.sync(() => ({
      host: address.host,
      port: address.port,
      database: "postgres",
      user: teller,
      password: password(),
      applicationName: teller,
      statementTimeout: limits.statementTimeout,
      cancelTimeout: limits.cancelTimeout
    })),
    maxSize: limits.maxSize,
    acquireTimeout: limits.acquireTimeout,
    connectTimeout: limits.connectTimeout,
    closeTimeout: limits.closeTimeout
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
export const books = (server: Server, opening: Balances): Effect.Effect<Books, PostgresError> =>
  Effect.gen(function*() {
    const ledger = yield* server.query("select id, from_account as from, to_account as to, amount from ledger")
    const balances = yield* server.query("select id, balance from accounts")
    return {
      opening,
      balances: new Map(balances.map(({ balance, id }) => [id, balance])),
      ledger: ledger as ReadonlyArray<Transfer & Record<string, any>>
    }
  })

/** Begins a new page: what is in the ledger has been read. */
export const turnPage = (server: Server): Effect.Effect<void, PostgresError> =>
  Effect.asVoid(server.query("truncate ledger"))

/** The pool's sessions, as the server sees them. */
export const sessions = (server: Server): Effect.Effect<ReadonlyArray<number>, PostgresError> =>
  Effect.map(
    server.query("select pid from pg_stat_activity where application_name = $1 order by pid", [teller]),
    (rows) => rows.map(({ pid }) => pid)
  )

/** Those that are in a transaction. */
export const busy = (server: Server): Effect.Effect<ReadonlyArray<number>, PostgresError> =>
  Effect.map(
    server.query("select pid from pg_stat_activity where application_name = $1 and xact_start is not null", [teller]),
    (rows) => rows.map(({ pid }) => pid)
  )
