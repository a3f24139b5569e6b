/** What every SQL client here must do, whatever the database. Each adapter runs all of it. */
import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import type { PoolStats } from "@cenote/core/PoolStats"
import type { TransactionOptions } from "@cenote/sql-adapter/SqlTransaction"
import * as Reactivity from "@effect/experimental/Reactivity"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Vitest } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { until } from "../harness.js"

export interface Client extends SqlClient.SqlClient {
  /** That its connections are from. */
  readonly pools: ReadonlyArray<ConnectionPool<any, any>>
  readonly transaction: (
    options: TransactionOptions
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
}

export interface Options extends Tuning {
  readonly transformResultNames?: (name: string) => string
  readonly transformQueryNames?: (name: string) => string
}

/** A database that the suite is run on. */
export interface Subject<R> {
  readonly make: (options?: Options) => Effect.Effect<Client, unknown, Scope.Scope | Reactivity.Reactivity | R>
  /** A statement that takes at least ten seconds. */
  readonly slow: string
  /** Whether `slow` is running for anybody. */
  readonly isRunningSlow: (client: Client) => Effect.Effect<boolean, unknown, R>
  /** Where the connections are sessions of a server. */
  readonly server: {
    /** How many sessions of these clients it knows of. */
    readonly sessions: Effect.Effect<number, unknown, R>
    /** Ends them from outside: nothing that a client has will work. */
    readonly kill: Effect.Effect<unknown, unknown, R>
  } | undefined
  /** Whether another client sees the same database, and may write to it at the same time. */
  readonly others: "write" | "read" | "see nothing"
  /** A table whose rows point to others, of the name `$`, that is only checked at COMMIT; where there are such tables. */
  readonly deferred: string | undefined
  /** The rows 1 to n, in a column n. */
  readonly series: (n: number) => string
}

let tables = 0

/** A table that nobody else uses. */
export const table = (sql: SqlClient.SqlClient) =>
  Effect.gen(function*() {
    const name = `conformance_${tables++}`
    yield* sql`drop table if exists ${sql(name)}`
    yield* sql`create table ${sql(name)} (id integer primary key, some_text varchar(100))`
    yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table if exists ${sql(name)}`))
    return name
  })

export const ids = (sql: SqlClient.SqlClient, name: string) =>
  Effect.map(sql<{ id: number }>`select id from ${sql(name)} order by id`, (rows) => rows.map(({ id }) => Number(id)))

export const insert = (sql: SqlClient.SqlClient, name: string, id: number) =>
  sql`insert into ${sql(name)} ${sql.insert({ id, some_text: `row ${id}` })}`

export const causeOf = <E>(exit: Exit.Exit<unknown, E>): unknown =>
  Exit.isFailure(exit) ? (Cause.squash(exit.cause) as SqlError).cause : undefined

export const tagOf = <E>(exit: Exit.Exit<unknown, E>): unknown =>
  (causeOf(exit) as { readonly _tag?: string } | undefined)?._tag

/** Of all the pools of a client. */
export const totals = ({ pools }: Client) =>
  Effect.map(Effect.forEach(pools, (pool) => pool.stats), (all) => {
    const sum = (of: (stats: PoolStats) => number) => all.reduce((total, stats) => total + of(stats), 0)
    return {
      idle: sum(({ idle }) => idle),
      opened: sum(({ opened }) => opened),
      waiting: sum(({ waiting }) => waiting),
      busy: sum(({ checking, closing, leased, opening, resetting, waiting }) =>
        checking + closing + leased + opening + resetting + waiting
      )
    }
  })

/** Nobody has a connection any more, and nothing is being done with one. */
export const rests = (client: Client) =>
  until(
    "the pool is at rest",
    Effect.map(totals(client), ({ busy }) => busy === 0)
  )

/** Runs a test of the suite. */
export type Test<R> = (
  name: string,
  run: Effect.Effect<unknown, unknown, Scope.Scope | Reactivity.Reactivity | R>
) => void

export const testOf = <R>(it: Vitest.MethodsNonLive<R, boolean>): Test<R> => (name, run) =>
  it.scoped(name, () => Effect.provide(run, Reactivity.layer) as Effect.Effect<unknown, unknown, Scope.Scope | R>)
