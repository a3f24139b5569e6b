/**
 * Connections that several leases may be on at once: HTTP/2, Redis, pipelined drivers.
 *
 * Where `concurrency` is 1 nothing of this is touched. Else a caller that may share goes to the least loaded connection that is in
 * use, unless one is idle, and what is in use is kept by connection. A caller that wants one for itself waits for one that is
 * empty. Meanwhile nobody who comes after it goes to the least loaded, which so comes to be empty first; and once many
 * have come, to none.
 */
import type { CloseReason } from "../model/events.js"
import type { Verdict } from "./decision.js"
import * as OrderedMap from "./OrderedMap.js"
import { retirement } from "./retirement.js"
import type { Idle, Leased, Shared, State } from "./state.js"
import { withLeased, withShared } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { PASSES } from "./turns.js"
import * as WaitQueue from "./WaitQueue.js"

export const isSharing = ({ rules }: State): boolean => rules.concurrency > 1

/** A lease has begun, on a connection that was free or that others are on. */
export const join = (
  state: State,
  ticket: Ticket,
  { connection, uses }: Pick<Idle, "connection" | "uses">
): State => {
  if (!isSharing(state)) return state
  const holders = (OrderedMap.get(state.shared, connection.id)?.holders ?? 0) + 1
  const isExclusive = !ticket.manner.mayShare
  const entry = { connection, uses: uses + 1, condemned: undefined, holders, isExclusive, needsReset: false }
  return withShared(state, OrderedMap.set(state.shared, connection.id, entry))
}

/** A lease has ended: what becomes of its connection if it was the last on it; undefined: others are on it still. */
export const part = (
  state: State,
  { connection: { id } }: Leased,
  verdict: Verdict
): readonly [{ readonly ended: Shared; readonly verdict: Verdict } | undefined, State] => {
  const before = OrderedMap.get(state.shared, id)!
  const ended: Shared = {
    ...before,
    holders: before.holders - 1,
    condemned: before.condemned ?? (verdict._tag === "Discard" ? verdict.reason : undefined),
    needsReset: before.needsReset || verdict._tag === "Reset"
  }
  return ended.holders > 0
    ? [undefined, withShared(state, OrderedMap.set(state.shared, id, ended))]
    : [
      { ended, verdict: ended.needsReset ? { _tag: "Reset" } : { _tag: "Keep" } },
      withShared(state, OrderedMap.remove(state.shared, id))
    ]
}

/** Whether one more lease may begin on it. */
const hasRoom = (
  state: State,
  { condemned, connection, holders, isExclusive, needsReset, uses }: Shared,
  now: number
) =>
  holders < state.rules.concurrency && !isExclusive && !needsReset && condemned === undefined &&
  retirement(state, connection, uses, now) === undefined

/** The two least loaded connections that one more lease may begin on. */
const leastLoaded = (state: State, now: number): readonly [Shared | undefined, Shared | undefined] => {
  let first: Shared | undefined = undefined
  let second: Shared | undefined = undefined
  for (const entry of OrderedMap.values(state.shared)) {
    if (!hasRoom(state, entry, now)) continue
    if (first === undefined || entry.holders < first.holders) {
      second = first
      first = entry
    } else if (second === undefined || entry.holders < second.holders) {
      second = entry
    }
  }
  return [first, second]
}

/** The connection for one that may share, where nobody waits: asked at each take, so it makes no list. */
export const roomFor = (state: State, ticket: Ticket, now: number): Shared | undefined => {
  if (!isSharing(state) || !ticket.manner.mayShare) return undefined
  let least: Shared | undefined = undefined
  let fewest = Infinity
  OrderedMap.some(state.shared, (entry) => {
    if (entry.holders >= fewest || !hasRoom(state, entry, now)) return false
    least = entry
    fewest = entry.holders
    // Nobody has less than one.
    return fewest === 1
  })
  return least
}

/** Who of those that wait goes to a connection that others are on, and to which. */
export const nextToJoin = (
  state: State,
  now: number
): { readonly number: number; readonly entry: Shared } | undefined => {
  if (!isSharing(state)) return undefined
  const number = WaitQueue.firstToShare(state.queue)
  if (number === undefined) return undefined
  const [least, second] = leastLoaded(state, now)
  const first = WaitQueue.first(state.queue)!
  const entry = number === first
    ? least
    : state.nextTicket - first - 1 <= PASSES * state.rules.concurrency
    ? second
    : undefined
  return entry === undefined ? undefined : { number, entry }
}

/** Marks a connection that is in use: it takes no more leases, and is closed when the last comes back. The first reason stays. */
export const condemnInUse = (state: State, id: number, reason: CloseReason): State | undefined => {
  if (isSharing(state)) {
    const entry = OrderedMap.get(state.shared, id)
    if (entry === undefined) return undefined
    return withShared(state, OrderedMap.set(state.shared, id, { ...entry, condemned: entry.condemned ?? reason }))
  }
  const lease = OrderedMap.values(state.leased).find(({ connection }) => connection.id === id)
  if (lease === undefined) return undefined
  const condemned = lease.condemned ?? reason
  return withLeased(state, OrderedMap.set(state.leased, lease.number, { ...lease, condemned }))
}

/** Shared connections that take no more leases, and end when the last has left. */
export const leavingCount = (state: State): number =>
  isSharing(state) ? OrderedMap.values(state.shared).filter(({ condemned }) => condemned !== undefined).length : 0

/**
 * Condemns so many of those in use, the least loaded first: what is shared might never come back by itself. Those that are condemned
 * already count.
 */
export const condemnSurplus = (before: State, count: number, reason: CloseReason): State => {
  if (!isSharing(before)) return before
  const all = OrderedMap.values(before.shared)
  const fit = all.filter(({ condemned }) => condemned === undefined).sort((a, b) => a.holders - b.holders)
  return fit
    .slice(0, Math.max(0, count - (all.length - fit.length)))
    .reduce((state, { connection: { id } }) => condemnInUse(state, id, reason)!, before)
}
