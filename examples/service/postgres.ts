/** The application's words in SQL, over connections to PostgreSQL. */
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { BankConnection } from "./connection.js"
import { Db } from "./connection.js"
import { inWords } from "./connector.js"
import type { AccountId } from "./domain.js"
import { Account, ConnectionLost, Entry } from "./domain.js"

interface AccountRow {
  readonly id: AccountId
  readonly owner: string
  /** A bigint is a text to the driver, as it may be larger than a number can be. */
  readonly balance: string
}

interface EntryRow {
  readonly number: string
  readonly from: AccountId
  readonly to: AccountId
  readonly amount: number
}

// What the table does not keep to, the constructors find.
const account = ({ balance, ...row }: AccountRow) => new Account({ ...row, balance: Number(balance) })
const entry = ({ number, ...row }: EntryRow) => new Entry({ ...row, number: Number(number) })

/** A statement that the server refuses is a fault of this program: a defect. That the connection is lost is not. */
const lost = <E>(error: E): Effect.Effect<never, ConnectionLost | Exclude<E, PgConnector.PgQueryError>> =>
  error instanceof PgConnector.PgQueryError
    ? error.reason === "ConnectionLost" ? Effect.fail(new ConnectionLost()) : Effect.die(error)
    : Effect.fail(error as Exclude<E, PgConnector.PgQueryError>)

const columns = "number, \"from\", \"to\", amount"

const words = (connection: PgConnector.PgConnection): BankConnection => {
  const query = <Row extends object>(sql: string, ...params: ReadonlyArray<unknown>) =>
    Effect.catchAll(Effect.map(connection.query<Row>(sql, params), ({ rows }) => rows), lost)

  return {
    open: ({ balance, owner }) =>
      Effect.map(
        query<AccountRow>(
          "insert into account (owner, balance) values ($1, $2) returning id, owner, balance",
          owner,
          balance
        ),
        ([row]) => account(row!)
      ),
    account: (id) =>
      Effect.map(
        query<AccountRow>("select id, owner, balance from account where id = $1", id),
        ([row]) => Option.map(Option.fromNullable(row), account)
      ),
    lock: (...ids) => Effect.asVoid(query("select 1 from account where id = any($1) order by id for update", ids)),
    change: (id, by) =>
      Effect.map(
        query("update account set balance = balance + $2 where id = $1 and balance + $2 >= 0 returning id", id, by),
        (rows) => rows.length > 0
      ),
    append: ({ amount, from, to }) =>
      Effect.map(
        query<EntryRow>(
          `insert into entry ("from", "to", amount) values ($1, $2, $3) returning ${columns}`,
          from,
          to,
          amount
        ),
        ([row]) => entry(row!)
      ),
    entries: (after, limit) =>
      Effect.map(
        query<EntryRow>(`select ${columns} from entry where number > $1 order by number limit $2`, after, limit),
        (rows) => rows.map(entry)
      ),
    snapshot: connection.stream<EntryRow>(`select ${columns} from entry order by number`).pipe(
      Stream.catchAll((error) => Stream.fromEffect(lost(error))),
      Stream.map(entry)
    ),
    transaction: (effect) => Effect.catchAll(connection.withTransaction(effect), lost)
  }
}

export interface Options {
  readonly url: Redacted.Redacted
  readonly maxSize: number
}

/** The pool in production. */
export const layer = ({ maxSize, url }: Options) =>
  Db.layer({ connector: inWords(PgConnector.make({ url, applicationName: "bank-service" }), words), maxSize })

/** Makes the tables. An application that lives longer has migrations: see ../sql. */
export const createTables = (url: Redacted.Redacted) =>
  Effect.flatMap(PgConnector.make({ url }).open, (connection) =>
    connection.query(`
      create table account (id int generated always as identity primary key, owner text not null, balance bigint not null);
      create table entry (
        number bigint generated always as identity primary key,
        "from" int not null references account, "to" int not null references account, amount int not null
      );
    `)).pipe(Effect.scoped)
