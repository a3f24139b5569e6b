import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import Libsql from "libsql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { access } from "../../packages/sql-adapter/src/internal/sqlite/access.js"

const reads = [
  "select 1",
  "SELECT * FROM item",
  "select 'insert into item values (1)' as \"delete\", [update], `drop` from (select 1 as [update], 2 as `drop`)",
  "select replace(name, 'a', 'b') from item",
  "select \"update\".n from item as \"update\"",
  "values (1, 2), (3, 4)",
  "with a as (select 1 as n) select n from a",
  "with recursive a(n) as (values (1) union all select n + 1 from a where n < 3), b as (select 2) select * from a, b",
  "with \"insert\" as (select 1) select * from \"insert\"",
  "with a as not materialized (select ')' as x) select x from a",
  "select n from item where name = '--' and n in (select 1 /* ; delete from item */)",
  "select count(*) over (order by n) from item order by 1 limit 2 offset 1",
  "select n from item except select 1",
  "select exists (select 1 from item), (select max(n) from item)",
  "select x'00ff', 'it''s', \"a\"\"b\" from (select 1 as \"a\"\"b\")",
  "select json_extract(value, '$.a') from json_each('[1]')",
  "explain select 1",
  "explain query plan select * from item",
  "explain delete from item",
  "EXPLAIN QUERY PLAN UPDATE item SET n = 1",
  "explain with a as (select 1) insert into item select *, 'x' from a",
  "pragma table_info(item)",
  "PRAGMA main.table_xinfo('item')",
  "pragma user_version",
  "pragma main.page_count",
  "pragma integrity_check",
  "pragma quick_check(1)",
  "pragma foreign_key_check",
  "pragma table_list",
  "select name from pragma_table_info('item')",
  "select * from pragma_index_list('item')"
]

const writes = [
  "insert into item values (1, 'a')",
  "INSERT OR REPLACE INTO item (n) VALUES (1) RETURNING n",
  "replace into item values (1, 'b')",
  "update item set n = n + 1",
  "delete from item",
  "with a as (select 1 as n) insert into item select n, 'x' from a",
  "with a as (select 1) update item set n = 2 where n in (select * from a)",
  "with a(x) as (values (1)), b as (select 2) delete from item where n in (select x from a)",
  "with a as (select ')' as x), \"select\" as (select 1) delete from item",
  "with a as (select 1) replace into item select 9, 'r'",
  "create table other (n)",
  "create temp table other (n)",
  "create trigger t after insert on item begin select 1; end",
  "drop table item",
  "alter table item rename to thing",
  "create index by_name on item (name)",
  "reindex",
  "analyze",
  "vacuum",
  "attach ':memory:' as other",
  "detach other",
  "begin",
  "begin immediate",
  "commit",
  "end",
  "rollback",
  "savepoint a",
  "release a",
  "pragma user_version = 7",
  "pragma user_version(7)",
  "pragma application_id = 1",
  "pragma journal_mode = delete",
  "pragma journal_mode",
  "pragma foreign_keys",
  "pragma foreign_keys = off",
  "pragma main.encoding = 'UTF-16'",
  "pragma optimize",
  "pragma wal_checkpoint",
  "pragma incremental_vacuum(1)",
  "pragma temp.table_info(item)",
  "explain pragma user_version = 7",
  "explain analyze",
  // What depends on the connection.
  "select last_insert_rowid()",
  "select changes (), total_changes()",
  "select \"last_insert_rowid\"()",
  "select [changes]()",
  "select * from temp.thing",
  "select * from sqlite_temp_schema",
  "select * from pragma_foreign_keys",
  "select optimize(item) from item",
  "select writefile('/nowhere/x', 'y')",
  "select load_extension('x')",
  // What is more than one, or unclear.
  "select 1; delete from item",
  "select 1; select 2",
  "select 'no end; delete from item",
  "select \"no end",
  "select [no end",
  "\ufeffselect 1",
  "select 1 \0",
  "select ^ 1",
  "sel ect 1",
  "",
  "-- select 1",
  "/* select 1 */"
]

describe("access", () => {
  it.each(reads)("reads: %s", (sql) => expect(access(sql)).toBe("reads"))
  it.each(writes)("writes: %s", (sql) => expect(access(sql)).toBe("writes"))
})

/** The same for SQLite, written in another way. */
const gap = fc.constantFrom(" ", "\n", "\t ", " /* delete from item; */ ", " -- update ' \" [\n", "/**/", " /* ' */ ")
const letters = fc.boolean()

const disguised = (sql: fc.Arbitrary<string>) =>
  fc.tuple(
    sql,
    fc.array(gap, { maxLength: 3 }),
    gap,
    letters,
    fc.constantFrom("", ";", " ; ;", "\n--", "/* ", " /* x */")
  ).map(
    ([sql, before, between, isUpper, after]) => {
      // Quoted parts and the values of pragmas stay as they are.
      const parts = sql.split(/('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\/\*.*?\*\/)/)
      const body = parts.map((part, at) =>
        at % 2 === 1 ? part : (isUpper ? part.toUpperCase() : part).replaceAll(" ", between)
      ).join("")
      return `${before.join("")}${body}${after}`
    }
  )

describe("access, of a text that is written in another way", () => {
  it("is the same where it reads", () => {
    fc.assert(fc.property(disguised(fc.constantFrom(...reads)), (sql) => access(sql) === "reads"), { numRuns: 2_000 })
  })

  it("is the same where it writes", () => {
    const certain = writes.filter((sql) => !/no end|\0|\ufeff|^--|^\/\*/.test(sql) && sql !== "")
    fc.assert(fc.property(disguised(fc.constantFrom(...certain)), (sql) => access(sql) === "writes"), {
      numRuns: 2_000
    })
  })
})

describe("What is said to read", () => {
  let folder: string
  let reader: Libsql.Database
  let writer: Libsql.Database

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "cenote-access-"))
    const filename = path.join(folder, "shop.db")
    writer = new Libsql(filename)
    writer.exec("pragma journal_mode = wal")
    writer.exec("create table item (n integer primary key, name text); insert into item values (1, 'a'), (2, 'b')")
    writer.exec("create index by_name on item (name); create virtual table words using fts4(text)")
    reader = new Libsql(`file:${filename}?mode=ro`)
  })
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  /** What a statement could change, as one text. */
  const state = (): string =>
    JSON.stringify([
      writer.prepare("select total_changes() as n").all(),
      ...["schema_version", "user_version", "application_id", "journal_mode", "foreign_keys", "query_only"].map((
        name
      ) => writer.prepare(`pragma ${name}`).all()),
      writer.prepare("select * from sqlite_schema").all(),
      writer.prepare("select * from temp.sqlite_schema").all(),
      writer.prepare("select * from pragma_database_list").all(),
      writer.inTransaction
    ])

  const run = (database: Libsql.Database, sql: string): string | undefined => {
    try {
      const statement = database.prepare(sql)
      if (statement.reader) statement.all()
      else statement.run()
      return undefined
    } catch (error) {
      return (error as { code?: string }).code ?? "none"
    }
  }

  const changesNothing = (sql: string): void => {
    const before = state()
    expect(run(reader, sql), sql).not.toBe("SQLITE_READONLY")
    run(writer, sql)
    expect(state(), sql).toBe(before)
  }

  it.each(reads)("runs where nobody may write: %s", (sql) => {
    expect(run(reader, sql)).toBeUndefined()
    changesNothing(sql)
  })

  const words = [
    ...("select values with recursive as from where insert into replace update set delete explain query plan pragma returning or "
      + "union all not materialized limit item a b n name main temp user_version table_info foreign_keys optimize words ( ) ( ) , ; = "
      + "* . 1 2 'x' \"n\" [a] `b` /* */ ? :a (values(1))").split(" "),
    "--\n",
    "(select 1)",
    "a as (select 1)",
    "b(n) as (values (3))",
    "into item",
    "from item",
    "set n = 9"
  ]
  const statement = fc.oneof(
    fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 }).map((parts) => parts.join(" ")),
    fc.tuple(
      fc.constantFrom("", "explain ", "explain query plan ", "/* x */", "; ", "-- x\n"),
      fc.constantFrom("", "with a as (select 1) ", "with recursive \"select\"(n) as (select 1), b as (values (2)) "),
      fc.constantFrom(...reads, ...writes),
      fc.constantFrom("", ";", "; delete from item", " -- ;", " /*", " union select 1, 2", " returning n")
    ).map((parts) => parts.join("")),
    disguised(fc.constantFrom(...reads, ...writes))
  )

  it("changes nothing, whatever it is made of", () => {
    fc.assert(
      fc.property(statement, (sql) => {
        if (access(sql) === "reads") changesNothing(sql)
      }),
      { numRuns: 10_000 }
    )
  }, 60_000)

  it("calls no function that nobody has looked at", () => {
    // SQLITE_INNOCUOUS, which SQLite gives to its own functions that do nothing but compute.
    const rows = writer.prepare("select distinct name from pragma_function_list where flags & 0x200000 = 0 order by 1")
    const names = rows.all().map((row) => (row as { name: string }).name)
    const harmless =
      ("acos acosh asin asinh atan atan2 atanh atn2 bm25 ceil ceiling charindex cos cosh cot coth degrees difference exp "
        + "floor fts5 geopoly_debug highlight leftstr ln log log10 lower_quartile lsmode match matchinfo median mode offsets padc padl padr "
        + "pi power proper radians readfile replicate reverse rightstr rtreecheck rtreedepth rtreenode sha3_query sign sin sinh snippet "
        + "sqlite3mc_codec_data sqlite3mc_version sqrt square stdev strfilter tan tanh upper_quartile variance").split(
          " "
        )
    const others = names.filter((name) => !harmless.includes(name))
    for (const name of others) expect(access(`select ${name}(1)`), name).toBe("writes")
  })
})
