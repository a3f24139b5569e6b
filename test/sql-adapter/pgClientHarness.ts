import type { Options } from "@cenote/sql-adapter/PgPool"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { Postgres } from "../support/postgres.js"
import { optionsOf } from "./harness.js"

interface Given extends Partial<Omit<Options, "connection">> {
  readonly connection?: PgPool.Options["connection"]
}

export const client = ({ connection, ...options }: Given = {}) =>
  Effect.flatMap(
    Postgres,
    (server) => PgPool.make({ ...options, connection: { ...optionsOf(server), ...(connection as object) } })
  ).pipe(
    Effect.provide(Reactivity.layer)
  )

export type Client = PgPool.Client

/** Its statements share connections. */
export const pipelined = (options: Given = {}) => client({ pipeline: true, ...options })

/** So many at once. */
export const all = <A, E, R>(count: number, each: (n: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(Array.from({ length: count }, (_, n) => n), each, { concurrency: "unbounded" })

/** The session that a statement has. */
export const pid = (sql: Client) => Effect.map(sql<{ pid: number }>`select pg_backend_pid() pid`, ([row]) => row!.pid)

export const failureOf = <E>(exit: Exit.Exit<unknown, E>): { readonly _tag: string; readonly message: string } =>
  (Cause.squash((exit as Exit.Failure<unknown, E>).cause) as SqlError).cause as never
