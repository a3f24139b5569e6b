/** Everything that a program shows, in each form in which it may get into a log; and whether a password is in it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { recording } from "../sql-adapter/tracing.js"

/** Nothing else has any part of it. It has what is special in a URL, in SQL and in JSON. */
export const password = "Qx7/Tr0ub4dor+&@='\"%:3f9a"

const base64Of = (text: string): ReadonlyArray<string> =>
  // Behind none, one or two other bytes. The letters at both ends depend on what is beside it.
  [0, 1, 2].map((shift) => Buffer.from(`${"-".repeat(shift)}${text}`).toString("base64").slice(shift + 1, -4))

/** As it is, percent-encoded, in JSON, in SQL, in base64 wherever it begins, in base64 for URLs, in hexadecimal; and its middle alone. */
const forms: ReadonlyArray<string> = [
  password,
  encodeURIComponent(password),
  encodeURI(password),
  JSON.stringify(password).slice(1, -1),
  password.replaceAll("'", "''"),
  ...base64Of(password),
  ...base64Of(password).map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  Buffer.from(password).toString("hex"),
  "Tr0ub4dor"
]

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? ""
  } catch (error) {
    return `no JSON: ${String(error)}`
  }
}

const everything = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity }

const formsOf = (value: unknown): ReadonlyArray<string> => [
  typeof value === "symbol" ? "" : String(value),
  json(value),
  inspect(value, everything),
  inspect(value, { ...everything, showHidden: true }),
  Inspectable.toStringUnknown(value),
  ...Cause.isCause(value) ? [Cause.pretty(value), Cause.pretty(value, { renderErrorCause: true })] : [],
  ...value instanceof Error ? [value.message, value.stack ?? "", json(value.cause)] : []
]

const loggers: Record<string, Logger.Logger<unknown, unknown>> = {
  text: Logger.stringLogger,
  logfmt: Logger.logfmtLogger,
  JSON: Logger.jsonLogger,
  structured: Logger.structuredLogger
}

export class Search {
  private readonly places = new Map<string, number>()
  private readonly leaks = new Set<string>()
  private readonly recording = recording()

  /** Takes a value in all its forms, or a text as it is. */
  readonly add = (place: string, value: unknown): void => {
    this.places.set(place, (this.places.get(place) ?? 0) + 1)
    for (const text of typeof value === "string" ? [value] : formsOf(value)) {
      if (forms.some((form) => text.includes(form))) this.leaks.add(place)
    }
  }

  /** Takes how it ends, and what it would be in a log; and goes on with its error, or dies where it has none. */
  failure<A, E, R>(place: string, effect: Effect.Effect<A, E, R>): Effect.Effect<E, never, R> {
    return Effect.flatMap(Effect.exit(effect), (exit) => {
      if (Exit.isSuccess(exit)) return Effect.dieMessage(`${place}: it did not fail`)
      const { cause } = exit
      const error = Cause.squash(cause) as E
      this.add(place, exit)
      this.add(place, cause)
      this.add(place, error)
      return Effect.as(
        Effect.all([
          Effect.logError(place, cause),
          Effect.logFatal(error),
          Effect.annotateLogs(Effect.logDebug(place), { error, cause })
        ]),
        error
      )
    })
  }

  /** Where it was found. */
  get found(): ReadonlyArray<string> {
    for (const { attributes, links, name, status } of this.recording.spans) {
      this.add(`span ${name}`, { name, attributes: Object.fromEntries(attributes), links, status })
      if (status._tag === "Ended") this.add(`end of span ${name}`, status.exit)
    }
    return [...this.leaks]
  }

  /** How often each place was looked at. */
  get looked(): ReadonlyMap<string, number> {
    return this.places
  }

  get spans(): ReadonlyArray<string> {
    return this.recording.spans.map(({ name }) => name)
  }

  /** Everything that is logged at any level, in each format, and every span, is looked at. */
  get layer(): Layer.Layer<never> {
    const logger = Logger.make<unknown, void>((options) => {
      for (const [format, logger] of Object.entries(loggers)) this.add(`log as ${format}`, logger.log(options))
    })
    return Layer.mergeAll(
      Logger.replace(Logger.defaultLogger, logger),
      Logger.minimumLogLevel(LogLevel.All),
      Layer.setTracer(this.recording.tracer as Tracer.Tracer)
    )
  }
}
