/** Kysely: its queries are statements of the client, and in its transactions. */
import * as Mysql from "@effect/sql-kysely/Mysql"
import * as Pg from "@effect/sql-kysely/Pg"
import * as Sqlite from "@effect/sql-kysely/Sqlite"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { ids, insert, table, tagOf } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Dialect, Subject, Test } from "./subject.js"
import { recorded } from "./subject.js"

interface Tables {
  readonly [name: string]: { readonly id: number; readonly some_text: string | null }
}

const make = (dialect: Dialect) => {
  switch (dialect) {
    case "pg":
      return Pg.make<Tables>()
    case "mysql":
      return Mysql.make<Tables>()
    case "sqlite":
      return Sqlite.make<Tables>()
  }
}

const subject = (dialect: Dialect) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    return { sql, db: yield* make(dialect), name: yield* table(sql) }
  })

export const kysely = <P, R>(test: Test<P, R>, { dialect, isRunningSlow, slow }: Subject<P, R>): void => {
  test(
    "Kysely: inserts, selects, updates and deletes, each with one statement",
    Effect.gen(function*() {
      const { db, name, sql } = yield* subject(dialect)
      const { texts } = yield* recorded(Effect.gen(function*() {
        yield* db.insertInto(name).values([{ id: 1, some_text: "a" }, { id: 2, some_text: "it's" }])
        yield* db.updateTable(name).set({ some_text: "c" }).where("id", "=", 1)
        expect(yield* db.selectFrom(name).select(["id", "some_text"]).where("id", "in", [1, 2]).orderBy("id")).toEqual([
          { id: 1, some_text: "c" },
          { id: 2, some_text: "it's" }
        ])
        yield* db.deleteFrom(name).where("some_text", "=", "it's")
      }))
      expect(texts.map((text) => text.split(" ")[0])).toEqual(["insert", "update", "select", "delete"])
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    "Kysely: changes the schema",
    Effect.gen(function*() {
      const { db, name } = yield* subject(dialect)
      yield* db.schema.alterTable(name).addColumn("more", "integer", (column) => column.defaultTo(7))
      yield* db.insertInto(name).values({ id: 1, some_text: "a" })
      expect(yield* db.selectFrom(name).selectAll()).toEqual([{ id: 1, some_text: "a", more: 7 }])
    })
  )

  test(
    "Kysely: its queries are in the client's transaction and in its own, and are rolled back with it",
    Effect.gen(function*() {
      const { db, name, sql } = yield* subject(dialect)
      const seen = Effect.map(db.selectFrom(name).select("id").orderBy("id"), (rows) => rows.map(({ id }) => id))
      const write = (id: number) => db.insertInto(name).values({ id, some_text: null })
      for (const withTransaction of [sql.withTransaction, db.withTransaction]) {
        const exit = yield* Effect.exit(withTransaction(Effect.gen(function*() {
          yield* insert(sql, name, 1)
          yield* write(2)
          expect(yield* seen).toEqual([1, 2])
          // A savepoint.
          yield* Effect.exit(withTransaction(Effect.zipRight(write(3), Effect.fail("no"))))
          expect(yield* seen).toEqual([1, 2])
          return yield* Effect.fail("no")
        })))
        expect(exit).toEqual(Exit.fail("no"))
        expect(yield* seen).toEqual([])
      }
      yield* db.withTransaction(Effect.zipRight(write(4), insert(sql, name, 5)))
      expect(yield* seen).toEqual([4, 5])
    })
  )

  test(
    "Kysely: a query that fails is a SqlError, and one that is interrupted is stopped",
    Effect.gen(function*() {
      const { db, name, sql } = yield* subject(dialect)
      const duplicate = Effect.all([1, 1].map((id) => db.insertInto(name).values({ id, some_text: null })))
      expect(tagOf(yield* Effect.exit(sql.withTransaction(duplicate)))).toMatch(/QueryError$/)
      expect(yield* ids(sql, name)).toEqual([])
      const fiber = yield* Effect.fork(db.withTransaction(Effect.zipRight(insert(sql, name, 1), sql.unsafe(slow))))
      yield* until("it runs", isRunningSlow)
      yield* Fiber.interrupt(fiber)
      yield* until("it was stopped", Effect.map(isRunningSlow, (running) => !running))
      expect(yield* db.selectFrom(name).selectAll()).toEqual([])
    })
  )
}
