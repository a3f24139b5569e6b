/**
 * How a pool is, as `pool.health` says: healthy, degraded or down, with the reasons.
 *
 * It is made for readiness: a pool that is down answers with errors, so requests are better sent elsewhere. It is not made for liveness:
 * a process whose database is away is not mended by killing it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { HealthReason, PoolHealth } from "./model/health.js"

/**
 * @since 0.1.0
 */
export * from "./model/health.js"

/**
 * Whether the pool can take callers: all but a pool that is down. A saturated pool is degraded, yet ready: it serves as fast as it can,
 * and the others that would get its requests are no less busy.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as PoolHealth from "@cenote/core/PoolHealth"
 * import * as Effect from "effect/Effect"
 *
 * // A pool that has opened nothing yet is ready.
 * export const program = Effect.gen(function*() {
 *   const pool = yield* ConnectionPool.make({ connector: Effect.succeed("a connection") })
 *   const health = yield* pool.health
 *   return { status: PoolHealth.isReady(health) ? 200 : 503, body: PoolHealth.describe(health) }
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 * @category guards
 */
export const isReady = (health: PoolHealth): boolean => health._tag !== "Down"

const format = (millis: number): string => Duration.format(Duration.millis(Math.max(0, Math.round(millis))))

const plural = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`

const callers = (count: number): string => plural(count, "caller waits", "callers wait")

const sentence = (reason: HealthReason): string => {
  switch (reason._tag) {
    case "Saturated":
      return `${reason.leased} of ${reason.maxSize} connections are in use, and ${callers(reason.waiting)}`
    case "WaitersOverdue":
      return `${callers(reason.waiting)}, the longest for ${format(reason.longest)}`
    case "Overloaded":
      return "callers are shed"
    case "CannotConnect":
      return `${plural(reason.failedInARow, "opening", "openings in a row")} failed, the last ${
        format(reason.ago)
      } ago, and ${plural(reason.open, "connection is", "connections are")} open`
    case "Suspended":
      return `it is suspended, and newcomers ${reason.newcomers === "wait" ? "wait" : "are refused"}`
    case "Draining":
      return "it drains"
    case "Closed":
      return "it is closed"
  }
}

/**
 * In words, for a log or whoever may read a health page. It does not say what openings failed with: that may say more of a server than
 * everybody should know.
 *
 * @since 0.1.0
 * @category rendering
 */
export const describe = ({ _tag, pool, reasons }: PoolHealth): string =>
  [`Pool "${pool}" is ${_tag.toLowerCase()}`, ...reasons.length > 0 ? [reasons.map(sentence).join("; ")] : []]
    .join(": ") + "."
