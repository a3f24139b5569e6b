/** How the pool is, by its state and by what happened last. It takes nothing, asks nobody, and waits for nothing. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as OrderedMap from "../allocator/OrderedMap.js"
import { isOverloaded } from "../allocator/overload.js"
import { isHeldBack } from "../allocator/settle.js"
import type { State } from "../allocator/state.js"
import { openCount, sizes } from "../allocator/state.js"
import * as WaitQueue from "../allocator/WaitQueue.js"
import { HealthReason, PoolHealth } from "../model/health.js"
import type { Core } from "./core.js"
import { now } from "./core.js"

/** A failure that nobody tries to repeat says for so long that the server is down. In milliseconds. */
const FRESH = 10_000

/** Whether openings go on, or would but for the back-off. */
const isTrying = (state: State): boolean => state.steps.opening.size > 0 || isHeldBack(state)

/**
 * With nothing open, and while it tries, the pool is down. Where nobody asks any more, nobody tries, and the failure grows old: it must not
 * keep away the callers without whom nobody would find out that the server is back.
 */
const isDown = (state: State, reason: HealthReason): boolean => {
  switch (reason._tag) {
    case "Draining":
    case "Closed":
      return true
    case "Suspended":
      return reason.newcomers === "refuse"
    case "CannotConnect":
      return reason.open === 0 && (isTrying(state) || reason.ago < FRESH)
    case "Saturated":
    case "WaitersOverdue":
    case "Overloaded":
      return false
  }
}

const ofPhase = ({ phase }: State): ReadonlyArray<HealthReason> => {
  switch (phase._tag) {
    case "Starting":
    case "Running":
      return []
    case "Suspended":
      return [HealthReason.Suspended({ newcomers: phase.newcomers })]
    case "Draining":
      return [HealthReason.Draining()]
    case "Closing":
    case "Closed":
      return [HealthReason.Closed()]
  }
}

const ofConnecting = (state: State, now: number): ReadonlyArray<HealthReason> => {
  const { failedInARow, lastConnectFailure } = state.upkeep
  return failedInARow === 0 ?
    [] :
    Option.toArray(lastConnectFailure).map(({ at, cause }) =>
      HealthReason.CannotConnect({ failedInARow, open: openCount(state), ago: now - at, cause })
    )
}

/** Since when the longest waits. Each class is in order of arrival. */
const waitingSince = ({ queue }: State): number =>
  Math.min(...WaitQueue.priorities.map((priority) => OrderedMap.first(queue[priority].tickets)?.since ?? Infinity))

const ofWaiting = (state: State, acquireTimeout: number, now: number): ReadonlyArray<HealthReason> => {
  const { leased, maxSize, waiting } = sizes(state)
  if (waiting === 0) return []
  const longest = now - waitingSince(state)
  return [
    ...leased >= maxSize ? [HealthReason.Saturated({ leased, maxSize, waiting })] : [],
    ...longest > acquireTimeout / 2 ? [HealthReason.WaitersOverdue({ longest, waiting })] : [],
    ...WaitQueue.priorities.some((priority) => isOverloaded(state, priority, now))
      ? [HealthReason.Overloaded({ waiting })]
      : []
  ]
}

export const healthOf = (pool: string, state: State, acquireTimeout: number, now: number): PoolHealth => {
  const reasons = [...ofPhase(state), ...ofConnecting(state, now), ...ofWaiting(state, acquireTimeout, now)]
  if (reasons.some((reason) => isDown(state, reason))) return PoolHealth.Down({ pool, reasons })
  return reasons.length > 0 ? PoolHealth.Degraded({ pool, reasons }) : PoolHealth.Healthy({ pool, reasons: [] })
}

export const health = (core: Core<any, any>): Effect.Effect<PoolHealth> =>
  Effect.map(
    core.allocator.snapshot,
    (state) => healthOf(core.settings.name, state, core.settings.acquireTimeout, now(core))
  )
