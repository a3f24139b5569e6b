/** Names, keys and options that look like SQL, wherever an adapter writes SQL itself: they are what they are, or are refused. */
import * as PgActivity from "@cenote/sql-adapter/PgActivity"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import * as Reactivity from "@effect/experimental/Reactivity"
import type * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { optionsOf, until } from "../sql-adapter/harness.js"
import { layer as postgres, Postgres } from "../support/postgres.js"

/** Ends whatever it is put into, and drops a table then. */
const hostile = `x"'\`]) */; drop table precious; --`

const client = (options: Partial<PgPool.Options> = {}) =>
  Effect.flatMap(Postgres, (server) => PgPool.make({ connection: optionsOf(server), ...options })).pipe(
    Effect.provide(Reactivity.layer)
  )

const isThere = (sql: SqlClient.SqlClient) =>
  Effect.map(sql`select count(*) as rows from precious`, ([row]) => expect(Number(row!.rows)).toBe(0))

/** The message of the defect that it dies of. */
const dies = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit) || !Cause.isDie(exit.cause)) return expect.unreachable()
    return String(Cause.squash(exit.cause))
  })

const noLevel = { isolation: `serializable; drop table precious; --` as "serializable" }

/** Names in statements that the client writes. */
const names = (sql: SqlClient.SqlClient) =>
  Effect.gen(function*() {
    yield* sql`create table if not exists precious (id int)`
    yield* sql`create table ${sql(hostile)} (${sql(hostile)} int)`
    yield* sql`insert into ${sql(hostile)} ${sql.insert({ [hostile]: 3 })}`
    yield* sql`update ${sql(hostile)} set ${sql.update({ [hostile]: 4 })} where ${sql(hostile)} = 3`
    expect(yield* sql`select ${sql(hostile)} from ${sql(hostile)} where ${sql.in(hostile, [4])}`).toEqual([
      { [hostile]: 4 }
    ])
    expect(yield* sql`select ${hostile} as text`).toEqual([{ text: hostile }])
    yield* sql`drop table ${sql(hostile)}`
    yield* isThere(sql)
  })

const withPrecious = Layer.tap(
  postgres(),
  (context) => Context.get(context, Postgres).query("create table precious (id int)")
)

layer(withPrecious, { excludeTestServices: true, timeout: 60_000 })("On PostgreSQL", (it) => {
  it.scoped("names of tables and columns are names", () => Effect.flatMap(client(), names))

  it.scoped("an application's name is a name, and its sessions are found by it", () =>
    Effect.gen(function*() {
      const options = { ...optionsOf(yield* Postgres), applicationName: hostile }
      const { processId } = yield* PgConnector.make(options).open
      const sessions = yield* yield* PgActivity.make(options)
      expect(sessions.map(({ pid }) => pid)).toEqual([processId])
      yield* isThere(yield* client())
    }))

  it.scoped("a channel is a name, and what is heard on it a text", () =>
    Effect.gen(function*() {
      const sql = yield* client()
      const server = yield* Postgres
      const heard = yield* Effect.fork(Stream.runHead(sql.listen(hostile)))
      const listening = server.query("select 1 from pg_stat_activity where state = 'idle' and query like 'LISTEN%'")
      yield* until("somebody listens", Effect.map(listening, (rows) => rows.length > 0))
      yield* sql.notify(hostile, hostile)
      expect(yield* Fiber.join(heard)).toMatchObject({ value: hostile })
      yield* isThere(sql)
    }))

  it.scoped("a session's settings are names and values", () =>
    Effect.gen(function*() {
      const sql = yield* client()
      const setting = sql<{ value: string }>`select current_setting('app.tenant') as value`
      const nested = sql.withSession({ "app.tenant": `${hostile} 2` })(setting)
      const both = sql.withSession({ "app.tenant": hostile })(Effect.all([setting, nested, setting]))
      expect((yield* both).map(([row]) => row!.value)).toEqual([hostile, `${hostile} 2`, hostile])
      const refused = yield* Effect.flip(sql.withSession({ [hostile]: "x" })(Effect.void))
      const { reason, sqlState } = (refused as SqlError).cause as PgConnector.PgQueryError
      expect([reason, sqlState]).toEqual(["Server", "42704"])
      yield* isThere(sql)
    }))

  it.scoped("an isolation level is one of four, for a client and for a connection", () =>
    Effect.gen(function*() {
      const sql = yield* client({ maxSize: 1 })
      expect(yield* dies(sql.transaction(noLevel)(Effect.void))).toContain("isolation must be one of")
      expect(yield* dies(sql.transaction({ isolation: "constructor" as never })(Effect.void))).toContain("isolation")
      const own = sql.pool.use((connection) => connection.withTransaction(Effect.void, noLevel))
      expect(yield* dies(own)).toContain("isolation must be one of")
      // The connection is as good as before.
      yield* sql.transaction({ isolation: "serializable" })(isThere(sql))
      yield* sql.pool.use((connection) => connection.withTransaction(connection.query("select 1"), { readOnly: true }))
      expect(yield* sql.pool.stats).toMatchObject({ opened: 1, leased: 0 })
    }))

  it.scoped("a span from elsewhere is in no comment, if its ids are not hexadecimal", () =>
    Effect.gen(function*() {
      const sql = yield* client({ traceComments: true })
      const text = sql<{ query: string }>`select query from pg_stat_activity where pid = pg_backend_pid()`
      const of = (traceId: string) =>
        Effect.map(
          Effect.withParentSpan(text, Tracer.externalSpan({ traceId, spanId: "b".repeat(16) })),
          ([row]) => row!.query
        )
      expect(yield* of("a".repeat(32))).toContain(`/*traceparent='00-${"a".repeat(32)}`)
      expect(yield* of(hostile)).not.toContain("/*")
      yield* isThere(sql)
    }))
})

describe("On SQLite", () => {
  it.scopedLive("names of tables and columns are names", () =>
    Effect.flatMap(SqlitePool.make({ connection: { filename: ":memory:" } }), names).pipe(
      Effect.provide(Reactivity.layer)
    ))

  const wrong: Record<string, object> = {
    journalMode: { journalMode: `wal; ${hostile}` },
    synchronous: { synchronous: `normal; ${hostile}` },
    foreignKeys: { foreignKeys: `on; ${hostile}` }
  }
  for (const [option, options] of Object.entries(wrong)) {
    it.scopedLive(`${option} is one of those that there are`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SqliteConnector.make({ filename: ":memory:", ...options }).open)
        expect(error).toMatchObject({ reason: "Configuration" })
        expect(error.message).toContain(option)
      }))
  }
})
