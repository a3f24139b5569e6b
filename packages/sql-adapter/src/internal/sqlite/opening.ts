import * as Effect from "effect/Effect"
import { promises as fs } from "node:fs"
import * as path from "node:path"
import type { SqliteConnectError, SqliteConnectReason } from "../../SqliteError.js"
import { asError } from "../wire/network.js"
import type { NativeDatabase } from "./driver.js"
import { isSqliteFailure, openNative } from "./driver.js"
import { connectError, openingError } from "./failure.js"
import type { Session } from "./session.js"
import type { Settings } from "./settings.js"

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined

/**
 * What is wrong with the file or its folder: a sentence, or nothing. It does not open the file: to close it again would take away the
 * locks that this process has on it.
 */
const inspectFile = async (
  file: string,
  readOnly: boolean
): Promise<readonly [SqliteConnectReason, string, unknown?] | undefined> => {
  const found = await fs.stat(file).catch((error: unknown) => codeOf(error) === "ENOENT" ? undefined : asError(error))
  if (found instanceof Error) return ["CannotOpen", found.message, found]
  if (found === undefined) {
    if (readOnly) return ["CannotOpen", "there is no such file"]
    const folder = await fs.stat(path.dirname(file)).catch(asError)
    return folder instanceof Error ? ["CannotOpen", "there is no such folder", folder] : undefined
  }
  if (found.isDirectory()) return ["CannotOpen", "it is a directory"]
  const unreadable = await fs.access(file, fs.constants.R_OK).catch(asError)
  if (unreadable !== undefined) return ["CannotOpen", "it may not be read", unreadable]
  const unwritable = readOnly ? undefined : await fs.access(file, fs.constants.W_OK).catch(asError)
  return unwritable === undefined ? undefined : ["ReadOnly", "it may not be written to", unwritable]
}

/**
 * Finds what SQLite would not say: it opens a file that may not be written to for reading only, and says so at the first write. And
 * the driver loses some memory whenever it cannot open a file.
 */
export const inspect = ({ filename, isFile, target }: Settings): Effect.Effect<void, SqliteConnectError> =>
  isFile
    ? Effect.flatMap(Effect.promise(() => inspectFile(target.path, target.readOnly)), (problem) => {
      if (problem === undefined) return Effect.void
      const [reason, what, cause] = problem
      return Effect.fail(connectError(filename, reason, what, { code: codeOf(cause), cause }))
    })
    : Effect.void

/** The driver knows this failure by its number only. */
const cannotOpen = /: 14"\)$/

export const openDatabase = ({ filename, target }: Settings): Effect.Effect<NativeDatabase, SqliteConnectError> =>
  Effect.try({
    try: () => openNative(target),
    catch: (thrown) => {
      const error = asError(thrown)
      return cannotOpen.test(error.message)
        ? connectError(filename, "CannotOpen", "SQLite cannot open it", { code: "SQLITE_CANTOPEN", cause: error })
        : connectError(filename, "Other", error.message, {
          code: isSqliteFailure(error) ? error.code : undefined,
          cause: error
        })
    }
  })

/** What a new connection is told, in this order: each needs the one before it. */
export const prepare = (session: Session, settings: Settings): Effect.Effect<void, SqliteConnectError> => {
  const { filename, foreignKeys, journalMode, setup, synchronous } = settings
  const run = (sql: string) =>
    Effect.mapError(session.query(sql, [], { rowMode: "array" }), (error) => openingError(filename, error))
  const setJournalMode = (mode: string) =>
    Effect.flatMap(run(`PRAGMA journal_mode = ${mode}`), ({ rows: [row] }) => {
      const [actual] = row as unknown as [unknown]
      return actual === mode ? Effect.void : Effect.fail(connectError(
        filename,
        "Configuration",
        `its journal mode stays "${
          String(actual)
        }", and journalMode is "${mode}". Set journalMode to what is possible there`
      ))
    })
  return run("PRAGMA schema_version").pipe(
    Effect.zipRight(run(`PRAGMA foreign_keys = ${foreignKeys ? "ON" : "OFF"}`)),
    Effect.zipRight(journalMode === undefined ? Effect.void : setJournalMode(journalMode)),
    Effect.zipRight(synchronous === undefined ? Effect.void : run(`PRAGMA synchronous = ${synchronous}`)),
    Effect.zipRight(Effect.forEach(setup, run, { discard: true }))
  )
}
