/**
 * Options, decoded: every default filled in, durations in milliseconds, nonsense refused by name.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Connector from "./connector.js"
import type { InvalidOption } from "./errors.js"
import { InvalidOptions } from "./errors.js"
import type { Options, PoolSizes, Priority, Tuning } from "./options.js"
import { defaults } from "./options.js"

/** What the allocator needs to know: plain numbers, so that it may change while the pool runs. */
export interface Rules {
  readonly maxSize: number
  readonly minSize: number
  readonly minIdle: number
  readonly maxWaiters: number
  /** In milliseconds. */
  readonly overload: { readonly target: number; readonly interval: number } | undefined
  readonly maxConnecting: number
  readonly whenDown: "fail" | "wait"
  readonly idleTimeout: number
  readonly maxLifetime: number
  readonly lifetimeJitter: number
  readonly maxUses: number
  /** Never changes while the pool lives. */
  readonly concurrency: number
  /** Infinity where the connector has no check. */
  readonly checkAfterIdle: number
  readonly canCheck: boolean
  /** Infinity where the connector has neither ping nor check. */
  readonly keepalive: number
  readonly maxLease: number
  readonly leakThreshold: number
  readonly order: "lifo" | "fifo"
}

export interface Settings<A, E, R> {
  readonly name: string
  readonly connector: Connector.Connector<A, E, R>
  readonly rules: Rules
  readonly acquireTimeout: number
  /** What a class has ahead of the one below. */
  readonly ageing: number
  readonly leakTracing: boolean
  readonly connectTimeout: number
  readonly connectRetry: Option.Option<Schedule.Schedule<unknown, unknown>>
  readonly checkTimeout: number
  readonly resetTimeout: number
  readonly closeTimeout: number
  readonly shutdownTimeout: number
  readonly startup: "lazy" | "probe" | "fill"
}

export type Decoded<A> = Either.Either<A, string>

export const show = (u: unknown): string => {
  switch (typeof u) {
    case "string":
      return JSON.stringify(u)
    case "function":
      return "a function"
    case "object":
      return u === null
        ? "null"
        : Array.isArray(u)
        ? "an array"
        : Duration.isDuration(u)
        ? Duration.format(u)
        : "an object"
    default:
      return String(u)
  }
}

export const integer =
  (least: number, { orInfinity }: { readonly orInfinity: boolean }) => (u: unknown): Decoded<number> =>
    (Number.isSafeInteger(u) && (u as number) >= least) || (orInfinity && u === Infinity)
      ? Either.right(u as number)
      : Either.left(`must be an integer of at least ${least}${orInfinity ? ", or Infinity" : ""}; got ${show(u)}`)

const share = (u: unknown): Decoded<number> =>
  typeof u === "number" && u >= 0 && u <= 1
    ? Either.right(u)
    : Either.left(`must be a number from 0 to 1; got ${show(u)}`)

const oneOf = <const A extends ReadonlyArray<string>>(...values: A) => (u: unknown): Decoded<A[number]> =>
  values.includes(u as string)
    ? Either.right(u as A[number])
    : Either.left(`must be one of ${values.map((value) => JSON.stringify(value)).join(", ")}; got ${show(u)}`)

const flag = (u: unknown): Decoded<boolean> =>
  typeof u === "boolean" ? Either.right(u) : Either.left(`must be true or false; got ${show(u)}`)

const text = (u: unknown): Decoded<string> =>
  typeof u === "string" && u.trim() !== ""
    ? Either.right(u)
    : Either.left(`must be a text that is not empty; got ${show(u)}`)

/** Duration.decode reads what is negative or no number as zero, so that is refused first. */
const isNonsense = (u: unknown): boolean =>
  (typeof u === "number" && !(u >= 0)) ||
  (typeof u === "bigint" && u < 0n) ||
  (typeof u === "string" && u.trim().startsWith("-")) ||
  (Array.isArray(u) && u.some((part) => typeof part !== "number" || !(part >= 0)))

/** In whole milliseconds, rounded up. */
export const duration = (least: "zero" | "aboveZero") => (u: unknown): Decoded<number> => {
  const decoded = isNonsense(u) ? Option.none() : Duration.decodeUnknown(u)
  return Option.isSome(decoded) && (least === "zero" || Duration.toMillis(decoded.value) > 0)
    ? Either.right(Math.ceil(Duration.toMillis(decoded.value)))
    : Either.left(
      `must be a duration ${
        least === "zero" ? "of 0 or more" : "above 0"
      }, as "5 seconds", a number of milliseconds or Duration.infinity; got ${show(u)}`
    )
}

/** db_connection's target, and half of its interval, which is meant for a queue that is looked at only every second. */
const overloadDefaults = { target: 50, interval: 1_000 }

const overload = (u: unknown): Decoded<Rules["overload"]> => {
  if (u === false) return Either.right(undefined)
  if (u === true) return Either.right(overloadDefaults)
  if (typeof u !== "object" || u === null || Array.isArray(u)) {
    return Either.left(`must be true, false, or as { target: "50 millis", interval: "1 second" }; got ${show(u)}`)
  }
  const { interval, target, ...rest } = u as Record<string, unknown>
  const unknown = Object.keys(rest)[0]
  if (unknown !== undefined) return Either.left(`has no ${unknown}; write { target, interval }`)
  const decode = (name: "target" | "interval", value: unknown) =>
    value === undefined
      ? Either.right(overloadDefaults[name])
      : Either.mapLeft(duration("aboveZero")(value), (problem) => `${name} ${problem}`)
  return Either.all({ target: decode("target", target), interval: decode("interval", interval) })
}

const schedule = (u: unknown): Decoded<Option.Option<Schedule.Schedule<unknown, unknown>>> =>
  u === undefined
    ? Either.right(Option.none())
    : hasProperty(u, Schedule.ScheduleTypeId)
    ? Either.right(Option.some(u as unknown as Schedule.Schedule<unknown, unknown>))
    : Either.left(`must be a Schedule, as Schedule.recurs(2); got ${show(u)}`)

export const source = (u: unknown): Decoded<Connector.Connector<unknown, unknown, unknown>> =>
  Connector.isConnector(u)
    ? Either.right(u)
    : Effect.isEffect(u)
    ? Either.right(Connector.from(u as Effect.Effect<unknown, unknown, unknown>))
    // A text may well be a URL, with a password in it.
    : Either.left(
      `must be a Connector, as Connector.make({ open }), or a scoped Effect; got ${
        typeof u === "string" ? "a text" : show(u)
      }`
    )

const decoders = {
  connector: source,
  name: (u: unknown): Decoded<string | undefined> => u === undefined ? Either.right(u) : text(u),
  maxSize: integer(1, { orInfinity: false }),
  minSize: integer(0, { orInfinity: false }),
  minIdle: integer(0, { orInfinity: false }),
  acquireTimeout: duration("zero"),
  maxWaiters: integer(0, { orInfinity: true }),
  overload,
  ageing: duration("zero"),
  maxConnecting: integer(1, { orInfinity: true }),
  connectTimeout: duration("aboveZero"),
  whenDown: oneOf("fail", "wait"),
  connectRetry: schedule,
  idleTimeout: duration("aboveZero"),
  maxLifetime: duration("aboveZero"),
  lifetimeJitter: share,
  maxUses: integer(1, { orInfinity: true }),
  concurrency: integer(1, { orInfinity: false }),
  checkAfterIdle: duration("zero"),
  keepalive: duration("aboveZero"),
  maxLease: duration("aboveZero"),
  leakThreshold: duration("aboveZero"),
  leakTracing: flag,
  checkTimeout: duration("aboveZero"),
  resetTimeout: duration("aboveZero"),
  closeTimeout: duration("aboveZero"),
  order: oneOf("lifo", "fifo"),
  startup: oneOf("lazy", "probe", "fill"),
  shutdownTimeout: duration("zero")
} satisfies { readonly [K in keyof Required<Options<unknown, unknown, unknown>>]: (u: unknown) => Decoded<unknown> }

export type Values = { readonly [K in keyof typeof decoders]: Either.Either.Right<ReturnType<(typeof decoders)[K]>> }

const beyondMaximum = (field: string, value: number, maxSize: number): InvalidOption => ({
  field,
  problem: `must be at most maxSize; got ${value} with maxSize ${maxSize}`
})

export const decodeFields = (input: object): { readonly issues: Array<InvalidOption>; readonly values: Values } => {
  const given: Record<string, unknown> = { ...input }
  const issues: Array<InvalidOption> = []
  const values: Record<string, unknown> = {}
  for (const [field, decode] of Object.entries(decoders)) {
    const value = given[field] === undefined ? (defaults as Tuning)[field as keyof Tuning] : given[field]
    const decoded: Decoded<unknown> = decode(value)
    if (Either.isLeft(decoded)) issues.push({ field, problem: decoded.left })
    else values[field] = decoded.right
  }
  for (const field of Object.keys(given)) {
    if (field in decoders) continue
    const meant = Object.keys(decoders).find((known) => known.toLowerCase() === field.toLowerCase())
    issues.push({
      field,
      problem: meant === undefined ? "is not an option" : `is not an option; did you mean ${meant}?`
    })
  }
  return { issues, values: values as Values }
}

/** Decodes the options of a pool, or names every one that cannot be. */
export const decode = <A, E, R>(
  input: Options<A, E, R>
): Either.Either<Settings<A, E, Exclude<R, Scope.Scope>>, InvalidOptions> => {
  if (typeof input !== "object" || input === null) {
    const problem = `must be an object with a connector, as { connector, maxSize: 10 }; got ${show(input)}`
    return Either.left(new InvalidOptions({ issues: [{ field: "options", problem }] }))
  }
  const { issues, values } = decodeFields(input)
  for (const field of ["minSize", "minIdle"] as const) {
    if (values[field] > values.maxSize) issues.push(beyondMaximum(field, values[field], values.maxSize))
  }
  if (issues.length > 0) return Either.left(new InvalidOptions({ issues }))
  const connector = values.connector as Connector.Connector<any, any, any>
  return Either.right(settingsOf(values, connector, values.name ?? connector.name, rulesOf(values, connector)))
}

/** What the allocator needs to know where connections are this connector's: without a step, what it is for is off. */
export const rulesOf = (values: Values, { check, ping }: Connector.Connector<any, any, any>): Rules => ({
  maxSize: values.maxSize,
  minSize: values.minSize,
  minIdle: values.minIdle,
  maxWaiters: values.maxWaiters,
  overload: values.overload,
  maxConnecting: values.maxConnecting,
  whenDown: values.whenDown,
  idleTimeout: values.idleTimeout,
  maxLifetime: values.maxLifetime,
  lifetimeJitter: values.lifetimeJitter,
  maxUses: values.maxUses,
  concurrency: values.concurrency,
  checkAfterIdle: check === undefined ? Infinity : values.checkAfterIdle,
  canCheck: check !== undefined,
  keepalive: ping === undefined && check === undefined ? Infinity : values.keepalive,
  maxLease: values.maxLease,
  leakThreshold: values.leakThreshold,
  order: values.order
})

export const settingsOf = (
  values: Values,
  connector: Connector.Connector<any, any, any>,
  name: string,
  rules: Rules
): Settings<any, any, any> => ({
  name,
  connector,
  rules,
  acquireTimeout: values.acquireTimeout,
  ageing: values.ageing,
  leakTracing: values.leakTracing,
  connectTimeout: values.connectTimeout,
  connectRetry: values.connectRetry,
  checkTimeout: values.checkTimeout,
  resetTimeout: values.resetTimeout,
  closeTimeout: values.closeTimeout,
  shutdownTimeout: values.shutdownTimeout,
  startup: values.startup
})

const decodeOne = <A>(field: string, decoded: Decoded<A>): Either.Either<A, InvalidOptions> =>
  Either.mapLeft(decoded, (problem) => new InvalidOptions({ issues: [{ field, problem }] }))

/** Decodes the `acquireTimeout` of one call. */
export const decodeAcquireTimeout = (input: unknown): Either.Either<number, InvalidOptions> =>
  decodeOne("acquireTimeout", decoders.acquireTimeout(input))

/** Decodes the `priority` of one call. */
export const decodePriority = (input: unknown): Either.Either<Priority, InvalidOptions> =>
  decodeOne("priority", oneOf("high", "normal", "low")(input))

/** Decodes the `exclusive` of one call. */
export const decodeExclusive = (input: unknown): Either.Either<boolean, InvalidOptions> =>
  decodeOne("exclusive", flag(input))

/** Decodes a duration that an operation is told. */
export const decodeDuration = (field: string, input: unknown): Either.Either<number, InvalidOptions> =>
  decodeOne(field, decoders.shutdownTimeout(input))

/** Decodes what newcomers to a suspended pool are to do. */
export const decodeNewcomers = (input: unknown): Either.Either<"wait" | "refuse", InvalidOptions> =>
  decodeOne("newcomers", oneOf("wait", "refuse")(input))

/** As `decodeDuration`, of one that must end. */
export const decodeFinite = (field: string, input: unknown): Either.Either<number, InvalidOptions> =>
  Either.flatMap(
    decodeDuration(field, input),
    (millis) => millis < Infinity ? Either.right(millis) : decodeOne(field, Either.left("must be finite; got Infinity"))
  )

/** Decodes what `resize` is told. */
export const decodeSizes = (
  input: PoolSizes
): Either.Either<Partial<Pick<Rules, "maxSize" | "minSize" | "minIdle">>, InvalidOptions> => {
  const issues: Array<InvalidOption> = []
  const sizes: { -readonly [K in keyof PoolSizes]?: number } = {}
  for (const field of ["maxSize", "minSize", "minIdle"] as const) {
    if (input[field] === undefined) continue
    const decoded = decoders[field](input[field])
    if (Either.isRight(decoded)) sizes[field] = decoded.right
    else issues.push({ field, problem: decoded.left })
  }
  for (const field of ["minSize", "minIdle"] as const) {
    if (sizes.maxSize !== undefined && sizes[field] !== undefined && sizes[field] > sizes.maxSize) {
      issues.push(beyondMaximum(field, sizes[field], sizes.maxSize))
    }
  }
  return issues.length > 0 ? Either.left(new InvalidOptions({ issues })) : Either.right(sizes as Partial<Rules>)
}
