import type { SqliteConnection, SqliteConnectorConfig } from "@cenote/sql-adapter/SqliteConnector"
import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import Libsql from "libsql"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { until } from "./harness.js"

/** A folder that is gone when the Scope is closed. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "cenote-sqlite-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

/** The folder of a suite. */
export class Folder extends Context.Tag("test/Folder")<Folder, string>() {}

export const folderLayer = Layer.scoped(Folder, folder)

/** The path of a database that does not exist yet, in a folder of its own. */
export const newFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  folder,
  (folder) => path.join(folder, "shop.db")
)

export const open = (
  config: SqliteConnectorConfig
): Effect.Effect<SqliteConnection, SqliteConnector.SqliteConnectError, Scope.Scope> => SqliteConnector.make(config).open

/** A connection to a new database, with some options other than the usual. */
export const openNew = (options: Partial<SqliteConnectorConfig> = {}) =>
  Effect.flatMap(newFile, (filename) => open({ filename, ...options }))

/** A new database with a table `item` of one number, which is its key, and nothing in it. */
export const shop = (options: Partial<SqliteConnectorConfig> = {}) =>
  Effect.gen(function*() {
    const filename = yield* newFile
    const connection = yield* open({ filename, ...options })
    yield* connection.query("create table item (n integer primary key)")
    return { filename, connection, insert: (n: number) => connection.query("insert into item values (?)", [n]) }
  })

/** The connector's steps, which don't depend on its options. */
export const steps = SqliteConnector.make({ filename: ":memory:" }) as unknown as
  & {
    readonly [Step in "check" | "reset"]: (connection: SqliteConnection) => Effect.Effect<unknown, unknown>
  }
  & {
    readonly [Step in "needsReset" | "isBroken"]: (connection: SqliteConnection) => boolean
  }
  & {
    readonly onLost: (connection: SqliteConnection, lost: (reason: unknown) => void) => void
    readonly abort: (connection: SqliteConnection) => void
  }

/** What SQLite says of a file, on a connection that has nothing to do with those that are tested. */
export const look = (filename: string, sql: string): ReadonlyArray<any> => {
  const database = new Libsql(filename)
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

/** Statements that take hours. Both read `item`, and the second has the lock for writing. */
export const slowRead = "select count(*) + (select count(*) from item) as n from generate_series(1, 1000000000000)"
export const slowWrite = "insert into item select count(*) from generate_series(1, 1000000000000)"

/** Whether anybody reads from the file, or writes to it, in this moment. It must be in WAL mode. */
const isInUse = (filename: string): boolean => {
  const database = new Libsql(filename)
  try {
    database.exec("create table if not exists probe (n); insert into probe values (1)")
    const [row] = database.prepare("pragma wal_checkpoint(truncate)").all() as [{ busy: number }]
    return row.busy === 1
  } catch (error) {
    if ((error as { code?: string }).code === "SQLITE_BUSY") return true
    throw error
  } finally {
    database.close()
  }
}

export const isRunning = (filename: string) => until("a statement runs", Effect.sync(() => isInUse(filename)))

export const isIdle = (filename: string) => until("no statement runs", Effect.sync(() => !isInUse(filename)))

/** What a connection says that it does. */
const doing = (connection: SqliteConnection): string =>
  (JSON.parse(JSON.stringify(connection)) as { doing: string }).doing

export const isWaiting = (connection: SqliteConnection) =>
  until("it waits for a lock", Effect.sync(() => doing(connection) === "Waiting"))

/** How many of this process's file handles are of that file, or what SQLite has beside it. */
export const handlesOf = (filename: string): number =>
  fs.readdirSync("/proc/self/fd").filter((handle) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${handle}`).startsWith(filename)
    } catch {
      return false
    }
  }).length

const other = `
  const Database = require(process.argv[1])
  const database = new Database(process.argv[2], { timeout: 10000 })
  require("readline").createInterface({ input: process.stdin }).on("line", (sql) => {
    try {
      console.log(JSON.stringify({ rows: sql.startsWith("select") ? database.prepare(sql).all() : database.exec(sql) ?? [] }))
    } catch (error) {
      console.log(JSON.stringify({ error: error.code }))
    }
  }).on("close", () => process.exit(0))
`

/** Another process that has the database open and runs one statement after the other. It waits for locks for ten seconds. */
export const otherProcess = (
  filename: string
): Effect.Effect<(sql: string) => Effect.Effect<{ rows?: ReadonlyArray<any>; error?: string }>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const libsql = createRequire(import.meta.url).resolve("libsql")
        const child = spawn(process.execPath, ["-e", other, libsql, filename], { stdio: ["pipe", "pipe", "inherit"] })
        const waiting: Array<(line: string) => void> = []
        createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line))
        return { child, waiting }
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    ({ child, waiting }) => (sql) =>
      Effect.async((resume) => {
        waiting.push((line) => resume(Effect.sync(() => JSON.parse(line))))
        child.stdin.write(`${sql}\n`)
      })
  )
