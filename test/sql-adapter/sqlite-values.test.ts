import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { open, steps } from "./sqliteHarness.js"

const memory = open({ filename: ":memory:" })

describe("Values", () => {
  const roundTrip = (value: unknown) =>
    Effect.flatMap(memory, ({ query }) => Effect.map(query("select ? as v", [value]), ({ rows }) => rows[0]!.v))

  const kept: ReadonlyArray<[string, unknown, unknown]> = [
    ["null", null, null],
    ["undefined, as NULL", undefined, null],
    ["true, as 1", true, 1],
    ["false, as 0", false, 0],
    ["a whole number", 42, 42],
    ["a fraction", -0.1, -0.1],
    ["the largest safe integer", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["a number beyond it", 2 ** 60, 2 ** 60],
    ["infinity", Infinity, Infinity],
    ["a small bigint, as a number", 7n, 7],
    ["a bigint that no number is", 2n ** 53n + 1n, 2n ** 53n + 1n],
    ["the smallest bigint", -(2n ** 63n), -(2n ** 63n)],
    ["text", "it's \u{1F600} é", "it's \u{1F600} é"],
    ["empty text", "", ""],
    ["a Date, as its text", new Date(1234), "1970-01-01T00:00:01.234Z"],
    ["bytes", new Uint8Array([0, 1, 255]), Buffer.from([0, 1, 255])],
    ["no bytes", new Uint8Array(0), Buffer.alloc(0)],
    ["a part of a buffer", new Uint8Array([1, 2, 3, 4]).subarray(1, 3), Buffer.from([2, 3])],
    ["an ArrayBuffer", new Uint8Array([5, 6]).buffer, Buffer.from([5, 6])],
    ["another view", new Uint16Array([258]), Buffer.from([2, 1])]
  ]
  for (const [what, value, expected] of kept) {
    it.scopedLive(`keep ${what}`, () =>
      Effect.gen(function*() {
        expect(yield* roundTrip(value)).toEqual(expected)
        const { query, stream } = yield* memory
        const { rows } = yield* query("select ? as v", [value], { rowMode: "array" })
        expect(rows).toEqual([[expected]])
        expect([...(yield* Stream.runCollect(stream("select ? as v", [value])))]).toEqual([{ v: expected }])
      }))
  }

  const refused: ReadonlyArray<[string, unknown, RegExp]> = [
    ["a function", () => 1, /Parameter 2 is a function/],
    ["a symbol", Symbol("s"), /Parameter 2 is a symbol/],
    ["an object", { a: 1 }, /Parameter 2 is an object.*JSON/],
    ["an array", [1], /Parameter 2 is an object/],
    ["NaN", NaN, /Parameter 2 is NaN.*bind null/],
    ["a bigint beyond 64 bits", 2n ** 63n, /Parameter 2 is a bigint beyond 64 bits/],
    ["a Date without a time", new Date(NaN), /Parameter 2 is a Date/],
    ["text with a NUL", "a\0b", /Parameter 2 .*NUL/]
  ]
  for (const [what, value, message] of refused) {
    it.scopedLive(`that cannot be kept are refused: ${what}`, () =>
      Effect.gen(function*() {
        const connection = yield* memory
        const error = yield* Effect.flip(connection.query("select ? as a, ? as b", [1, value]))
        expect(error).toMatchObject({ _tag: "SqliteQueryError", reason: "Client" })
        expect(error.message).toMatch(message)
        const streamed = yield* Effect.flip(Stream.runDrain(connection.stream("select ? as a, ? as b", [1, value])))
        expect(streamed.reason).toBe("Client")
        expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
        expect(steps.needsReset(connection)).toBe(false)
      }))
  }

  it.scopedLive("are as many as there are parameters", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      const sql = "select ?2 as b, ?1 as a, :name as n, :name as m, @x as x, $y as y, '?' as q"
      expect((yield* query(sql, [1, 2, "n", "x", "y"])).rows).toEqual([
        { b: 2, a: 1, n: "n", m: "n", x: "x", y: "y", q: "?" }
      ])
      // Too few would be NULL, or what the statement's last use has bound.
      const few = yield* Effect.flip(query(sql, [1, 2, "n", "x"]))
      expect(few).toMatchObject({ reason: "Client", message: "The statement has 5 parameters, and 4 were given." })
      expect((yield* Effect.flip(query("select 1", [1]))).message).toContain("0 parameters, and 1 were given")
      expect((yield* Effect.flip(query("select ?"))).message).toContain("1 parameter, and 0 were given")
    }))

  it.scopedLive("that are whole numbers are INTEGERs, also in a column of text", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      yield* query("create table t (a text, b, c real)")
      yield* query("insert into t values (?, ?, ?)", [1, 1, 1])
      const { rows } = yield* query("select a, typeof(b) as b, typeof(c) as c, typeof(?) as d from t limit ?", [1.5, 1])
      expect(rows).toEqual([{ a: "1", b: "integer", c: "real", d: "real" }])
    }))

  it.scopedLive("are bigints throughout where that was asked for", () =>
    Effect.gen(function*() {
      const connection = yield* open({ filename: ":memory:", safeIntegers: true })
      yield* connection.query("create table t (id integer primary key)")
      const inserted = yield* connection.query("insert into t values (9007199254740993)")
      expect(inserted.lastInsertRowid).toBe(9007199254740993n)
      const result = yield* connection.query("select 1 as a, 1.0 as b, 1 << 60 as c")
      expect(result.rows).toEqual([{ a: 1n, b: 1, c: 2n ** 60n }])
      const { rows } = yield* connection.query("select 1 as a", [], { safeIntegers: false })
      expect(rows).toEqual([{ a: 1 }])
      expect([...(yield* Stream.runCollect(connection.stream("select 1 as a")))]).toEqual([{ a: 1n }])
    }))

  it.scopedLive("lose no digits where that was not asked for", () =>
    Effect.gen(function*() {
      const { query } = yield* memory
      yield* query("create table t (id integer primary key)")
      const { lastInsertRowid } = yield* query("insert into t values (9007199254740993)")
      expect(lastInsertRowid).toBe(9007199254740993n)
      expect((yield* query("select id from t")).rows).toEqual([{ id: 9007199254740993n }])
    }))
})
