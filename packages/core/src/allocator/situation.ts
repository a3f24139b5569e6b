/** What the state says to somebody who got no connection. */
import type { PoolPhase } from "../model/stats.js"
import { returnRate } from "./measures.js"
import * as OrderedMap from "./OrderedMap.js"
import type { Leased, State } from "./state.js"
import { limitOf, sizes } from "./state.js"
import type { Holder, Situation } from "./Ticket.js"

/** How many leases are named. */
const NAMED = 3

export const holderOf = ({ connection, number, since, ticket: { fiber, manner } }: Leased): Holder => ({
  connection: connection.id,
  lease: number,
  since,
  fiber,
  manner
})

/** Who has the connections, the longest first. */
export const holdersOf = (state: State): ReadonlyArray<Holder> =>
  OrderedMap.values(state.leased).map(holderOf).sort((a, b) => a.since - b.since)

const phases = {
  Starting: "starting",
  Running: "running",
  Suspended: "suspended",
  Draining: "draining",
  Closing: "closing",
  Closed: "closed"
} as const satisfies Record<State["phase"]["_tag"], PoolPhase>

/** The phase, as a user is told. */
export const phaseOf = ({ phase }: State): PoolPhase => phases[phase._tag]

export const situationOf = (state: State, now: number): Situation => {
  const holders = holdersOf(state)
  return {
    phase: phaseOf(state),
    sizes: sizes(state),
    quota: limitOf(state),
    holders: holders.slice(0, NAMED),
    youngest: holders.at(-1)?.since,
    returnRate: returnRate(state, now),
    lastConnectFailure: state.upkeep.lastConnectFailure
  }
}
