/** Who is compared: one handler on several pools of the same size. */
import type { Overload } from "@cenote/core/PoolOptions"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import pg from "pg"
import postgres from "postgres"

export const maxSize = 10

/** How long the server takes for what a handler asks, in milliseconds. */
export const work = 50

/** A timeout for those that have one for the wait: half of what callers wait, so that who is served then is served in time. */
const timeout = 500

/** In a transaction: begin, this, commit. */
const text = `select pg_sleep(${work / 1_000})`

export type Contender =
  /** A caller that leaves interrupts its handler, as a server of @effect/platform does when a client hangs up. */
  | {
    readonly _tag: "Effect"
    readonly name: string
    readonly make: (url: string) => Effect.Effect<Effect.Effect<unknown, unknown>, unknown, Scope.Scope>
  }
  /** Async functions cannot be interrupted: a caller that leaves does not hear the answer. */
  | {
    readonly _tag: "Promise"
    readonly name: string
    readonly make: (url: string) => Effect.Effect<() => Promise<unknown>, unknown, Scope.Scope>
  }

const handler = (sql: SqlClient): Effect.Effect<unknown, unknown> => sql.withTransaction(sql.unsafe(text))

/** Also asks `pg` clients without a pool. */
export const transact = async (client: pg.ClientBase): Promise<unknown> => {
  await client.query("begin")
  try {
    const result = await client.query(text)
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback")
    throw error
  }
}

const cenote = (name: string, tuning: Omit<PgPool.Options, "connection">): Contender => ({
  _tag: "Effect",
  name,
  make: (url) =>
    PgPool.make({ ...tuning, connection: { url: Redacted.make(url) }, maxSize }).pipe(
      Effect.map(handler),
      Effect.provide(Reactivity.layer)
    )
})

const pgPool = (name: string, config: pg.PoolConfig): Contender => ({
  _tag: "Promise",
  name,
  make: (url) =>
    Effect.sync(() => {
      const pool = new pg.Pool({ ...config, connectionString: url, max: maxSize })
      pool.on("error", () => {})
      return async () => {
        const client = await pool.connect()
        try {
          return await transact(client)
        } finally {
          client.release()
        }
      }
    })
})

/** The defaults. */
const overload = { target: "50 millis", interval: "1 second" } satisfies Overload

export const controlled = "Cenote, `overload`"

export const contenders: ReadonlyArray<Contender> = [
  cenote(controlled, { overload }),
  cenote(`Cenote, \`acquireTimeout\` ${timeout} ms`, { acquireTimeout: timeout }),
  cenote("Cenote", {}),
  {
    _tag: "Effect",
    name: "@effect/sql-pg",
    make: (url) =>
      PgClient.make({ url: Redacted.make(url), maxConnections: maxSize }).pipe(
        Effect.map(handler),
        Effect.provide(Reactivity.layer)
      )
  },
  pgPool(`pg.Pool, \`connectionTimeoutMillis\` ${timeout}`, { connectionTimeoutMillis: timeout }),
  pgPool("pg.Pool", {}),
  {
    _tag: "Promise",
    name: "postgres.js",
    make: (url) =>
      Effect.sync(() => postgres(url, { max: maxSize })).pipe(
        Effect.map((sql) => () => sql.begin((sql) => sql.unsafe(text)))
      )
  }
]

const refusals: ReadonlyArray<unknown> = ["PoolRefused", "AcquireTimeout"]

/** Whether an error says that the pool has no connection for the caller. */
export const isRefusal = (error: unknown): boolean => {
  if (typeof error !== "object" || error === null) return false
  const { _tag, cause, message } = error as { readonly [Field in "_tag" | "cause" | "message"]?: unknown }
  return refusals.includes(_tag) || message === "timeout exceeded when trying to connect" || isRefusal(cause)
}
