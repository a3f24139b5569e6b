/** Who is compared: pools of the same size, each as its users have it. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as Effect from "effect/Effect"
import * as Pool from "effect/Pool"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import pg from "pg"
import postgres from "postgres"

export const maxSize = 20

const text = "select pg_sleep(0.005)"

/** Asks the server once. */
export type Ask = Effect.Effect<unknown, unknown>

export interface Contender {
  readonly name: string
  readonly make: (url: string) => Effect.Effect<Ask, unknown, Scope.Scope>
}

export const contenders: ReadonlyArray<Contender> = [
  {
    name: "Cenote",
    make: (url) =>
      Effect.map(
        ConnectionPool.make({ connector: PgConnector.make({ url: Redacted.make(url) }), maxSize }),
        (pool) => pool.use((client) => client.query(text))
      )
  },
  {
    name: "Cenote, `whenDown: \"wait\"`",
    make: (url) =>
      Effect.map(
        ConnectionPool.make({ connector: PgConnector.make({ url: Redacted.make(url) }), maxSize, whenDown: "wait" }),
        (pool) => pool.use((client) => client.query(text))
      )
  },
  {
    name: "pg.Pool",
    make: (url) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => {
            const pool = new pg.Pool({ connectionString: url, max: maxSize })
            // Without somebody who listens, a connection that is lost while idle ends the process.
            pool.on("error", () => {})
            return pool
          }),
          (pool) => Effect.promise(() => pool.end())
        ),
        (pool) => Effect.tryPromise(() => pool.query(text))
      )
  },
  {
    name: "Effect's Pool over pg",
    make: (url) =>
      Effect.map(
        Pool.make({
          size: maxSize,
          acquire: Effect.acquireRelease(
            Effect.tryPromise(async () => {
              const client = new pg.Client({ connectionString: url })
              client.on("error", () => {})
              await client.connect()
              return client
            }),
            (client) => Effect.ignore(Effect.tryPromise(() => client.end()))
          )
        }),
        (pool) =>
          Effect.scoped(
            Effect.flatMap(
              pool.get,
              (client) => Effect.tapError(Effect.tryPromise(() => client.query(text)), () => pool.invalidate(client))
            )
          )
      )
  },
  {
    name: "postgres.js",
    make: (url) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => postgres(url, { max: maxSize })),
          (sql) => Effect.promise(() => sql.end({ timeout: 1 }))
        ),
        (sql) => Effect.tryPromise(() => sql.unsafe(text))
      )
  }
]
