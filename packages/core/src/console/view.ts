/** What a console says of a pool, as plain data for JSON. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PoolEvent } from "../model/events.js"
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
      health,
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
