/** What a console says of a pool, as plain data for JSON. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PoolEvent } from "../model/events.js"
import type { HealthReason, PoolHealth } from "../model/health.js"
import type { ConnectionPool } from "../model/pool.js"
import { configurationOf, waitersOf } from "../request/inspect.js"

/** What is longer is cut: an error may carry a whole page. */
const LONGEST = 300

const cut = (text: string): string => text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`

/** A cause in one line, without its stack. */
export const lineOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (!(error instanceof Error)) return cut(String(error))
  return cut(error.message === "" ? error.name : `${error.name}: ${error.message}`)
}

const reasonOf = (reason: HealthReason): string => {
  switch (reason._tag) {
    case "Saturated":
      return `${reason.leased} of ${reason.maxSize} are in use, and ${reason.waiting} wait`
    case "WaitersOverdue":
      return `somebody has waited for ${Math.round(reason.longest)} ms, ${reason.waiting} wait`
    case "Overloaded":
      return `overloaded: callers are shed, ${reason.waiting} wait`
    case "CannotConnect":
      return `cannot connect: ${reason.failedInARow} in a row have failed, ${reason.open} are open: ${
        lineOf(reason.cause)
      }`
    case "Suspended":
      return `suspended: newcomers ${reason.newcomers === "wait" ? "wait" : "are refused"}`
    case "Draining":
      return "draining: newcomers are refused"
    case "Closed":
      return "closed, or closing"
  }
}

const healthOf = ({ _tag, reasons }: PoolHealth) => ({ status: _tag, reasons: reasons.map(reasonOf) })

/** Everything of now. */
export const viewOf = (name: string, pool: ConnectionPool<any, any>) =>
  Effect.map(
    Effect.all({
      stats: pool.stats,
      health: pool.health,
      leases: pool.leases,
      waiters: waitersOf(pool),
      configuration: configurationOf(pool)
    }),
    ({ configuration, health, leases, stats: { lastConnectFailure, ...stats }, waiters }) => ({
      name,
      stats,
      health: healthOf(health),
      leases,
      waiters,
      configuration,
      lastConnectFailure: Option.getOrNull(
        Option.map(lastConnectFailure, ({ at, cause }) => ({ at, error: lineOf(cause) }))
      )
    })
  )

/** An event as a line of the page: what happened, and what is to be said of it. */
export const eventOf = (event: PoolEvent): { readonly at: number; readonly tag: string; readonly text: string } => {
  const { _tag, at, ...facts } = event
  const said = Object.entries(facts).map(([name, value]) =>
    Cause.isCause(value)
      ? lineOf(value)
      : `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`
  )
  return { at, tag: _tag, text: cut(said.join(", ")) }
}
