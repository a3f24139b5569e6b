/** Cenote: this build, or that of another commit. */
import * as Built from "@cenote/core/ConnectionPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import type { AcquireOptions, Tuning } from "@cenote/core/PoolOptions"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EffectContender, Settings } from "../model.js"
import { canAll, Connection } from "../model.js"

type Module = Pick<typeof Built, "make">

const open = (module: Module, { acquireTimeout, maxSize, usedOnce }: Settings, tuning: Tuning = {}) =>
  module.make({
    ...tuning,
    connector: Effect.sync(() => new Connection()),
    maxSize,
    acquireTimeout,
    maxUses: usedOnce ? 1 : undefined
  })

export const cenote = (module: Module, name: string): ReadonlyArray<EffectContender> => [
  {
    _tag: "Effect",
    name: `${name} \`use\``,
    role: "Pool",
    can: canAll,
    make: (settings) => Effect.map(open(module, settings), (pool) => (body) => pool.use(body))
  },
  {
    _tag: "Effect",
    name: `${name} \`scoped(get)\``,
    role: "Pool",
    can: canAll,
    make: (settings) =>
      Effect.map(open(module, settings), (pool) => (body) => Effect.scoped(Effect.flatMap(pool.get, body)))
  }
]

interface Variant {
  readonly tuning?: Tuning
  /** Else as the case says. */
  readonly maxSize?: number
  readonly acquire?: AcquireOptions
  /** What has been done to the pool before it is used. */
  readonly prepare?: (pool: Built.ConnectionPool<Connection>) => Effect.Effect<unknown, never, Scope.Scope>
}

/** Cenote with something else than usual. */
const variant = (
  role: "Part" | "Option" | "Shared",
  what: string,
  { acquire, maxSize, prepare = () => Effect.void, tuning }: Variant
): EffectContender => ({
  _tag: "Effect",
  name: `Cenote \`use\`, ${what}`,
  role,
  can: canAll,
  make: (settings) =>
    Effect.map(
      Effect.tap(open(Built, { ...settings, maxSize: maxSize ?? settings.maxSize }, tuning), prepare),
      (pool) => (body) => pool.use(body, acquire)
    )
})

/** What was on once, and is off again. */
const parts = [
  variant("Part", "events no longer observed", {
    prepare: (pool) => Effect.raceFirst(Stream.runDrain(pool.events), Effect.sleep("10 millis"))
  }),
  variant("Part", "metrics no longer registered", { prepare: (pool) => Effect.scoped(PoolMetrics.register(pool)) })
]

/** What is off by default. */
const options = [
  variant("Option", "with options of the call", { acquire: { acquireTimeout: "1 hour" } }),
  variant("Option", "priority", { acquire: { priority: "high" } }),
  variant("Option", "overload", { tuning: { overload: { target: "1 hour" } } }),
  variant("Option", "minIdle", { tuning: { minIdle: 1 } }),
  variant("Option", "maxLease and leakThreshold", { tuning: { maxLease: "1 hour", leakThreshold: "1 hour" } }),
  variant("Option", "leakTracing", { tuning: { leakTracing: true } }),
  // Its events are built, and read by another fiber.
  variant("Option", "metrics registered", { prepare: PoolMetrics.register })
]

/** Where a connection takes several leases. */
const shared = [
  variant("Shared", "concurrency 10", { tuning: { concurrency: 10 } }),
  variant("Shared", "concurrency 10, exclusive", { tuning: { concurrency: 10 }, acquire: { exclusive: true } }),
  variant("Shared", "concurrency 100 on one connection", { tuning: { concurrency: 100 }, maxSize: 1 })
]

/** The names, for whoever does not run them. */
export const ours = (name: string): ReadonlyArray<EffectContender> => cenote(Built, name)

export const contenders = [...cenote(Built, "Cenote"), ...parts, ...options, ...shared]
