/**
 * Money moves between two databases, PostgreSQL and SQLite, in both directions at once. No transaction spans them: where the second half fails,
 * the first is made up for.
 *
 * Each transfer has a connection of both, or of none. With one after the other, transfers in opposite directions would hold what the others wait for.
 *
 * ```
 * pnpm example:saga
 * ```
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Postgres from "../bank/postgres.js"
import { runMain } from "../bank/run.js"
import { claim } from "../operations/check.js"

const ACCOUNTS = 5
const BALANCE = 100
const TRANSFERS = 200

/** What both databases can do, and what a transfer needs. */
interface Ledger<E> {
  readonly query: (sql: string, params: ReadonlyArray<number>) => Effect.Effect<unknown, E>
}

class NoFunds extends Data.TaggedError("NoFunds")<{ readonly account: number }> {}

const add = <E>(ledger: Ledger<E>, account: number, amount: number) =>
  Effect.asVoid(ledger.query(`update account set balance = balance + (${amount}) where id = ${account}`, []))

/**
 * Takes it here, gives it there. What was taken is given back where giving fails, and neither is cut short in between. SQLite and PostgreSQL both refuse a
 * balance below 0.
 */
const move = <E, E2>(from: Ledger<E>, to: Ledger<E2>, account: number, amount: number) =>
  Effect.uninterruptible(
    Effect.mapError(add(from, account, -amount), () => new NoFunds({ account })).pipe(
      Effect.zipRight(Effect.tapErrorCause(add(to, account, amount), () => add(from, account, amount)))
    )
  )

const setUp = [
  "create table account (id int primary key, balance int not null check (balance between 0 and 150))",
  ...Array.from({ length: ACCOUNTS }, (_, id) => `insert into account values (${id}, ${BALANCE})`)
]

const program = Effect.gen(function*() {
  const { url } = yield* Postgres.EmbeddedPostgres
  const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  const filename = (yield* Path.Path).join(folder, "saga.db")
  const pg = yield* ConnectionPool.make({ connector: PgConnector.make({ url }), maxSize: 3 })
  const sqlite = yield* ConnectionPool.make({ connector: SqliteConnector.make({ filename }), maxSize: 3 })

  yield* ConnectionPool.useAll(
    [pg, sqlite],
    ([one, other]) =>
      Effect.forEach(setUp, (sql) => Effect.zipRight(one.query(sql), other.query(sql)), { discard: true })
  )

  const transfer = (index: number) => {
    const account = index % ACCOUNTS
    const amount = 10 + (index * 7) % 40
    // The pools are named in one order or the other: it makes no difference.
    return index % 2 === 0
      ? ConnectionPool.useAll({ from: pg, to: sqlite }, ({ from, to }) => move(from, to, account, amount))
      : ConnectionPool.useAll({ from: sqlite, to: pg }, ({ from, to }) => move(from, to, account, amount))
  }
  const outcomes = yield* Effect.forEach(
    Array.from({ length: TRANSFERS }, (_, index) => index),
    (index) =>
      Effect.match(transfer(index), {
        onSuccess: () => "done" as const,
        onFailure: ({ _tag }) => _tag === "NoFunds" ? "no funds" as const : "made up for" as const
      }),
    { concurrency: "unbounded" }
  )
  const count = (outcome: (typeof outcomes)[number]) => outcomes.filter((other) => other === outcome).length
  yield* Console.log(`  ${count("done")} done, ${count("no funds")} without funds, ${count("made up for")} made up for`)

  const sum = "select sum(balance) as sum from account"
  const total = yield* ConnectionPool.useAll(
    [pg, sqlite],
    ([one, other]) =>
      Effect.zipWith(
        one.query<{ sum: string }>(sum),
        other.query<{ sum: number }>(sum),
        (a, b) => Number(a.rows[0]?.sum) + Number(b.rows[0]?.sum)
      )
  )
  yield* claim(`the sum over both databases is what it was: ${total}`, total === 2 * ACCOUNTS * BALANCE)
  const [ofPg, ofSqlite] = [yield* pg.stats, yield* sqlite.stats]
  yield* claim(
    "no transfer has timed out, and nothing is held",
    ofPg.timedOut + ofSqlite.timedOut + ofPg.leased + ofSqlite.leased === 0
  )
})

const main = program.pipe(Effect.scoped, Effect.provide(Postgres.layer({ maxConnections: 10 })))

runMain(Effect.provide(main, NodeContext.layer))
