/** Options of a keyed pool, decoded: as those of a plain one, and those of all keys together. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as Connector from "./connector.js"
import type { InvalidOption } from "./errors.js"
import { InvalidOptions } from "./errors.js"
import type { KeyedOptions } from "./keyed.js"
import { keyedDefaults } from "./keyed.js"
import type { Rules, Settings, Values } from "./settings.js"
import { decodeFields, duration, integer, rulesOf, settingsOf, show, source } from "./settings.js"

export interface KeyedSettings<in K, A, E, R> {
  readonly name: string
  readonly maxTotal: number
  readonly maxPerKey: number
  readonly keyIdleTimeout: number
  readonly shutdownTimeout: number
  readonly leakTracing: boolean
  /** Those of one key. Dies where the user's own functions do. */
  readonly ofKey: (key: K) => Either.Either<Settings<A, E, R>, InvalidOptions>
}

/** Options of a keyed pool that a plain one has not. */
const keyedDecoders = {
  maxPerKey: integer(1, { orInfinity: false }),
  maxTotal: integer(1, { orInfinity: false }),
  keyIdleTimeout: duration("aboveZero")
}

/** What a plain pool has and a keyed one has not. */
const notOfKeys: { readonly [field: string]: string } = {
  maxSize: "is not an option of a keyed pool; write maxPerKey, and maxTotal for all keys",
  minSize: "is not an option of a keyed pool: keys have no minimum",
  minIdle: "is not an option of a keyed pool: keys have no minimum",
  startup: "is not an option of a keyed pool: it knows no key when it is made"
}

const isFunction = (field: string, u: unknown): ReadonlyArray<InvalidOption> =>
  typeof u === "function"
    ? []
    : [{ field, problem: `must be a function of the key, as (tenant) => connectorOf(tenant); got ${show(u)}` }]

/** Decodes the options of a keyed pool, or names every one that cannot be. */
export const decodeKeyed = <K, A, E, R>(
  input: KeyedOptions<K, A, E, R>
): Either.Either<KeyedSettings<K, A, E, Exclude<R, Scope.Scope>>, InvalidOptions> => {
  if (typeof input !== "object" || input === null) {
    const problem = `must be an object with a connector, as { connector: (key) => …, maxTotal: 100 }; got ${
      show(input)
    }`
    return Either.left(new InvalidOptions({ issues: [{ field: "options", problem }] }))
  }
  const { connector, describe, keyIdleTimeout, maxPerKey, maxTotal, ...tuning } = {
    ...input,
    maxPerKey: input.maxPerKey ?? keyedDefaults.maxPerKey,
    maxTotal: input.maxTotal ?? keyedDefaults.maxTotal,
    keyIdleTimeout: input.keyIdleTimeout ?? keyedDefaults.keyIdleTimeout
  }
  const wrong = Object.keys(tuning).filter((field) => field in notOfKeys)
  const plain = Object.fromEntries(Object.entries(tuning).filter(([field]) => !(field in notOfKeys)))
  const { issues, values } = decodeFields({ ...plain, connector: Connector.from(Effect.void) })
  issues.push(
    ...isFunction("connector", connector),
    ...describe === undefined ? [] : isFunction("describe", describe),
    ...wrong.map((field) => ({ field, problem: notOfKeys[field]! }))
  )
  const own = { maxPerKey, maxTotal, keyIdleTimeout }
  const numbers = { maxPerKey: 0, maxTotal: 0, keyIdleTimeout: 0 }
  for (const field of ["maxPerKey", "maxTotal", "keyIdleTimeout"] as const) {
    const decoded = keyedDecoders[field](own[field])
    if (Either.isRight(decoded)) numbers[field] = decoded.right
    else issues.push({ field, problem: decoded.left })
  }
  if (issues.length > 0) return Either.left(new InvalidOptions({ issues }))
  const { name = "keyed pool" } = values
  const ofKeys: Values = { ...values, maxSize: numbers.maxPerKey, minSize: 0, minIdle: 0, startup: "lazy" }
  // Most connectors can do the same, so that most keys have the same rules.
  const known: Array<Rules> = []
  const shared = (rules: Rules): Rules => {
    const same = known.find(({ canCheck, keepalive }) => canCheck === rules.canCheck && keepalive === rules.keepalive)
    if (same === undefined) known.push(rules)
    return same ?? rules
  }
  return Either.right({
    name,
    maxTotal: numbers.maxTotal,
    maxPerKey: numbers.maxPerKey,
    keyIdleTimeout: numbers.keyIdleTimeout,
    shutdownTimeout: values.shutdownTimeout,
    leakTracing: values.leakTracing,
    ofKey: (key) =>
      Either.mapBoth(source(connector(key)), {
        onLeft: (problem) => new InvalidOptions({ issues: [{ field: "connector", problem: `of a key ${problem}` }] }),
        onRight: (connector) =>
          settingsOf(
            ofKeys,
            connector,
            describe === undefined ? name : `${name}/${describe(key)}`,
            shared(rulesOf(ofKeys, connector))
          )
      })
  })
}
