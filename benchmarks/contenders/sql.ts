/** Who asks a PostgreSQL server. Each use is one query; what is done with the connection is the query. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import pg from "pg"
import postgres from "postgres"
import { url } from "../measure/url.js"
import type { Contender, EffectContender, PromiseContender, Use } from "../model.js"
import { canAll, Connection } from "../model.js"

const text = "select $1::int as n"
const connection = new Connection()

export const pooled = "Cenote `pool.use`"
export const statement = "Cenote `sql` statement"
export const pooledPipelined = "Cenote `pool.use`, pipelined"
export const pipelined = "Cenote `sql` statement, pipelined"
export const theirs = "@effect/sql-pg `sql` statement"
export const pgPool = "pg.Pool"
export const postgresJs = "postgres.js"
export const raw = "pg, held connections in turn"

const effect = (name: string, make: EffectContender["make"]): EffectContender => ({
  _tag: "Effect",
  name,
  role: "Sql",
  can: canAll,
  make
})

const promises = (name: string, make: PromiseContender["make"]): PromiseContender => ({
  _tag: "Promise",
  name,
  role: "Sql",
  can: canAll,
  make
})

const asked = (sql: SqlClient.SqlClient): Use => (body) =>
  Effect.zipRight(sql`select ${1}::int as n`, Effect.suspend(() => body(connection)))

export const contenders: ReadonlyArray<Contender> = [
  effect(pooled, ({ maxSize }) =>
    Effect.map(
      ConnectionPool.make({ connector: PgConnector.make({ url: Redacted.make(url()) }), maxSize }),
      (pool): Use => (body) =>
        Effect.zipRight(
          pool.use((client) => client.query(text, [1])),
          Effect.suspend(() => body(connection))
        )
    )),
  effect(
    statement,
    ({ maxSize }) =>
      Effect.map(PgPool.make({ connection: { url: Redacted.make(url()) }, maxSize }), asked).pipe(
        Effect.provide(Reactivity.layer)
      )
  ),
  effect(pooledPipelined, ({ maxSize }) =>
    Effect.map(
      ConnectionPool.make({
        connector: PgConnector.make({ url: Redacted.make(url()), pipeline: true }),
        maxSize,
        concurrency: 100
      }),
      (pool): Use => (body) =>
        Effect.zipRight(
          pool.use((client) => client.query(text, [1])),
          Effect.suspend(() => body(connection))
        )
    )),
  effect(
    pipelined,
    ({ maxSize }) =>
      Effect.map(PgPool.make({ connection: { url: Redacted.make(url()) }, maxSize, pipeline: true }), asked).pipe(
        Effect.provide(Reactivity.layer)
      )
  ),
  effect(
    theirs,
    ({ maxSize }) =>
      Effect.map(PgClient.make({ url: Redacted.make(url()), maxConnections: maxSize }), asked).pipe(
        Effect.provide(Reactivity.layer)
      )
  ),
  promises(pgPool, ({ maxSize }) =>
    Effect.sync(() => {
      const pool = new pg.Pool({ connectionString: url(), max: maxSize })
      return {
        acquire: async () => {
          await pool.query(text, [1])
          return connection
        },
        release: () => {}
      }
    })),
  promises(postgresJs, ({ maxSize }) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => postgres(url(), { max: maxSize })),
        (sql) => Effect.promise(() => sql.end())
      ),
      (sql) => ({
        acquire: async () => {
          await sql`select ${1}::int as n`
          return connection
        },
        release: () => {}
      })
    )),
  promises(raw, ({ maxSize }) =>
    Effect.promise(async () => {
      const clients = Array.from({ length: maxSize }, () => new pg.Client({ connectionString: url() }))
      await Promise.all(clients.map((client) => client.connect()))
      let turn = 0
      return {
        acquire: async () => {
          await clients[turn++ % clients.length]!.query(text, [1])
          return connection
        },
        release: () => {}
      }
    }))
]
