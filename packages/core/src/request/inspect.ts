/** What a console shows of a pool that its users do not ask for: who waits, and how it was made. */
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as WaitQueue from "../allocator/WaitQueue.js"
import type { Priority } from "../model/options.js"
import type { ConnectionPool } from "../model/pool.js"
import { now } from "./core.js"
import { coreOf } from "./pool.js"

/** Somebody who waits. */
export interface Waiter {
  /** 1 is next. */
  readonly place: number
  readonly priority: Priority
  /** How long it has waited, and how much longer it will at most, in milliseconds. Undefined: for ever. */
  readonly age: number
  readonly left: number | undefined
  readonly fiber: string | undefined
  readonly span: string | undefined
}

/** How many waiters are shown. */
const SHOWN = 100

/** The first of those who wait, in the order in which they will be served. */
export const waitersOf = (pool: ConnectionPool<any, any>): Effect.Effect<ReadonlyArray<Waiter>> =>
  Effect.suspend(() => {
    const core = coreOf(pool)
    return Effect.map(core.allocator.snapshot, ({ queue }) => {
      const at = now(core)
      return [...WaitQueue.entries(queue)]
        .sort(([a, one], [b, other]) => one.turn - other.turn || a - b)
        .slice(0, SHOWN)
        .map(([, { deadline, fiber, priority, since }], index): Waiter => ({
          place: index + 1,
          priority,
          age: at - since,
          left: deadline === Infinity ? undefined : deadline - at,
          fiber: fiber === undefined ? undefined : FiberId.threadName(fiber.id()),
          span: fiber?.currentSpan?._tag === "Span" ? fiber.currentSpan.name : undefined
        }))
    })
  })

/** The options that the pool was made with, and that were changed since. Numbers of milliseconds, and none of the connector's own. */
export const configurationOf = (
  pool: ConnectionPool<any, any>
): Effect.Effect<{ readonly [option: string]: string | number | boolean }> =>
  Effect.suspend(() => {
    const core = coreOf(pool)
    return Effect.map(core.allocator.snapshot, ({ rules: { canCheck: _, overload, ...rules } }) => {
      const { connector, connectRetry: __, rules: ___, ...settings } = core.settings
      const all = { ...rules, ...settings, connector: connector.name, overload: overload === undefined ? "off" : "on" }
      // JSON has no Infinity.
      return Object.fromEntries(
        Object.entries(all).map(([option, value]) => [option, value === Infinity ? "unbounded" : value])
      )
    })
  })
