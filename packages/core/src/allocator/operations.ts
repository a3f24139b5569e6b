/**
 * What an operator does to a pool while it runs. Each may be asked for in any phase and in any order: closing comes before draining, and
 * that before a suspension.
 */
import type { CloseReason } from "../model/events.js"
import type { Rules } from "../model/settings.js"
import type { Act, Input, Refuse, Work } from "./decision.js"
import { closeAllIdle, closeIdle, endAllOpenings, endLatestCheck, endLatestOpening, endSteps } from "./ends.js"
import { abortLease } from "./leases.js"
import * as OrderedMap from "./OrderedMap.js"
import { judgeAnew } from "./overload.js"
import { resumed, settle } from "./settle.js"
import { condemnSurplus } from "./shared.js"
import type { Connection, State } from "./state.js"
import {
  isClosing,
  liveCount,
  withIdle,
  withLeased,
  withPhase,
  withRules,
  withShared,
  withSteps,
  withUpkeep
} from "./state.js"
import { act, fit, markCondemned, refuse, sweepIfDue } from "./upkeep.js"

type Outcome = readonly [Act | Refuse, State]

const operation = (before: State, now: number, change: (state: State, work: Array<Work>) => State): Outcome => {
  const work: Array<Work> = []
  if (isClosing(before)) return refuse(before, now, work, { _tag: "Closed" })
  const state = change(before, work)
  return act(settle(sweepIfDue(state, now, work), now, work), now, work)
}

/** Openings begin again as if none had failed. */
const withoutBackoff = (state: State): State => withUpkeep(state, { failedInARow: 0, notBefore: 0 })

/** Today's connections end: the idle ones now, what is busy with a step too, a lease when it comes back, or now. */
export const clear = (before: State, now: number, abortLeases: boolean): Outcome =>
  operation(before, now, (state, work) => {
    const reason: CloseReason = "Cleared"
    work.push({ _tag: "Announce", announcement: { _tag: "PoolCleared", abortLeases } })
    const ended = endSteps(closeAllIdle(withoutBackoff(state), reason, now, work), reason, now, work)
    return OrderedMap.values(ended.leased).reduce(
      (state, lease) =>
        abortLeases ? abortLease(state, lease, reason, work) : markCondemned(state, lease.connection.id, reason),
      ended
    )
  })

/** Gives every open connection another life. */
const mapConnections = (before: State, change: (connection: Connection) => Connection): State => {
  const all = <V extends { readonly connection: Connection }>(
    map: OrderedMap.OrderedMap<V>
  ): OrderedMap.OrderedMap<V> => OrderedMap.map(map, (entry) => ({ ...entry, connection: change(entry.connection) }))
  const { checking, probing, resetting } = before.steps
  const idle = withIdle(before, { ...before.idle, places: all(before.idle.places) })
  return withSteps(
    withShared(withLeased(idle, all(before.leased)), all(before.shared)),
    { checking: all(checking), probing: all(probing), resetting: all(resetting) }
  )
}

/** Today's connections end within the time, the oldest first, evenly spread, each when its successor is open if a permit is free for it. */
export const recycle = (before: State, now: number, within: number): Outcome =>
  operation(before, now, (state, work) => {
    work.push({ _tag: "Announce", announcement: { _tag: "PoolRecycled", within } })
    const order = [...fit(state)].sort((a, b) => a.id - b.id).map(({ id }) => id)
    const ended = endAllOpenings(withoutBackoff(state), "Recycled", now, work)
    const changed = mapConnections(ended, (connection) => {
      const retireAt = now + Math.floor(within * Math.max(0, order.indexOf(connection.id)) / order.length)
      return connection.expiresAt <= now + within
        ? { ...connection, retireAt: Math.min(connection.retireAt, retireAt) }
        : { ...connection, retireAt, expiresAt: now + within, endsAs: "Recycled" }
    })
    return withUpkeep(changed, { sweepAt: now })
  })

/** Nothing is handed out and nothing begins. Who waits keeps its place, and its deadline runs. */
export const suspend = (
  before: State,
  { newcomers, now, until }: Extract<Input, { _tag: "Suspend" }>
): Outcome =>
  operation(
    before,
    now,
    (state, work) => {
      if (state.phase._tag === "Draining") return state
      work.push({ _tag: "Announce", announcement: { _tag: "PoolSuspended", newcomers } })
      return judgeAnew(withPhase(state, { _tag: "Suspended", newcomers, until }))
    }
  )

export const resume = (before: State, now: number): Outcome =>
  operation(
    before,
    now,
    (state, work) => state.phase._tag === "Suspended" ? resumed(state, now, work) : state
  )

/** Surplus that is idle or opens ends, what is leased when it comes back. */
export const resize = (
  before: State,
  now: number,
  sizes: Partial<Pick<Rules, "maxSize" | "minSize" | "minIdle">>
): Outcome =>
  operation(before, now, (resized, work) => {
    work.push({ _tag: "Announce", announcement: { _tag: "PoolResized", sizes } })
    let state = withUpkeep(withRules(resized, { ...resized.rules, ...sizes }), { sweepAt: now })
    const isSurplus = () => liveCount(state) > state.rules.maxSize
    while (isSurplus() && state.steps.opening.size > 0) state = endLatestOpening(state, "Resized", now, work)
    for (const idle of OrderedMap.values(state.idle.places)) {
      if (isSurplus()) state = closeIdle(state, idle, "Resized", now, work)
    }
    const isChecking = () => state.steps.probing.size + state.steps.checking.size > 0
    while (isSurplus() && isChecking()) state = endLatestCheck(state, "Resized", now, work)
    return condemnSurplus(state, liveCount(state) - state.rules.maxSize, "Resized")
  })
