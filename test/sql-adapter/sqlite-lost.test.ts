import type * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { isFatal } from "../../packages/sql-adapter/src/internal/sqlite/failure.js"
import { newFile, open, shop, steps } from "./sqliteHarness.js"

/** A connection whose deaths are counted. */
const watched = (config: SqliteConnector.SqliteConnectorConfig) =>
  Effect.map(open(config), (connection) => {
    const deaths: Array<unknown> = []
    steps.onLost(connection, (reason) => deaths.push(reason))
    return { connection, deaths }
  })

/** Puts zeros over what comes after the first page. */
const destroy = (filename: string) => {
  const file = fs.openSync(filename, "r+")
  const { size } = fs.fstatSync(file)
  for (let at = 4096; at < size; at += 4096) fs.writeSync(file, Buffer.alloc(4000, 0x7a), 0, 4000, at)
  fs.closeSync(file)
}

describe("A connection is given up", () => {
  it.scopedLive("when its database is corrupt", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open({ filename })
        yield* connection.query("create table item (n integer primary key)")
        yield* connection.query("insert into item select value from generate_series(1, 10000)")
      }))
      destroy(filename)
      for (const run of ["query", "stream"] as const) {
        const { connection, deaths } = yield* watched({ filename })
        const sql = "select sum(n) from item"
        const waiting = yield* Effect.fork(
          Effect.flip(Effect.zipRight(Effect.yieldNow(), connection.query("select 1")))
        )
        const error = yield* Effect.flip(
          run === "query" ? connection.query(sql) : Stream.runDrain(connection.stream(sql))
        )
        expect(error).toMatchObject({ reason: "ConnectionLost", code: "SQLITE_CORRUPT", sql })
        expect(yield* waiting.await).toMatchObject({ value: { reason: "ConnectionLost" } })
        expect(deaths).toMatchObject([{ code: "SQLITE_CORRUPT" }])
        expect(steps.isBroken(connection)).toBe(true)
        expect(yield* Effect.flip(connection.query("select 1"))).toMatchObject({ reason: "ConnectionLost" })
      }
    }))

  it.scopedLive("when its file is no database any more", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const { connection, deaths } = yield* watched({ filename, journalMode: "delete" })
      yield* connection.query("create table item (n)")
      const file = fs.openSync(filename, "r+")
      fs.writeSync(file, Buffer.alloc(200, 0x7a), 0, 200, 0)
      fs.closeSync(file)
      const error = yield* Effect.flip(connection.query("select n from item"))
      expect(error).toMatchObject({ reason: "ConnectionLost", code: "SQLITE_NOTADB" })
      expect(deaths).toHaveLength(1)
    }))

  it.scopedLive("when its file was taken away", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const { connection, deaths } = yield* watched({ filename, journalMode: "delete" })
      yield* connection.query("create table item (n)")
      fs.rmSync(filename)
      const error = yield* Effect.flip(connection.query("insert into item values (1)"))
      expect(error).toMatchObject({
        reason: "ConnectionLost",
        code: "SQLITE_READONLY",
        extendedCode: "SQLITE_READONLY_DBMOVED"
      })
      expect(deaths).toHaveLength(1)
      const late: Array<unknown> = []
      steps.onLost(connection, (reason) => late.push(reason))
      expect(late).toEqual(deaths)
    }))
})

describe("A connection is kept", () => {
  it.scopedLive("when the database is full", () =>
    Effect.gen(function*() {
      const { connection, insert } = yield* shop({ setup: ["pragma max_page_count = 4"] })
      const error = yield* Effect.flip(
        connection.query("insert into item select value from generate_series(1, 10000)")
      )
      expect(error).toMatchObject({ reason: "Statement", code: "SQLITE_FULL" })
      expect(steps.isBroken(connection)).toBe(false)
      yield* insert(1)
      expect((yield* connection.query("select n from item")).rows).toEqual([{ n: 1 }])
    }))

  it.scopedLive("when the close was asked for: nobody is told of a death", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const { deaths } = yield* Effect.scoped(watched({ filename }))
      expect(deaths).toEqual([])
    }))

  const codes: ReadonlyArray<[number, boolean]> = [
    [1, false], // ERROR
    [5, false], // BUSY
    [6, false], // LOCKED
    [8, false], // READONLY
    [9, false], // INTERRUPT
    [10, true], // IOERR
    [266, true], // IOERR_READ
    [11, true], // CORRUPT
    [779, true], // CORRUPT_INDEX
    [13, false], // FULL
    [14, false], // CANTOPEN
    [517, false], // BUSY_SNAPSHOT
    [1032, true], // READONLY_DBMOVED
    [2067, false], // CONSTRAINT_UNIQUE
    [26, true] // NOTADB
  ]
  it.each(codes)("after result code %i: it is given up is %s", (rawCode, given) => {
    expect(isFatal(Object.assign(new Error("no"), { code: "SQLITE", rawCode }))).toBe(given)
  })
})
