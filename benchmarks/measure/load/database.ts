/** What the bank has in PostgreSQL: the same at the beginning of each turn. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import pg from "pg"
import { url } from "../url.js"
import { accounts, balance } from "./requests.js"

export class DatabaseFailed extends Data.TaggedError("DatabaseFailed")<{ readonly message: string }> {}

type Rows = ReadonlyArray<Record<string, unknown>>

export interface Database {
  readonly query: (sql: string) => Effect.Effect<Rows, DatabaseFailed>
  /** No transfers yet, every account with its first balance, and nothing left to clean up of earlier ones. */
  readonly reset: Effect.Effect<void, DatabaseFailed>
  /** Fails where a transfer that was answered was not recorded, or money got lost. */
  readonly audit: (transfers: number) => Effect.Effect<void, DatabaseFailed>
}

const schema = `
  create table account (id int primary key, balance int not null);
  create table transfer (
    id int generated always as identity primary key,
    debit int not null,
    credit int not null,
    amount int not null
  )`

export const open: Effect.Effect<Database, DatabaseFailed, Scope.Scope> = Effect.gen(function*() {
  const attempt = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({ try: run, catch: (error) => new DatabaseFailed({ message: `PostgreSQL: ${String(error)}` }) })
  const client = yield* Effect.acquireRelease(
    attempt(async () => {
      const client = new pg.Client({ connectionString: url() })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )
  const query = (sql: string) => Effect.map(attempt(() => client.query(sql)), ({ rows }): Rows => rows)
  const reset = Effect.zipRight(
    query(`
      truncate transfer, account restart identity;
      insert into account select id, ${balance} from generate_series(1, ${accounts}) as id
    `),
    query("vacuum analyze account")
  )
  yield* query(`drop table if exists account, transfer; ${schema}`)
  yield* reset
  return {
    query,
    reset: Effect.asVoid(reset),
    audit: (transfers) =>
      Effect.gen(function*() {
        const [found] = yield* query(
          "select (select count(*)::int from transfer) as transfers, (select sum(balance)::text from account) as money"
        )
        if (found?.["transfers"] !== transfers) {
          return yield* new DatabaseFailed({
            message: `${transfers} transfers were answered, and ${found?.["transfers"]} took place`
          })
        }
        const money = String(accounts * balance)
        if (found["money"] !== money) {
          return yield* new DatabaseFailed({ message: `There was ${money} in the bank, and ${found["money"]} is left` })
        }
      })
  }
})
