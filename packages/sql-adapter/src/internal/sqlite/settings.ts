import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as path from "node:path"
import type { SqliteConnectError } from "../../SqliteError.js"
import type { SqliteConnectorConfig } from "../../SqliteOptions.js"
import type { Problems } from "../wire/fields.js"
import { flag, millis } from "../wire/fields.js"
import type { Target } from "./driver.js"
import type { Limits } from "./execution.js"
import { configurationError } from "./failure.js"

/** A connector's options, checked and with the defaults in them. */
export interface Settings {
  /** As it was given. */
  readonly filename: string
  readonly target: Target
  readonly isFile: boolean
  readonly journalMode: string | undefined
  readonly synchronous: string | undefined
  readonly foreignKeys: boolean
  readonly limits: Limits
  readonly setup: ReadonlyArray<string>
  readonly safeIntegers: boolean
}

/** One constant for all defaults. */
const defaults = {
  busyTimeout: Duration.seconds(5),
  journalMode: "wal",
  /** Under WAL. */
  synchronous: "normal"
}

const memory = ":memory:"
const journalModes = ["wal", "delete", "truncate", "persist", "memory", "off"]
const synchronousModes = ["off", "normal", "full", "extra"]

const location = (filename: unknown, problems: Problems): void => {
  if (typeof filename !== "string" || filename === "") {
    problems.push(`filename must be the path of a database, or "${memory}"`)
  } else if (/^(file|https?|libsql|wss?):/i.test(filename)) {
    problems.push(
      "filename must be a path, not a URL: remote databases are not supported, and the other options say how to open it"
    )
  } else if (filename.includes("\0")) {
    problems.push("filename must not have a NUL character")
  }
}

const oneOf = (name: string, value: unknown, allowed: ReadonlyArray<string>, problems: Problems): void => {
  if (value !== undefined && !allowed.includes(value as string)) {
    problems.push(`${name} must be one of ${allowed.map((mode) => `"${mode}"`).join(", ")}`)
  }
}

const secret = (name: string, value: unknown, problems: Problems): string | undefined => {
  if (value === undefined) return undefined
  if (Redacted.isRedacted(value)) {
    const text = Redacted.value(value)
    if (typeof text === "string" && text !== "") return text
  }
  problems.push(`${name} must be a Redacted string that is not empty`)
  return undefined
}

const texts = (name: string, value: unknown, problems: Problems): void => {
  if (value !== undefined && !(Array.isArray(value) && value.every((text) => typeof text === "string"))) {
    problems.push(`${name} must be a list of statements`)
  }
}

/** What makes no sense together. */
const combination = (config: SqliteConnectorConfig, problems: Problems): void => {
  const isMemory = config.filename === memory
  if (config.readOnly === true && isMemory) {
    problems.push(`readOnly must be left out for "${memory}", which nobody could have written to`)
  }
  if (config.readOnly === true && config.journalMode !== undefined) {
    problems.push("journalMode must be left out with readOnly: who writes to the database sets it")
  }
  if (config.encryptionKey !== undefined && isMemory) {
    problems.push(`encryptionKey must be left out for "${memory}", which is never on a disk`)
  }
}

/** Checks a connector's options. Fails with all that is wrong with them. */
export const resolve = (config: SqliteConnectorConfig): Effect.Effect<Settings, SqliteConnectError> =>
  Effect.suspend(() => {
    const problems: Problems = []
    const { filename, journalMode, readOnly = false, synchronous } = config
    location(filename, problems)
    flag("readOnly", config.readOnly, problems)
    oneOf("journalMode", journalMode, journalModes, problems)
    oneOf("synchronous", synchronous, synchronousModes, problems)
    flag("foreignKeys", config.foreignKeys, problems)
    const busyTimeout = millis("busyTimeout", config.busyTimeout ?? defaults.busyTimeout, problems, 0)
    const statementTimeout = millis("statementTimeout", config.statementTimeout, problems)
    const encryptionKey = secret("encryptionKey", config.encryptionKey, problems)
    texts("setup", config.setup, problems)
    flag("safeIntegers", config.safeIntegers, problems)
    combination(config, problems)
    if (problems.length > 0 || busyTimeout === undefined) {
      return Effect.fail(configurationError(String(filename), problems))
    }
    const isFile = filename !== memory
    const journal = journalMode ?? (isFile && !readOnly ? defaults.journalMode : undefined)
    return Effect.succeed({
      filename,
      target: { path: isFile ? path.resolve(filename) : memory, readOnly, encryptionKey },
      isFile,
      journalMode: journal,
      synchronous: synchronous ?? (journal === "wal" ? defaults.synchronous : undefined),
      foreignKeys: config.foreignKeys ?? true,
      limits: { busyTimeout, statementTimeout },
      setup: config.setup ?? [],
      safeIntegers: config.safeIntegers ?? false
    })
  })
