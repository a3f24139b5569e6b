import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** What is wrong with options, each with what to write instead. */
export type Problems = Array<string>

export const longestTimer = 2 ** 31 - 1

export const secret = (name: string, value: unknown, problems: Problems): string | undefined => {
  if (value === undefined) return undefined
  if (Redacted.isRedacted(value)) {
    const text = Redacted.value(value)
    if (typeof text === "string") return text
  }
  problems.push(`${name} must be a Redacted string`)
  return undefined
}

export const text = (name: string, value: unknown, problems: Problems): void => {
  if (value !== undefined && (typeof value !== "string" || value === "")) {
    problems.push(`${name} must be a string that is not empty`)
  }
}

export const flag = (name: string, value: unknown, problems: Problems): void => {
  if (value !== undefined && typeof value !== "boolean") problems.push(`${name} must be true or false`)
}

export const millis = (name: string, value: unknown, problems: Problems, least = 1): number | undefined => {
  if (value === undefined) return undefined
  const decoded = Option.map(Duration.decodeUnknown(value), Duration.toMillis)
  if (Option.isSome(decoded) && decoded.value >= least && decoded.value <= longestTimer) {
    return Math.round(decoded.value)
  }
  problems.push(`${name} must be a duration from ${least} ms to ${longestTimer} ms`)
  return undefined
}

export const port = (value: unknown, problems: Problems): void => {
  if (value !== undefined && !(typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535)) {
    problems.push("port must be a whole number from 1 to 65535")
  }
}

export const ssl = (value: unknown, problems: Problems): void => {
  if (value !== undefined && typeof value !== "boolean" && (typeof value !== "object" || value === null)) {
    problems.push("ssl must be a boolean or the options of tls.connect")
  }
}

export const setup = (value: ReadonlyArray<string> | undefined, problems: Problems): ReadonlyArray<string> => {
  const statements = value ?? []
  if (!Array.isArray(statements) || !statements.every((sql) => typeof sql === "string" && sql.trim() !== "")) {
    problems.push("setup must be a list of statements, each a string that is not empty")
  }
  return statements
}

/** After which a statement that is not answered is given up: not before the server had the time to end it. */
export const answerTimeoutOf = (statementTimeout: number | undefined, cancelTimeout: number): number | undefined =>
  statementTimeout === undefined ? undefined : Math.min(statementTimeout + cancelTimeout, longestTimer)
