/** SqlSchema: requests and results that have a schema. */
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlSchema from "@effect/sql/SqlSchema"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ids, insert, table, tagOf } from "../conformance/subject.js"
import type { Test } from "./subject.js"
import { recorded } from "./subject.js"

/** Numbers that the database may not have. */
const Id = Schema.Int.pipe(Schema.positive())

const Row = Schema.Struct({ id: Schema.Int, some_text: Schema.String.pipe(Schema.startsWith("row")) })

/** A table of four rows, the last of which is none that the schema knows. */
const rows = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const name = yield* table(sql)
  for (const id of [1, 2, 3]) yield* insert(sql, name, id)
  yield* sql`insert into ${sql(name)} ${sql.insert({ id: 4, some_text: "nonsense" })}`
  const execute = (id: number) => sql`select id, some_text from ${sql(name)} where id >= ${id} order by id`
  return { sql, name, execute, options: { Request: Id, Result: Row, execute } }
})

export const schemas = <P, R>(test: Test<P, R>): void => {
  test(
    "SqlSchema: findAll, findOne, single and void encode what they are asked and decode what is answered",
    Effect.gen(function*() {
      const { name, sql } = yield* rows
      const execute = (ids: ReadonlyArray<string>) =>
        sql`select id, some_text from ${sql(name)} where ${sql.in("id", ids.map(Number))} order by id`
      const options = { Request: Schema.Array(Schema.NumberFromString), Result: Row, execute }
      const row = (id: number) => ({ id, some_text: `row ${id}` })
      expect(yield* SqlSchema.findAll(options)([1, 3])).toEqual([row(1), row(3)])
      expect(yield* SqlSchema.findAll(options)([7])).toEqual([])
      expect(yield* SqlSchema.findOne(options)([2])).toEqual(Option.some(row(2)))
      expect(yield* SqlSchema.findOne(options)([7])).toEqual(Option.none())
      expect(yield* SqlSchema.single(options)([2])).toEqual(row(2))
      expect(yield* Effect.flip(SqlSchema.single(options)([7]))).toMatchObject({ _tag: "NoSuchElementException" })
      const remove = SqlSchema.void({ Request: Id, execute: (id) => sql`delete from ${sql(name)} where id = ${id}` })
      expect(yield* remove(4)).toBeUndefined()
      expect(yield* ids(sql, name)).toEqual([1, 2, 3])
    })
  )

  test(
    "SqlSchema: what cannot be encoded is a ParseError, and no statement is asked for",
    Effect.gen(function*() {
      const { execute, options } = yield* rows
      for (
        const ask of [
          SqlSchema.findAll(options),
          SqlSchema.findOne(options),
          SqlSchema.single(options),
          SqlSchema.void({ Request: Id, execute })
        ]
      ) {
        const { texts, value } = yield* recorded(Effect.flip<unknown, unknown, never>(ask(-1)))
        expect(value).toMatchObject({ _tag: "ParseError" })
        expect(texts).toEqual([])
      }
    })
  )

  test(
    "SqlSchema: what cannot be decoded is a ParseError that says where",
    Effect.gen(function*() {
      const { options } = yield* rows
      const error = yield* Effect.flip(SqlSchema.findAll(options)(3))
      expect(error).toMatchObject({ _tag: "ParseError" })
      expect(error.message).toContain("[1]")
      expect(error.message).toContain("some_text")
      expect(yield* Effect.flip(SqlSchema.findOne(options)(4))).toMatchObject({ _tag: "ParseError" })
      expect(yield* Effect.flip(SqlSchema.single(options)(4))).toMatchObject({ _tag: "ParseError" })
      // Those that are not asked for are not decoded.
      expect((yield* SqlSchema.single(options)(3)).id).toBe(3)
    })
  )

  test(
    "SqlSchema: a ParseError in a transaction rolls it back, and a statement's failure stays a SqlError",
    Effect.gen(function*() {
      const { name, options, sql } = yield* rows
      const exit = yield* Effect.exit(
        sql.withTransaction(Effect.zipRight(insert(sql, name, 5), SqlSchema.single(options)(4)))
      )
      expect(Exit.isFailure(exit)).toBe(true)
      expect(yield* ids(sql, name)).toEqual([1, 2, 3, 4])
      const failing = SqlSchema.findAll({ ...options, execute: () => sql`select nonsense from nowhere` })
      expect(tagOf(yield* Effect.exit(failing(1)))).toMatch(/QueryError$/)
    })
  )
}
