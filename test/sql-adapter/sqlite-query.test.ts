import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Stream from "effect/Stream"
import { open, openNew, shop, steps } from "./sqliteHarness.js"

const memory = open({ filename: ":memory:" })

describe("A statement", () => {
  it.scopedLive("answers rows, what it changed and the last rowid", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      expect(yield* query("create table t (id integer primary key, a)")).toEqual({
        rows: [],
        changes: 0,
        lastInsertRowid: 0
      })
      expect(yield* query("insert into t (a) values (?), (?), (?)", ["x", "y", "z"])).toEqual({
        rows: [],
        changes: 3,
        lastInsertRowid: 3
      })
      expect(yield* query("insert into t (a) values ('w') returning id, a")).toEqual({
        rows: [{ id: 4, a: "w" }],
        changes: 1,
        lastInsertRowid: 4
      })
      expect((yield* query("update t set a = 'q' where id > ?", [2])).changes).toBe(2)
      expect((yield* query("update t set a = 'q' where id > ?", [20])).changes).toBe(0)
      expect(yield* query("select id from t order by id desc limit 2")).toEqual({
        rows: [{ id: 4 }, { id: 3 }],
        changes: 0,
        lastInsertRowid: 4
      })
      expect((yield* query("delete from t")).changes).toBe(4)
      expect((yield* query("drop table t")).changes).toBe(0)
    }))

  it.scopedLive("answers with arrays where columns share a name, and objects have the last", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      const sql = "select 1 as a, 2 as b, 3 as a, 4 as A, 5 as \"b:c\", 6 as a"
      expect((yield* query(sql, [], { rowMode: "array" })).rows).toEqual([[1, 2, 3, 4, 5, 6]])
      expect((yield* query(sql)).rows).toEqual([{ a: 6, b: 2, A: 4, "b:c": 5 }])
      // A name that only looks like that is left as it is.
      expect((yield* query("select 1 as a, 2 as \"a:1\"")).rows).toEqual([{ a: 1, "a:1": 2 }])
      expect((yield* query("select 1 as \"x:1\"")).rows).toEqual([{ "x:1": 1 }])
    }))

  it.scopedLive("runs again with what the schema is by then", () =>
    Effect.gen(function*() {
      const { connection, filename, insert } = yield* shop()
      const second = yield* open({ filename })
      yield* insert(1)
      expect((yield* connection.query("select * from item")).rows).toEqual([{ n: 1 }])
      yield* second.query("alter table item add column name")
      expect((yield* connection.query("select * from item")).rows).toEqual([{ n: 1, name: null }])
      yield* second.query("alter table item rename column name to title")
      expect((yield* connection.query("select * from item")).rows).toEqual([{ n: 1, title: null }])
      expect((yield* connection.query("select * from item", [], { rowMode: "array" })).rows).toEqual([[1, null]])
    }))

  it.scopedLive("of comments only does nothing", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      for (const sql of ["", " ; ", "-- nothing", "/* nothing"]) {
        expect(yield* query(sql)).toEqual({ rows: [], changes: 0, lastInsertRowid: 0 })
      }
    }))

  it.scopedLive("may have comments, and a semicolon at its end", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      for (const sql of ["select 1 as n;", "; select 1 as n ; ;", "/* ; */ select 1 as n -- ;", "select 1 as n /* ;"]) {
        expect((yield* query(sql)).rows).toEqual([{ n: 1 }])
      }
    }))

  it.scopedLive("is one statement: more are refused, and nothing is done", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      yield* query("create table t (a)")
      for (const sql of ["insert into t values (1); insert into t values (2)", "select 1; x", "select 1 \0 as n"]) {
        expect(yield* Effect.flip(query(sql))).toMatchObject({ reason: "Client", sql })
      }
      expect((yield* query("select count(*) as n from t")).rows).toEqual([{ n: 0 }])
    }))

  it.scopedLive("may be a trigger, which has semicolons in it", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      yield* query("create table t (a)")
      const trigger = "create trigger twice after insert on t when new.a < 9 begin "
        + "insert into t values (case when new.a = 1 then 9 else 10 end); select 1; end"
      yield* query(`${trigger};`)
      yield* query("insert into t values (1)")
      expect((yield* query("select a from t")).rows).toEqual([{ a: 1 }, { a: 9 }])
      expect((yield* Effect.flip(query("drop trigger twice; select 1"))).reason).toBe("Client")
      expect((yield* Effect.flip(query(`${trigger.replace("twice", "other")}; select 1`))).reason).toBe("Client")
    }))

  it.scopedLive("that SQLite refuses fails with what it said, and the connection goes on", () =>
    Effect.gen(function*() {
      const connection = yield* openNew()
      yield* connection.query("create table account (id int primary key, balance int check (balance >= 0))")
      yield* connection.query("insert into account values (1, 10)")
      const unique = yield* Effect.flip(connection.query("insert into account values (?, ?)", [1, 4711]))
      expect(unique).toMatchObject({
        _tag: "SqliteQueryError",
        reason: "Statement",
        code: "SQLITE_CONSTRAINT",
        extendedCode: "SQLITE_CONSTRAINT_PRIMARYKEY",
        message: "UNIQUE constraint failed: account.id",
        sql: "insert into account values (?, ?)"
      })
      expect(JSON.stringify(unique)).not.toContain("4711")
      const check = yield* Effect.flip(connection.query("update account set balance = -1"))
      expect(check.extendedCode).toBe("SQLITE_CONSTRAINT_CHECK")
      // The text that is complained of is the user's own.
      for (const sql of ["selec 1", "select 1 from", "select (1", "select 1)", "select wrong from account"]) {
        const error = yield* Effect.flip(connection.query(sql))
        expect(error).toMatchObject({ reason: "Statement", code: "SQLITE_ERROR", extendedCode: "SQLITE_ERROR", sql })
        expect(error.message).not.toContain("whole answer")
      }
      expect((yield* Effect.flip(connection.query("select 1 from"))).message).toBe("incomplete input")
      expect(steps.isBroken(connection)).toBe(false)
      expect((yield* connection.query("select balance from account")).rows).toEqual([{ balance: 10 }])
    }))

  it.scopedLive("that fails at a later row fails alone", () =>
    Effect.gen(function*() {
      const connection = yield* openNew()
      const sql = "select json(case when value = 70 then '{' else '1' end) as j from generate_series(1, 100)"
      expect((yield* Effect.flip(connection.query(sql))).message).toBe("malformed JSON")
      expect((yield* Effect.flip(Stream.runDrain(connection.stream(sql)))).message).toBe("malformed JSON")
      expect(steps.needsReset(connection)).toBe(false)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scopedLive("runs after those that were asked before it, each with its own answer", () =>
    Effect.gen(function*() {
      const connection = yield* openNew()
      const answers = yield* Effect.forEach(
        Array.from({ length: 300 }, (_, n) => n),
        (n) =>
          n % 7 === 3
            ? Effect.orElseSucceed(Effect.as(connection.query("select json('{')"), -1), () => n)
            : n % 7 === 4
            ? Effect.orElseSucceed(Effect.as(connection.query("select ?"), -1), () => n)
            : Effect.map(connection.query<{ n: number }>("select ? as n", [n]), ({ rows }) => rows[0]!.n),
        { concurrency: "unbounded" }
      )
      expect(answers).toEqual(Array.from({ length: 300 }, (_, n) => n))
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scopedLive("leaves the event loop free, however much it does before its answer", () =>
    Effect.gen(function*() {
      const { connection } = yield* shop()
      let turns = 0
      const ticks = setInterval(() => turns++, 1)
      const sql = "select value from generate_series(1, 3000000) where value in (1, 2999999)"
      const { rows } = yield* connection.query(sql)
      clearInterval(ticks)
      expect(rows).toEqual([{ value: 1 }, { value: 2_999_999 }])
      // It takes some tenths of a second: were it done on the event loop, there would be none or two.
      expect(turns).toBeGreaterThan(20)
    }))

  it.scopedLive("may be any number of different ones: what was prepared is given up in time", () =>
    Effect.gen(function*() {
      const { connection, insert } = yield* shop()
      yield* insert(1)
      for (let n = 0; n < 1_200; n++) {
        expect((yield* connection.query(`select n + ${n} as sum from item`)).rows).toEqual([{ sum: n + 1 }])
      }
      const [{ prepared }] = (yield* connection.query("select count(*) as prepared from sqlite_stmt"))
        .rows as unknown as [{ prepared: number }]
      expect(prepared).toBeLessThan(600)
    }))
})

describe("query and stream", () => {
  const expression = fc.constantFrom(
    "n",
    "n * 1.0",
    "n / 2",
    "'text ' || n",
    "null",
    "x'00ff'",
    "n << 55",
    "1.0",
    "cast(n as text)",
    "r",
    "t",
    "json_array(n, r)",
    "sum(n) over (order by n)"
  )
  const query = fc.record({
    columns: fc.array(expression, { minLength: 1, maxLength: 5 }),
    source: fc.constantFrom(
      "data",
      "data join (select n as m from data) on m < n",
      "(select * from data union all select * from data)"
    ),
    order: fc.constantFrom(
      "",
      "order by n desc",
      "order by t, 1 limit 5",
      "order by 1 desc limit 3 offset 1",
      "limit 4"
    ),
    values: fc.boolean()
  }).map(({ columns, order, source, values }) =>
    values ? `values (1, 'a'), (2.0, x'01')` : `select ${columns.join(", ")} from ${source} ${order}`
  )

  it.scopedLive("answer the same rows in the same order, in objects and arrays", () =>
    Effect.gen(function*() {
      const connection = yield* openNew()
      yield* connection.query("create table data (n integer primary key, r real, t text)")
      yield* connection.query(
        "insert into data select value, value * 2, 't' || (value * 7 % 10) from generate_series(1, 9)"
      )
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            query,
            fc.constantFrom("object" as const, "array" as const),
            fc.boolean(),
            (sql, rowMode, safeIntegers) =>
              Effect.gen(function*() {
                const options = { rowMode, safeIntegers }
                const { rows } = yield* connection.query(sql, [], options)
                const streamed = yield* Stream.runCollect(connection.stream(sql, [], options))
                expect([...streamed]).toEqual(rows)
              }).pipe(Effect.exit, Effect.runPromise, (exit) =>
                exit.then((exit) => {
                  if (Exit.isFailure(exit)) throw new Error(`${sql}\n${exit.cause}`)
                }))
          ),
          { numRuns: 300 }
        )
      )
    }), 30_000)
})
