import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as fs from "node:fs"
import * as path from "node:path"
import { until } from "./harness.js"
import { folder, handlesOf, look, newFile, open, openNew, otherProcess, shop } from "./sqliteHarness.js"

const failure = (config: SqliteConnector.SqliteConnectorConfig) => Effect.scoped(Effect.flip(open(config)))

/** Root may do everything. */
const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const user = process.geteuid!()
      if (user === 0) process.seteuid!(65534)
      return user
    }),
    () => effect,
    (user) => Effect.sync(() => process.seteuid!(user))
  )

describe("An opening that fails", () => {
  it.scopedLive("a folder that does not exist: CannotOpen", () =>
    Effect.gen(function*() {
      const filename = path.join(yield* folder, "no", "shop.db")
      const error = yield* failure({ filename })
      expect(error).toMatchObject({ _tag: "SqliteConnectError", reason: "CannotOpen", code: "ENOENT", filename })
      expect(error.message).toContain("there is no such folder")
      expect(error.message).toContain(filename)
    }))

  it.scopedLive("a directory: CannotOpen", () =>
    Effect.gen(function*() {
      const filename = yield* folder
      for (const readOnly of [true, false]) {
        const error = yield* failure({ filename, readOnly })
        expect(error.reason).toBe("CannotOpen")
        expect(error.message).toContain("it is a directory")
      }
    }))

  it.scopedLive("a file that does not exist, for reading only: CannotOpen, and it still does not", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      expect((yield* failure({ filename, readOnly: true })).reason).toBe("CannotOpen")
      expect(fs.existsSync(filename)).toBe(false)
    }))

  it.scopedLive("a file that is something else: NotADatabase, and it is left as it was", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const text = "This is a letter. ".repeat(100)
      fs.writeFileSync(filename, text)
      for (const readOnly of [true, false]) {
        const error = yield* failure({ filename, readOnly })
        expect(error).toMatchObject({ reason: "NotADatabase", code: "SQLITE_NOTADB" })
        expect(error.message).toContain("Check the path")
      }
      expect(fs.readFileSync(filename, "utf8")).toBe(text)
      expect(handlesOf(filename)).toBe(0)
    }))

  it.scopedLive("a file that may not be written to: ReadOnly, and readOnly opens it", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      yield* Effect.scoped(Effect.flatMap(
        open({ filename, journalMode: "delete" }),
        (connection) => connection.query("create table item (n)")
      ))
      fs.chmodSync(path.dirname(filename), 0o755)
      fs.chmodSync(filename, 0o444)
      const error = yield* asNobody(failure({ filename }))
      expect(error.reason).toBe("ReadOnly")
      expect(error.message).toContain("or set readOnly")
      const { rows } = yield* asNobody(Effect.scoped(Effect.flatMap(
        open({ filename, readOnly: true }),
        (connection) => connection.query("select count(*) as n from item")
      )))
      expect(rows).toEqual([{ n: 0 }])
    }))

  it.scopedLive("a file that may not be read: CannotOpen", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      fs.writeFileSync(filename, "")
      fs.chmodSync(path.dirname(filename), 0o755)
      fs.chmodSync(filename, 0o000)
      expect((yield* asNobody(failure({ filename, readOnly: true }))).reason).toBe("CannotOpen")
    }))

  it.scopedLive("a database that is locked: Locked, when busyTimeout is over and not before", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const run = yield* otherProcess(filename)
      yield* run("create table item (n)")
      yield* run("begin exclusive")
      const [time, error] = yield* Effect.timed(failure({ filename, busyTimeout: "300 millis" }))
      expect(error).toMatchObject({ reason: "Locked", code: "SQLITE_BUSY" })
      expect(error.message).toContain("busyTimeout")
      expect(Duration.toMillis(time)).toBeGreaterThan(290)
      expect(Duration.toMillis(time)).toBeLessThan(2_000)
      expect((yield* failure({ filename, busyTimeout: 0 })).reason).toBe("Locked")
      // And it opens as soon as it is not locked any more.
      const opening = yield* Effect.fork(Effect.scoped(open({ filename })))
      yield* run("commit")
      expect(yield* Fiber.join(opening)).toBeDefined()
      expect(handlesOf(filename)).toBe(0)
    }))

  it.scopedLive("a statement of setup: says which, and why", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(openNew({ setup: ["pragma cache_size = 100", "select wrong from nowhere"] }))
      expect(error).toMatchObject({ reason: "Other", code: "SQLITE_ERROR" })
      expect(error.message).toContain("select wrong from nowhere: no such table: nowhere")
    }))

  it.scopedLive("a statement of setup that never ends: Timeout", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(openNew({
        statementTimeout: "50 millis",
        setup: ["select count(*) from generate_series(1, 1000000000000)"]
      }))
      expect(error).toMatchObject({ reason: "Timeout" })
      expect(error.message).toContain("50 ms")
    }))

  it.scopedLive("by an interruption: leaves no handle", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const run = yield* otherProcess(filename)
      yield* run("create table item (n)")
      yield* run("begin exclusive")
      const opening = yield* Effect.fork(Effect.scoped(open({ filename, busyTimeout: "1 minute" })))
      yield* until("it has the file open", Effect.sync(() => handlesOf(filename) > 0))
      const [time] = yield* Effect.timed(Fiber.interrupt(opening))
      expect(Duration.toMillis(time)).toBeLessThan(1_000)
      expect(handlesOf(filename)).toBe(0)
    }))
})

describe("An open connection", () => {
  it.scopedLive("has WAL, synchronous = normal and foreign keys", () =>
    Effect.gen(function*() {
      const connection = yield* openNew()
      const values = yield* Effect.forEach(
        ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"],
        (name) => Effect.map(connection.query(`pragma ${name}`, [], { rowMode: "array" }), ({ rows }) => rows[0])
      )
      expect(values).toEqual([["wal"], [1], [1], [0]])
      expect(connection.isReadOnly).toBe(false)
      yield* connection.query("create table parent (id integer primary key)")
      yield* connection.query("create table child (parent references parent)")
      const error = yield* Effect.flip(connection.query("insert into child values (1)"))
      expect(error).toMatchObject({ code: "SQLITE_CONSTRAINT", extendedCode: "SQLITE_CONSTRAINT_FOREIGNKEY" })
    }))

  it.scopedLive("has what it was told instead", () =>
    Effect.gen(function*() {
      const connection = yield* openNew({
        journalMode: "truncate",
        synchronous: "extra",
        foreignKeys: false,
        setup: ["pragma cache_size = 123", "create table made (n)"],
        safeIntegers: true
      })
      const values = yield* Effect.forEach(
        ["journal_mode", "synchronous", "foreign_keys", "cache_size"],
        (name) => Effect.map(connection.query(`pragma ${name}`, [], { rowMode: "array" }), ({ rows }) => rows[0])
      )
      expect(values).toEqual([["truncate"], [3n], [0n], [123n]])
      expect((yield* connection.query("select * from made")).rows).toEqual([])
    }))

  it.scopedLive("for reading only refuses to write, and stays good", () =>
    Effect.gen(function*() {
      const { filename, insert } = yield* shop()
      yield* insert(1)
      const reader = yield* open({ filename, readOnly: true })
      expect(reader.isReadOnly).toBe(true)
      const error = yield* Effect.flip(reader.query("insert into item values (2)"))
      expect(error).toMatchObject({ reason: "Statement", code: "SQLITE_READONLY" })
      expect((yield* reader.query("select n from item")).rows).toEqual([{ n: 1 }])
    }))

  it.scopedLive("takes any path there is", () =>
    Effect.gen(function*() {
      const names = ["a b.db", "what?mode=memory.db", "100%25.db", "#1.db", "é \u{1F600}.db", "file:x.db", "it's.db"]
      for (const name of names) {
        const filename = path.join(yield* folder, name)
        yield* Effect.scoped(Effect.flatMap(open({ filename }), ({ query }) => query("create table item (n)")))
        expect(fs.readdirSync(path.dirname(filename))).toEqual([name])
        yield* Effect.scoped(
          Effect.flatMap(open({ filename, readOnly: true }), ({ query }) => query("select * from item"))
        )
      }
    }))

  it.scopedLive("in memory is a database of its own", () =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([open({ filename: ":memory:" }), open({ filename: ":memory:" })])
      yield* first.query("create table item (n)")
      expect((yield* Effect.flip(second.query("select * from item"))).message).toContain("no such table")
    }))

  it.scopedLive("encrypts the file where it has a key, and opens it with no other", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const encryptionKey = Redacted.make("correct horse")
      yield* Effect.scoped(Effect.flatMap(
        open({ filename, encryptionKey, journalMode: "delete" }),
        (connection) => connection.query("create table a_name_that_is_easy_to_find (n)")
      ))
      expect(fs.readFileSync(filename, "latin1")).not.toContain("a_name_that_is_easy_to_find")
      for (const wrong of [undefined, Redacted.make("wrong")]) {
        expect((yield* failure({ filename, encryptionKey: wrong })).reason).toBe("NotADatabase")
      }
      const connection = yield* open({ filename, encryptionKey, readOnly: true })
      expect((yield* connection.query("select * from a_name_that_is_easy_to_find")).rows).toEqual([])
    }))

  it.scopedLive("evaluates options that are an Effect at each opening", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const current = yield* Ref.make(path.join(filename, "nowhere"))
      const connector = SqliteConnector.make(Effect.map(Ref.get(current), (filename) => ({ filename })))
      expect((yield* Effect.flip(connector.open)).reason).toBe("CannotOpen")
      yield* Ref.set(current, filename)
      expect((yield* (yield* connector.open).query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scopedLive("takes options from the configuration", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const connector = yield* SqliteConnector.config({
        filename: Config.string("DATABASE_FILE"),
        setup: Config.array(Config.string(), "DATABASE_SETUP")
      }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(
          new Map([["DATABASE_FILE", filename], ["DATABASE_SETUP", "create table a (n),create table b (n)"]])
        ))
      )
      yield* connector.open
      expect(look(filename, "select name from sqlite_schema order by 1")).toEqual([{ name: "a" }, { name: "b" }])
    }))
})

describe("Options that cannot be used", () => {
  it.effect("are all named in one error, with what to write instead", () =>
    Effect.gen(function*() {
      const error = yield* failure({
        filename: "",
        readOnly: "yes" as never,
        journalMode: "WAL" as never,
        synchronous: 1 as never,
        foreignKeys: 1 as never,
        busyTimeout: "soon" as never,
        statementTimeout: 0,
        encryptionKey: "secret" as never,
        setup: "pragma x" as never,
        safeIntegers: null as never
      })
      expect(error.reason).toBe("Configuration")
      expect(error.message).toContain("filename must be the path of a database, or \":memory:\"")
      expect(error.message).toContain("journalMode must be one of \"wal\", \"delete\"")
      const fields = [
        "readOnly",
        "synchronous",
        "foreignKeys",
        "busyTimeout",
        "statementTimeout",
        "encryptionKey",
        "setup"
      ]
      for (const field of [...fields, "safeIntegers"]) expect(error.message).toContain(`${field} must be`)
      expect(error.message).not.toContain("secret")
    }))

  const wrong: ReadonlyArray<[string, SqliteConnector.SqliteConnectorConfig]> = [
    ["filename", { filename: "file:shop.db?mode=ro" }],
    ["filename", { filename: "libsql://shop.example.org" }],
    ["filename", { filename: "shop\0.db" }],
    ["readOnly", { filename: ":memory:", readOnly: true }],
    ["journalMode", { filename: "shop.db", readOnly: true, journalMode: "wal" }],
    ["encryptionKey", { filename: ":memory:", encryptionKey: Redacted.make("key") }]
  ]
  for (const [field, config] of wrong) {
    it.effect(`${field} of ${JSON.stringify(config.filename)}`, () =>
      Effect.gen(function*() {
        const error = yield* failure(config)
        expect(error.reason).toBe("Configuration")
        expect(error.message).toContain(`${field} must`)
      }))
  }

  it.scopedLive("such as a journal mode that is not possible there", () =>
    Effect.gen(function*() {
      const error = yield* failure({ filename: ":memory:", journalMode: "wal" })
      expect(error.reason).toBe("Configuration")
      expect(error.message).toContain("its journal mode stays \"memory\"")
    }))
})
