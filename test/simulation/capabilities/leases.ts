/**
 * Leases that last: some of them say so.
 *
 * Promises (and invariant 16): what was reported or aborted says so when it comes back, once, and nothing else does; the events tell the
 * same; one that said that it is long is never killed for its age.
 */
import type { PoolEvent } from "@cenote/core/PoolEvent"
import * as Effect from "effect/Effect"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { stepsOf, workOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial } from "../../../packages/core/src/allocator/state.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"
import { holding, tellingOutcome } from "./callers.js"

interface Stay {
  readonly at: number
  readonly hold: number
  readonly isLong: boolean
}

const brokenReturn = (step: Step): ReadonlyArray<string> => {
  const { before, input } = step
  const told = workOf(step).flatMap((work) => work._tag === "ReportEnd" ? [work.holder.lease] : [])
  const lease = input._tag === "Leave" ? OrderedMap.get(before.leased, input.number) : undefined
  const expected = lease?.overdue === undefined ? [] : [lease.number]
  return told.join() === expected.join()
    ? []
    : [`of the leases ${expected.join() || "none"} it is told that they came back, and it was ${told.join() || "none"}`]
}

/** As `brokenReturn`, of what a subscriber reads. */
const brokenStories = (events: ReadonlyArray<PoolEvent>): ReadonlyArray<string> => {
  const overdue = new Set<number>()
  return events.flatMap((event) => {
    if (event._tag === "LeaseOverdue" || event._tag === "LeaseAborted") overdue.add(event.holder.lease)
    // Whoever began to look later has not seen the beginning.
    if (event._tag !== "Released" || !overdue.has(event.lease)) return []
    overdue.delete(event.lease)
    const returned = events.filter((other) => other._tag === "LeaseReturned" && other.holder.lease === event.lease)
    const isAbandoned = events.some((other) => other._tag === "PoolClosed" && other.at <= event.at)
    return returned.length === 1 || isAbandoned
      ? []
      : [`the events tell ${returned.length} times that lease ${event.lease} came back`]
  })
}

export const stays = capability<Stay>({
  name: "stay",
  count: (_, numbers) => numbers.chance(0.3) ? 1 + numbers.below(2) : 0,
  draw: (numbers) => ({ at: numbers.below(50), hold: 5 + numbers.below(80), isLong: numbers.chance(0.4) }),
  run: (stage, { at, hold, isLong }) => {
    const call = Effect.scoped(
      Effect.flatMap(
        stage.pool.lease({ long: isLong }),
        ({ connection }) => holding(stage, connection, Effect.sleep(hold))
      )
    )
    const patience = stage.settings.acquireTimeout + hold
    return Effect.delay(tellingOutcome(stage, `a ${isLong ? "long" : "plain"} stay at ${at}`, patience, call), at)
  },
  check: ({ events, history, settings: { rules } }: Finished) => [
    ...stepsOf(initial(rules), history).flatMap(brokenReturn),
    ...brokenStories(events)
  ]
})
