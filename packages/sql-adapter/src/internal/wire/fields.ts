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

export const millis = (name: string, value: unknown, problems: Problems): number | undefined => {
  if (value === undefined) return undefined
  const decoded = Option.map(Duration.decodeUnknown(value), Duration.toMillis)
  if (Option.isSome(decoded) && decoded.value >= 1 && decoded.value <= longestTimer) return Math.round(decoded.value)
  problems.push(`${name} must be a duration from 1 ms to ${longestTimer} ms`)
  return undefined
}
