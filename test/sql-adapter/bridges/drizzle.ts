/** Drizzle: its queries are statements of the client, and in its transactions. */
import * as Mysql from "@effect/sql-drizzle/Mysql"
import * as Pg from "@effect/sql-drizzle/Pg"
import * as Sqlite from "@effect/sql-drizzle/Sqlite"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { expect } from "@effect/vitest"
import * as Drizzle from "drizzle-orm"
import type * as DrizzleTypes from "drizzle-orm" with { "resolution-mode": "require" }
import * as MysqlCore from "drizzle-orm/mysql-core"
import type * as MysqlTypes from "drizzle-orm/mysql-core" with { "resolution-mode": "require" }
import * as PgCore from "drizzle-orm/pg-core"
import type * as PgTypes from "drizzle-orm/pg-core" with { "resolution-mode": "require" }
import * as SqliteCore from "drizzle-orm/sqlite-core"
import type * as SqliteTypes from "drizzle-orm/sqlite-core" with { "resolution-mode": "require" }
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ids, insert, table } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Dialect, Subject, Test } from "./subject.js"
import { recorded } from "./subject.js"

// @effect/sql-drizzle makes Effects of the types of Drizzle's CommonJS build. What runs is the other one.
const D = Drizzle as unknown as typeof DrizzleTypes
const M = MysqlCore as unknown as typeof MysqlTypes
const P = PgCore as unknown as typeof PgTypes
const S = SqliteCore as unknown as typeof SqliteTypes

interface Row {
  readonly id: number
  readonly text: string | null
}

/** What the tests ask Drizzle for: its tables and databases are of other types for each dialect. */
interface Rows {
  readonly all: Effect.Effect<ReadonlyArray<Row>, SqlError>
  readonly write: (...rows: ReadonlyArray<Row>) => Effect.Effect<unknown, SqlError>
  readonly change: (id: number, text: string) => Effect.Effect<unknown, SqlError>
  readonly remove: (id: number) => Effect.Effect<unknown, SqlError>
  /** Drizzle's own way to find rows. */
  readonly find: (id: number) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  /** A query that has this text in it. */
  readonly having: (text: DrizzleTypes.SQL<number>) => Effect.Effect<unknown, SqlError>
}

const pg = (name: string) =>
  Effect.gen(function*() {
    const t = P.pgTable(name, { id: P.integer("id").primaryKey(), text: P.varchar("some_text") })
    const db = yield* Pg.make({ schema: { t } })
    const rows: Rows = {
      all: db.select().from(t).orderBy(t.id),
      write: (...rows) => db.insert(t).values([...rows]),
      change: (id, text) => db.update(t).set({ text }).where(D.eq(t.id, id)),
      remove: (id) => db.delete(t).where(D.eq(t.id, id)),
      find: (id) => db.query.t.findMany({ where: D.eq(t.id, id) }),
      having: (text) => db.select({ n: text }).from(t)
    }
    return rows
  })

const mysql = (name: string) =>
  Effect.gen(function*() {
    const t = M.mysqlTable(name, { id: M.int("id").primaryKey(), text: M.varchar("some_text", { length: 100 }) })
    const db = yield* Mysql.make({ schema: { t } })
    const rows: Rows = {
      all: db.select().from(t).orderBy(t.id),
      write: (...rows) => db.insert(t).values([...rows]),
      change: (id, text) => db.update(t).set({ text }).where(D.eq(t.id, id)),
      remove: (id) => db.delete(t).where(D.eq(t.id, id)),
      find: (id) => db.query.t.findMany({ where: D.eq(t.id, id) }),
      having: (text) => db.select({ n: text }).from(t)
    }
    return rows
  })

const sqlite = (name: string) =>
  Effect.gen(function*() {
    const t = S.sqliteTable(name, { id: S.integer("id").primaryKey(), text: S.text("some_text") })
    const db = yield* Sqlite.make({ schema: { t } })
    const rows: Rows = {
      all: db.select().from(t).orderBy(t.id),
      write: (...rows) => db.insert(t).values([...rows]),
      change: (id, text) => db.update(t).set({ text }).where(D.eq(t.id, id)),
      remove: (id) => db.delete(t).where(D.eq(t.id, id)),
      find: (id) => db.query.t.findMany({ where: D.eq(t.id, id) }),
      having: (text) => db.select({ n: text }).from(t)
    }
    return rows
  })

const rowsOf: Record<Dialect, (name: string) => Effect.Effect<Rows, never, SqlClient.SqlClient>> = { pg, mysql, sqlite }

const subject = (dialect: Dialect) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const name = yield* table(sql)
    return { sql, name, rows: yield* rowsOf[dialect](name) }
  })

const row = (id: number): Row => ({ id, text: `row ${id}` })

export const drizzle = <P, R>(test: Test<P, R>, { dialect, isRunningSlow, slow }: Subject<P, R>): void => {
  test(
    "Drizzle: inserts, selects, updates, deletes and finds, each with one statement",
    Effect.gen(function*() {
      const { rows } = yield* subject(dialect)
      const { texts } = yield* recorded(Effect.gen(function*() {
        yield* rows.write(row(1), row(2))
        yield* rows.change(1, "it's")
        yield* rows.remove(2)
        expect(yield* rows.all).toEqual([{ id: 1, text: "it's" }])
        expect(yield* rows.find(1)).toEqual([{ id: 1, text: "it's" }])
        expect(yield* rows.find(2)).toEqual([])
      }))
      expect(texts.map((text) => text.split(" ")[0])).toEqual([
        "insert",
        "update",
        "delete",
        "select",
        "select",
        "select"
      ])
    })
  )

  test(
    "Drizzle: its queries are in the client's transaction, and are rolled back with it",
    Effect.gen(function*() {
      const { name, rows, sql } = yield* subject(dialect)
      const exit = yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        yield* rows.write(row(2))
        expect(yield* rows.all).toEqual([row(1), row(2)])
        yield* Effect.exit(sql.withTransaction(Effect.zipRight(rows.write(row(3)), Effect.fail("no"))))
        expect(yield* rows.all).toEqual([row(1), row(2)])
        return yield* Effect.fail("no")
      })))
      expect(exit).toEqual(Exit.fail("no"))
      expect(yield* rows.all).toEqual([])
      yield* sql.withTransaction(Effect.zipRight(rows.write(row(4)), insert(sql, name, 5)))
      expect(yield* rows.all).toEqual([row(4), row(5)])
    })
  )

  test(
    "Drizzle: of queries in a transaction and beside it at the same time, each is where it belongs",
    Effect.gen(function*() {
      const { rows, sql } = yield* subject(dialect)
      const written = yield* Deferred.make<void>()
      const looked = yield* Deferred.make<void>()
      const inside = sql.withTransaction(
        Effect.gen(function*() {
          yield* rows.write(row(1))
          yield* Deferred.succeed(written, undefined)
          const all = yield* Effect.all(Array.from({ length: 10 }, () => rows.all), { concurrency: "unbounded" })
          yield* Deferred.await(looked)
          return all
        })
      )
      const beside = Deferred.await(written).pipe(
        Effect.zipRight(Effect.all(Array.from({ length: 10 }, () => rows.all), { concurrency: "unbounded" })),
        Effect.zipLeft(Deferred.succeed(looked, undefined))
      )
      const [seen, unseen] = yield* Effect.all([inside, beside], { concurrency: 2 })
      expect(seen).toEqual(Array.from({ length: 10 }, () => [row(1)]))
      expect(unseen).toEqual(Array.from({ length: 10 }, () => []))
    })
  )

  test(
    "Drizzle: a query that fails is a SqlError",
    Effect.gen(function*() {
      const { rows, sql } = yield* subject(dialect)
      const error = yield* Effect.flip(sql.withTransaction(Effect.zipRight(rows.write(row(1)), rows.write(row(1)))))
      expect(error._tag).toBe("SqlError")
      expect(yield* rows.all).toEqual([])
    })
  )

  test(
    "Drizzle: a query whose transaction is interrupted is stopped, and nothing is left",
    Effect.gen(function*() {
      const { name, rows, sql } = yield* subject(dialect)
      yield* insert(sql, name, 1)
      const query = rows.having(D.sql.raw(`(${slow})`) as DrizzleTypes.SQL<number>)
      const fiber = yield* Effect.fork(sql.withTransaction(Effect.zipRight(rows.write(row(2)), query)))
      yield* until("it runs", isRunningSlow)
      yield* Fiber.interrupt(fiber)
      yield* until("it was stopped", Effect.map(isRunningSlow, (running) => !running))
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )
}
