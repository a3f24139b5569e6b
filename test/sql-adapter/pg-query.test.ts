import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { layer as postgres } from "../support/postgres.js"
import { open, steps } from "./harness.js"

const circular: Record<string, unknown> = {}
circular.self = circular

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A query", (it) => {
  it.scoped("answers rows, their number, the command and the fields", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const result = yield* connection.query<{ n: number; text: string }>(
        "select n, 'row ' || n as text from generate_series(1, $1::int) n",
        [2]
      )
      expect(result.rows).toEqual([{ n: 1, text: "row 1" }, { n: 2, text: "row 2" }])
      expect(result.rowCount).toBe(2)
      expect(result.command).toBe("SELECT")
      expect(result.fields.map(({ name }) => name)).toEqual(["n", "text"])
    }))

  it.scoped("answers with arrays where columns share a name", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const { rows } = yield* connection.query("select 1 as a, 2 as a", [], { rowMode: "array" })
      expect(rows).toEqual([[1, 2]])
    }))

  it.scoped("is prepared once under its name", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (const n of [1, 2, 3]) {
        const { rows } = yield* connection.query("select $1::int as n", [n], { name: "number" })
        expect(rows).toEqual([{ n }])
      }
      const { rows } = yield* connection.query("select name from pg_prepared_statements")
      expect(rows).toEqual([{ name: "number" }])
      // What the driver refuses without asking the server leaves the connection as it was.
      const error = yield* Effect.flip(connection.query("select 2", [], { name: "number" }))
      expect(error.reason).toBe("Client")
      expect((yield* connection.query("select 3 as n")).rows).toEqual([{ n: 3 }])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("of several statements answers the last one's result", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      expect((yield* connection.query("select 1 as a; select 2 as b")).rows).toEqual([{ b: 2 }])
      expect((yield* connection.query("")).command).toBe(null)
    }))

  it.scoped("that the server refuses fails with what it said, and the connection goes on", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create temp table account (id int primary key, balance int check (balance >= 0))")
      yield* connection.query("insert into account values (1, 10)")
      const unique = yield* Effect.flip(connection.query("insert into account values ($1, $2)", [1, 4711]))
      expect(unique).toMatchObject({
        _tag: "PgQueryError",
        reason: "Server",
        sqlState: "23505",
        constraint: "account_pkey",
        table: "account",
        sql: "insert into account values ($1, $2)"
      })
      expect(unique.detail).toContain("already exists")
      expect(JSON.stringify(unique)).not.toContain("4711")
      const syntax = yield* Effect.flip(connection.query("selec 1"))
      expect(syntax).toMatchObject({ sqlState: "42601", position: 1 })
      expect(steps.isBroken(connection)).toBe(false)
      expect((yield* connection.query("select balance from account")).rows).toEqual([{ balance: 10 }])
    }))

  it.scoped("whose parameter cannot be encoded fails alone", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const [refused, next] = yield* Effect.all([
        Effect.exit(connection.query("select $1::json as value", [circular])),
        connection.query("select 1 as one")
      ], { concurrency: 2 })
      expect(Exit.isFailure(refused)).toBe(true)
      expect(next.rows).toEqual([{ one: 1 }])
      expect((yield* connection.query("select 2 as two")).rows).toEqual([{ two: 2 }])
    }))

  it.scoped("whose value cannot be decoded fails alone", () =>
    Effect.gen(function*() {
      const connection = yield* open({
        types: {
          getTypeParser: () => () => {
            throw new Error("no such type")
          }
        } as any
      })
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error.reason).toBe("Client")
      expect((yield* connection.query("select where false")).rows).toEqual([])
    }))

  it.scoped("runs after those that were asked before it, each with its own answer", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const answers = yield* Effect.forEach(
        Array.from({ length: 201 }, (_, n) => n),
        (n) =>
          n % 7 === 3
            ? Effect.orElseSucceed(Effect.as(connection.query("select 1 / 0"), -1), () => n)
            : Effect.map(connection.query<{ n: number }>("select $1::int as n", [n]), ({ rows }) => rows[0]!.n),
        { concurrency: "unbounded" }
      )
      expect(answers).toEqual(Array.from({ length: 201 }, (_, n) => n))
      // The last one has not failed: an error comes before the end of its answer.
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("after the close fails typed", () =>
    Effect.gen(function*() {
      const connection = yield* Effect.scoped(open())
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error.reason).toBe("ConnectionLost")
    }))

  it.scoped("a plain one leaves nothing to reset", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      expect(steps.needsReset(connection)).toBe(false)
      yield* connection.query("select 1")
      expect(steps.needsReset(connection)).toBe(false)
      yield* steps.check(connection)
      expect(steps.needsReset(connection)).toBe(false)
    }))
})
