/** Statements, what they are built of and what they answer. */
import type { SqlError } from "@effect/sql/SqlError"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as String from "effect/String"

import type { Subject, Test } from "./subject.js"
import { causeOf, insert, table, tagOf, totals } from "./subject.js"

export const statements = <R>(test: Test<R>, { make }: Subject<R>): void => {
  test(
    "builds statements with the helpers of @effect/sql",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql`insert into ${sql(name)} ${sql.insert([{ id: 1, some_text: "a" }, { id: 2, some_text: "b" }])}`
      yield* insert(sql, name, 3)
      yield* sql`update ${sql(name)} set ${sql.update({ some_text: "c" })} where id = ${2}`
      const rows = yield* sql`select id, some_text from ${sql(name)} where ${
        sql.and([sql`id > ${1}`, sql.in("id", [1, 2, 3])])
      } order by id`
      expect(rows.map((row) => ({ ...row }))).toEqual([{ id: 2, some_text: "c" }, { id: 3, some_text: "row 3" }])
    })
  )

  test(
    "gives values as arrays, and what the driver answered",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* insert(sql, name, 1)
      expect(yield* sql`select id, some_text from ${sql(name)}`.values).toEqual([[1, "row 1"]])
      expect(yield* sql`select id from ${sql(name)}`.unprepared).toEqual([{ id: 1 }])
      expect(yield* sql`select id from ${sql(name)}`.raw).toBeTypeOf("object")
    })
  )

  test(
    "transforms names in both directions, unless it is told not to",
    Effect.gen(function*() {
      const sql = yield* make({
        transformQueryNames: String.camelToSnake,
        transformResultNames: String.snakeToCamel
      })
      const name = yield* table(sql.withoutTransforms())
      yield* sql`insert into ${sql(name)} ${sql.insert({ id: 1, someText: "a" })}`
      expect(yield* sql`select * from ${sql(name)}`).toEqual([{ id: 1, someText: "a" }])
      expect(yield* sql`select * from ${sql(name)}`.withoutTransform).toEqual([{ id: 1, some_text: "a" }])
      const plain = sql.withoutTransforms()
      expect(yield* plain`select some_text from ${plain(name)}`).toEqual([{ some_text: "a" }])
      expect([...(yield* Stream.runCollect(sql`select some_text from ${sql(name)}`.stream))]).toEqual([{
        someText: "a"
      }])
    })
  )

  test(
    "fails with a SqlError that has the driver's error in it, and the connection stays good",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      yield* sql`select 1`
      const { opened } = yield* totals(sql)
      const exit = yield* Effect.exit(sql`select nonsense from nowhere`)
      expect((Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as SqlError)._tag).toBe("SqlError")
      expect(tagOf(exit)).toMatch(/QueryError$/)
      yield* sql`select 1`
      expect((yield* totals(sql)).opened).toBe(opened)
    })
  )

  test(
    "a value that the driver cannot encode is a typed failure, and the connection stays good",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      yield* sql`select 1`
      const { opened } = yield* totals(sql)
      const circular: Record<string, unknown> = {}
      circular.self = circular
      const exit = yield* Effect.exit(sql`select ${circular as never} as n`)
      expect(causeOf(exit)).toMatchObject({ reason: "Client" })
      const late = yield* Effect.exit(Stream.runDrain(sql`select ${circular as never} as n`.stream))
      expect(causeOf(late)).toMatchObject({ reason: "Client" })
      yield* sql`select 1`
      expect((yield* totals(sql)).opened).toBe(opened)
    })
  )
}
