import type Libsql from "libsql/promise"
import Database from "libsql/promise"
import { pathToFileURL } from "node:url"

/** libsql's database, with what of it has no type. */
export interface NativeDatabase extends Omit<Libsql, "prepare" | "defaultSafeIntegers"> {
  readonly inTransaction: boolean
  readonly prepare: (sql: string) => Promise<NativeStatement>
  readonly defaultSafeIntegers: (toggle: boolean) => unknown
}

/**
 * A prepared statement.
 *
 * `iterate` resets it, binds, and takes its first step on one of the driver's threads. `get` takes one on this one, from where the
 * statement is, and resets it.
 */
export interface NativeStatement {
  /** Whether it has columns. */
  readonly reader: boolean
  readonly iterate: (params: ReadonlyArray<unknown>) => Promise<NativeRows>
  readonly get: () => unknown
  /** Throws where the statement has no columns. */
  readonly raw: (toggle: boolean) => unknown
}

/** The iterator over its rows, which has the driver fill `nextRows`, null by null, when `nextRowIndex` is 100. */
export interface NativeRows {
  nextRows: Array<unknown>
  nextRowIndex: number
  readonly next: () => { readonly done: boolean; readonly value?: unknown }
}

/** What SQLite answered with. */
export interface SqliteFailure extends Error {
  readonly code: string
  /** The extended result code. */
  readonly rawCode: number
}

export const isSqliteFailure = (u: unknown): u is SqliteFailure =>
  u instanceof Error && "rawCode" in u && typeof u.rawCode === "number" && "code" in u && typeof u.code === "string"

/** Which database, as the driver is to open it. */
export interface Target {
  /** An absolute path, or ":memory:". */
  readonly path: string
  readonly readOnly: boolean
  readonly encryptionKey: string | undefined
}

/** How many statements of a process can run or wait for the disk at one time. */
const threads = "32"

/**
 * Opens a database. The driver knows no flags, but SQLite's URIs.
 *
 * It runs each statement on one of its threads, by itself as many as there are cores: two slow ones on two cores would hold
 * up every COMMIT. When it opens its first database it asks the environment how many they are to be.
 */
export const openNative = ({ encryptionKey, path, readOnly }: Target): NativeDatabase => {
  const name = path === ":memory:" ? path : `${pathToFileURL(path).href}?mode=${readOnly ? "ro" : "rwc"}`
  const { env } = process
  const isUndecided = env.TOKIO_WORKER_THREADS === undefined
  if (isUndecided) env.TOKIO_WORKER_THREADS = threads
  try {
    const database = new Database(
      name,
      encryptionKey === undefined ? {} : { encryptionKey }
    ) as unknown as NativeDatabase
    database.defaultSafeIntegers(true)
    return database
  } finally {
    if (isUndecided) delete env.TOKIO_WORKER_THREADS
  }
}

/**
 * The next rows, at most `size`; fewer when there are no more. Not to be called again then: the statement would start anew. The
 * first call throws what its first step has failed with.
 */
export const take = (rows: NativeRows, size: number): Array<object> => {
  const taken: Array<unknown> = []
  taken.length = size
  rows.nextRows = taken
  rows.nextRowIndex = 100
  const first = rows.next()
  if (first.done) return []
  taken[0] = first.value
  const end = taken.indexOf(null)
  if (end >= 0) taken.length = end
  return taken as Array<object>
}

/**
 * Ends a statement that has begun, so that it holds no lock. The step that `get` takes fails at once where it is interrupted. One
 * that changes something must not be: that would be undone, and its transaction with it.
 */
export const end = (
  database: NativeDatabase,
  statement: NativeStatement,
  how: "interrupted" | "untouched"
): void => {
  if (how === "interrupted") database.interrupt()
  try {
    statement.get()
  } catch {
    // Interrupted, as was asked.
  }
}
