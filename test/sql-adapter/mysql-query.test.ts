import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import mysql from "mysql2"
import { suite } from "../support/mysql.js"
import { open, steps } from "./mysqlHarness.js"

const circular: Record<string, unknown> = {}
circular.self = circular

const throwing = {
  toString: () => {
    throw new Error("hunter2")
  }
}

suite("query", "A query", (it) => {
  it.scoped("answers rows and fields", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const result = yield* connection.query<{ n: number; text: string }>(
        "select seq as n, concat('row ', seq) as text from seq_1_to_2 where seq <= ?",
        [2]
      )
      expect(result.rows).toEqual([{ n: 1, text: "row 1" }, { n: 2, text: "row 2" }])
      expect(result.fields.map(({ name }) => name)).toEqual(["n", "text"])
      expect(result).toMatchObject({ affectedRows: 0, changedRows: 0, insertId: 0, warnings: 0 })
      expect((yield* connection.query("select 1 / 0 as n")).warnings).toBe(1)
    }))

  it.scoped("answers what it has changed", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table changed (id bigint unsigned primary key auto_increment, n int)")
      const inserted = yield* connection.query("insert into changed (n) values (1), (2)")
      expect(inserted).toMatchObject({ rows: [], affectedRows: 2, insertId: 1 })
      const updated = yield* connection.query("update changed set n = 2")
      expect(updated).toMatchObject({ affectedRows: 2, changedRows: 1, insertId: 0 })
      expect(yield* connection.query("insert ignore into changed values (1, 1)")).toMatchObject({ warnings: 1 })
      const late = yield* connection.query("insert into changed values (9007199254740993, 1)")
      expect(late.insertId).toBe("9007199254740993")
    }))

  it.scoped("answers with arrays where columns share a name", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (const prepare of [false, true]) {
        const { rows } = yield* connection.query("select 1 as a, 2 as a", [], { rowMode: "array", prepare })
        expect(rows).toEqual([[1, 2]])
      }
    }))

  it.scoped("keeps the digits of numbers that no double can hold", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const sql = "select cast(? as signed) as big, cast(? as unsigned) as bigger, 7 as small, ? as text"
      const params = [-9007199254740993n, 18446744073709551615n, "9"]
      for (const prepare of [false, true]) {
        expect((yield* connection.query(sql, params, { prepare })).rows).toEqual([
          { big: "-9007199254740993", bigger: "18446744073709551615", small: 7, text: "9" }
        ])
      }
      const strings = yield* open({ bigintStrings: true, decimalNumbers: true })
      expect((yield* strings.query("select count(*) as small, 1.5 as decimal_")).rows).toEqual([
        { small: "1", decimal_: 1.5 }
      ])
      expect((yield* connection.query("select 1.50 as decimal_")).rows).toEqual([{ decimal_: "1.50" }])
    }))

  it.scoped("sends every kind of parameter as it is, put into the text or apart from it", () =>
    Effect.gen(function*() {
      const connection = yield* open({ timezone: "Z" })
      const text = "it's a \"\\backslash\\\" \0 \n ? -- 🐬"
      const at = new Date("2020-02-29T12:30:45.000Z")
      yield* connection.query(
        "create table kinds (text text, bytes blob, at datetime, yes boolean, number_ double, big bigint unsigned, nothing int)"
      )
      const params = [text, new Uint8Array([0, 39, 92, 255]), at, true, -1.5e-7, 18446744073709551615n, null]
      for (const prepare of [false, true]) {
        yield* connection.query("delete from kinds")
        yield* connection.query("insert into kinds values (?, ?, ?, ?, ?, ?, ?)", params, { prepare })
        const { rows } = yield* connection.query("select * from kinds", [], { prepare })
        expect(rows).toEqual([{
          text,
          bytes: Buffer.from([0, 39, 92, 255]),
          at,
          yes: 1,
          number_: -1.5e-7,
          big: "18446744073709551615",
          nothing: null
        }])
      }
    }))

  it.scoped("takes lists, undefined and raw text where parameters are put into the text", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const { rows } = yield* connection.query("select 2 in (?) as inside, ? as nothing, ? as sum", [
        [1, 2],
        undefined,
        mysql.raw("1 + 1")
      ])
      expect(rows).toEqual([{ inside: 1, nothing: null, sum: 2 }])
      yield* connection.query("create table pairs (a int, b text)")
      yield* connection.query("insert into pairs values ?", [[[1, "a"], [2, "b"]]])
      expect((yield* connection.query("select * from pairs")).rows).toEqual([{ a: 1, b: "a" }, { a: 2, b: "b" }])
    }))

  const unsendable: ReadonlyArray<[string, unknown, RegExp]> = [
    ["a function", () => 1, /of type function/],
    ["a symbol", Symbol("x"), /of type symbol/],
    ["an object", { password: 1 }, /an object: pass its JSON/],
    ["an object that throws", throwing, /an object/],
    ["a circular object", circular, /an object/],
    ["NaN", NaN, /the number NaN/],
    ["an invalid Date", new Date(NaN), /an invalid Date/]
  ]
  for (const [what, value, message] of unsendable) {
    it.scoped(`with ${what} for a parameter fails alone`, () =>
      Effect.gen(function*() {
        const connection = yield* open()
        for (const prepare of [false, true]) {
          const [error, next] = yield* Effect.all([
            Effect.flip(connection.query("select ?, ?", ["hunter2", value], { prepare })),
            connection.query("select 1 as one")
          ], { concurrency: 2 })
          expect(error).toMatchObject({ _tag: "MysqlQueryError", reason: "Client", sql: "select ?, ?" })
          expect(error.message).toMatch(message)
          expect(error.message).toContain("Parameter 2")
          expect(error.message).not.toContain("hunter2")
          expect(next.rows).toEqual([{ one: 1 }])
          expect(steps.isBroken(connection) || steps.needsReset(connection)).toBe(false)
        }
      }))
  }

  it.scoped("with undefined or a list for a parameter fails alone where it is prepared", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (const value of [undefined, [1, 2]]) {
        const error = yield* Effect.flip(connection.query("select ?", [value], { prepare: true }))
        expect(error).toMatchObject({ reason: "Client" })
      }
      expect((yield* connection.query("select ? as one", [1], { prepare: true })).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("keeps as many prepared statements as it may, the ones that were used last", () =>
    Effect.gen(function*() {
      const connection = yield* open({ preparedStatements: 2 })
      const prepared = Effect.map(
        connection.query("show session status where variable_name in ('Com_stmt_prepare', 'Com_stmt_close')"),
        ({ rows }) => rows.map(({ Value }) => Number(Value))
      )
      const ask = (n: number) => connection.query(`select ${n} + ? as n`, [1], { prepare: true })
      for (const n of [1, 2, 1, 2, 1]) yield* ask(n)
      expect(yield* prepared).toEqual([0, 2])
      yield* ask(3)
      yield* ask(1)
      expect(yield* prepared).toEqual([1, 3])
      expect((yield* ask(2)).rows).toEqual([{ n: 3 }])
      expect(yield* prepared).toEqual([2, 4])
    }))

  it.scoped("is one statement: another behind it is refused", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table precious (n int)")
      const error = yield* Effect.flip(connection.query("select 1; drop table precious"))
      expect(error).toMatchObject({ reason: "Server", errno: 1064, code: "ER_PARSE_ERROR" })
      expect((yield* connection.query("select * from precious")).rows).toEqual([])
    }))

  it.scoped("of a procedure answers its last result set, and all of them", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create procedure twice(n int) begin select n as a; select n + 1 as b; end")
      const result = yield* connection.query("call twice(?)", [1])
      expect(result.rows).toEqual([{ b: 2 }])
      expect(result.fields.map(({ name }) => name)).toEqual(["b"])
      expect(result.resultSets).toEqual([[{ a: 1 }], [{ b: 2 }]])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("that the server refuses fails with what it said, and the connection goes on", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table account (id int primary key, balance int check (balance >= 0))")
      yield* connection.query("insert into account values (1, 10)")
      const unique = yield* Effect.flip(connection.query("insert into account values (?, ?)", [1, 4711]))
      expect(unique).toMatchObject({
        _tag: "MysqlQueryError",
        reason: "Server",
        errno: 1062,
        code: "ER_DUP_ENTRY",
        sqlState: "23000",
        sql: "insert into account values (?, ?)"
      })
      expect(unique.message).toContain("Duplicate entry '1'")
      expect(JSON.stringify(unique)).not.toContain("4711")
      const syntax = yield* Effect.flip(connection.query("selec 1"))
      expect(syntax).toMatchObject({ errno: 1064, sqlState: "42000" })
      expect(steps.isBroken(connection)).toBe(false)
      expect((yield* connection.query("select balance from account")).rows).toEqual([{ balance: 10 }])
    }))

  it.scoped("whose value cannot be decoded fails alone, however many rows there are", () =>
    Effect.gen(function*() {
      const connection = yield* open({
        typeCast: (field, next) => {
          const value = next()
          if (field.name === "bad" && value === 3) throw new Error("no such value")
          return value
        }
      })
      for (const prepare of [false, true]) {
        const [error, next] = yield* Effect.all([
          Effect.flip(connection.query("select seq as bad from seq_1_to_10000", [], { prepare })),
          connection.query("select 2 as two")
        ], { concurrency: 2 })
        expect(error).toMatchObject({ reason: "Client" })
        expect(error.message).toContain("no such value")
        expect(next.rows).toEqual([{ two: 2 }])
        expect(steps.isBroken(connection)).toBe(false)
      }
    }))

  it.scoped("gives the server no file of this machine", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table lines_ (line text)")
      const error = yield* Effect.flip(connection.query("load data local infile '/etc/hostname' into table lines_"))
      expect(error).toMatchObject({ reason: "Server" })
      expect(error.message).toContain("local infile")
      expect((yield* connection.query("select * from lines_")).rows).toEqual([])
    }))

  it.scoped("runs after those that were asked before it, each with its own answer", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const answers = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, n) => n),
        (n) =>
          n % 7 === 3
            ? Effect.orElseSucceed(Effect.as(connection.query("select nothing"), -1), () => n)
            : Effect.map(
              connection.query<{ n: number }>("select ? as n", [n], { prepare: n % 2 === 0 }),
              ({ rows }) => rows[0]!.n
            ),
        { concurrency: "unbounded" }
      )
      expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => n))
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("after the close fails typed", () =>
    Effect.gen(function*() {
      const connection = yield* Effect.scoped(open())
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error.reason).toBe("ConnectionLost")
    }))

  it.scoped("a plain one leaves nothing to reset, even where it fails", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table plain (n int primary key)")
      expect(steps.needsReset(connection)).toBe(false)
      for (
        const sql of ["select 1", "insert into plain values (1)", "select nothing", "insert into plain values (1)"]
      ) {
        yield* Effect.exit(connection.query(sql))
        expect(steps.needsReset(connection)).toBe(false)
      }
      yield* steps.check(connection)
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("on the raw client is waited for, and settles the connection when it has ended", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const raw = Effect.async<unknown>((resume) => {
        connection.unsafeClient.query(
          "select sleep(0.05), 1 as raw",
          (error, rows) => resume(Effect.succeed(error ?? rows))
        )
      })
      const [rawRows, { rows }] = yield* Effect.all([raw, connection.query("select 2 as mine")], { concurrency: 2 })
      expect(rawRows).toMatchObject([{ raw: 1 }])
      expect(rows).toEqual([{ mine: 2 }])
      yield* raw
      expect(steps.needsReset(connection)).toBe(false)
    }))
})
