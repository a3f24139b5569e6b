/** Leases that last too long: they are reported, and then aborted. Not those that said that they are long. */
import type { CloseReason } from "../model/events.js"
import type { Work } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import { condemnInUse } from "./shared.js"
import { holderOf } from "./situation.js"
import type { Leased, State } from "./state.js"
import { withLeased } from "./state.js"

const put = (state: State, lease: Leased): State => withLeased(state, OrderedMap.set(state.leased, lease.number, lease))

/** Kills the connection under its holder. The first reason why it is closed stays. */
export const abortLease = (state: State, lease: Leased, reason: CloseReason, work: Array<Work>): State => {
  if (lease.overdue === "aborted") return state
  work.push({ _tag: "Abort", holder: holderOf(lease), reason })
  const condemned = condemnInUse(state, lease.connection.id, reason)!
  return put(condemned, { ...OrderedMap.get(condemned.leased, lease.number)!, overdue: "aborted" })
}

/** Whether something will be done about the lease one day. */
const isWatched = ({ overdue, ticket }: Leased): boolean => !ticket.manner.isLong && overdue !== "aborted"

const dueOf = ({ rules }: State, { overdue, since }: Leased): number =>
  since + (overdue === undefined ? Math.min(rules.leakThreshold, rules.maxLease) : rules.maxLease)

/** Reports and aborts what is due. */
export const watchLeases = (before: State, now: number, work: Array<Work>): State =>
  OrderedMap.values(before.leased).reduce((state, lease) => {
    if (!isWatched(lease) || now < dueOf(state, lease)) return state
    if (now - lease.since >= state.rules.maxLease) return abortLease(state, lease, "MaxLease", work)
    work.push({ _tag: "Report", holder: holderOf(lease) })
    return put(state, { ...lease, overdue: "reported" })
  }, before)

/** When the next of today's leases is due. */
export const nextLeaseDue = (state: State): number =>
  OrderedMap.values(state.leased).reduce(
    (next, lease) => isWatched(lease) ? Math.min(next, dueOf(state, lease)) : next,
    Infinity
  )
