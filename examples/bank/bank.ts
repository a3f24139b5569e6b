/** A small bank: accounts in PostgreSQL, and transfers between them. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** The pool, as a service. `Db.use` runs something with one of its connections. */
export class Db extends ConnectionPool.Tag("bank/Db")<
  Db,
  PgConnector.PgConnection,
  PgConnector.PgConnectError
>() {
  static readonly live = (options: {
    readonly url: Redacted.Redacted
    readonly connections: number
    /** Whether callers are shed when too many ask for too long. */
    readonly overload: boolean
  }) =>
    Db.layer({
      connector: PgConnector.make({ url: options.url, applicationName: "bank" }),
      maxSize: options.connections,
      overload: options.overload && { target: "100 millis", interval: "3 seconds" },
      // The clients of the demo run in this process too, and keep it too busy to hear of an answer soon.
      checkTimeout: "10 seconds",
      // The service has stopped by then, so nobody asks any more: only what was cut short may still hold a connection.
      shutdownTimeout: "5 seconds"
    })
}

export const AccountId = Schema.Int.pipe(Schema.between(1, 1_000_000))

export class Transfer extends Schema.Class<Transfer>("Transfer")(
  Schema.Struct({
    from: AccountId,
    to: AccountId,
    amount: Schema.Int.pipe(Schema.between(1, 1_000_000))
  }).pipe(Schema.filter(({ from, to }) => from !== to || "from and to are the same account"))
) {}

export class UnknownAccount extends Data.TaggedError("UnknownAccount")<{ readonly message: string }> {}

export class InsufficientFunds extends Data.TaggedError("InsufficientFunds")<{ readonly message: string }> {}

export class Bank extends Effect.Service<Bank>()("bank/Bank", {
  accessors: true,
  effect: Effect.gen(function*() {
    const db = yield* Db

    /** Makes accounts 1 to `accounts`, with the same balance in each. */
    const open = (accounts: number, balance: number) =>
      db.use((connection) =>
        connection.withTransaction(Effect.gen(function*() {
          yield* connection.query(
            "create table account (id int primary key, balance bigint not null check (balance >= 0))"
          )
          yield* connection.query("insert into account select id, $2 from generate_series(1, $1) as id", [
            accounts,
            balance
          ])
        }))
      )

    const balance = (id: number) =>
      Effect.gen(function*() {
        const { rows: [account] } = yield* db.use((connection) =>
          connection.query<{ balance: string }>("select balance from account where id = $1", [id])
        )
        if (account === undefined) {
          return yield* new UnknownAccount({ message: `There is no account ${id}.` })
        }
        return Number(account.balance)
      })

    const total = Effect.map(
      db.use((connection) => connection.query<{ total: string }>("select sum(balance) as total from account")),
      ({ rows }) => Number(rows[0]!.total)
    )

    /** As an auditor does it: adds up all balances, and takes its time. */
    const audit = (seconds: number) =>
      Effect.map(
        db.use((connection) =>
          connection.query<{ total: string }>(
            "select sum(balance) as total from account, (select pg_sleep($1)) as time_taken",
            [seconds]
          )
        ),
        ({ rows }) => Number(rows[0]!.total)
      )

    /** All or nothing: whatever fails in here, or interrupts it, rolls back what was done. */
    const transfer = ({ amount, from, to }: Transfer) =>
      db.use((connection) =>
        connection.withTransaction(Effect.gen(function*() {
          // Locked in the order of their ids: so of two transfers, one waits for the other and never each for the other.
          const { rows: accounts } = yield* connection.query(
            "select id from account where id in ($1, $2) order by id for update",
            [from, to]
          )
          if (accounts.length < 2) {
            return yield* new UnknownAccount({ message: `There is no account ${from}, or no account ${to}.` })
          }
          const debit = yield* connection.query(
            "update account set balance = balance - $2 where id = $1 and balance >= $2",
            [from, amount]
          )
          if (debit.rowCount === 0) {
            return yield* new InsufficientFunds({ message: `Account ${from} has less than ${amount}.` })
          }
          yield* connection.query("update account set balance = balance + $2 where id = $1", [to, amount])
        }))
      )

    return { open, balance, total, audit, transfer } as const
  })
}) {}
