/** The promise of who is shed, checked on the recorded history: of the waits themselves, not of what the allocator remembers of them. */
import type { Priority } from "../model/options.js"
import * as OrderedMap from "./OrderedMap.js"
import type { HistoryInvariant, Step } from "./recorded.js"
import { begun, firstProblem, stepsOf, workOf } from "./recorded.js"
import type { State } from "./state.js"
import { isGrowing } from "./state.js"
import type { Ticket } from "./Ticket.js"
import * as WaitQueue from "./WaitQueue.js"

/** Waits of a class at or above the target: since when without a break, and when one was last. */
interface High {
  readonly since: number
  readonly last: number
}

type Highs = Partial<Record<Priority, High>>

type Overload = NonNullable<State["rules"]["overload"]>

/** Whether a wait that is high since `lateAt` goes on from those before: no more than an interval lies between. */
const goesOn = ({ last }: High, lateAt: number, { interval }: Overload): boolean => lateAt - last <= interval

/** Whether a class is overloaded: such waits were there for an interval, and one within the last. */
const lasts = ({ last, since }: High, now: number, { interval }: Overload): boolean =>
  last - since >= interval && now - last <= interval

const shedBy = (step: Step): ReadonlyArray<Ticket> =>
  workOf(step).flatMap((work) => work._tag === "Deny" && work.denial._tag === "Overloaded" ? [work.ticket] : [])

/**
 * What a step shows of the waits: of who was next, who was served or shed, and who is next. While the pool grows or is suspended they say nothing, and where that begins
 * with an opening or a suspension, nor do those before.
 * A wait below the target, or none, is a break where the class is not overloaded already.
 */
const highsAfter = (step: Step, highs: Highs): Highs => {
  const { before, input: { now }, state } = step
  const { overload } = state.rules
  if (overload === undefined || state.phase._tag === "Suspended") return {}
  if (isGrowing(state)) return workOf(step).some(({ _tag }) => _tag === "Open") ? {} : highs
  return Object.fromEntries(WaitQueue.priorities.flatMap((priority) => {
    const served = begun(step).map(({ ticket }) => ticket).filter((ticket) => ticket.priority === priority)
    const next = OrderedMap.first(state.queue[priority].tickets)
    // Who came first by the clock may stand behind another: then it was next for a moment in the midst of the step.
    const shed = shedBy(step).filter((ticket) => ticket.priority === priority)
    const seen = [OrderedMap.first(before.queue[priority].tickets), next, ...served, ...shed]
    const lateAt = overload.target + Math.min(...seen.map((ticket) => ticket?.since ?? Infinity))
    const isHigh = now >= lateAt
    const known = highs[priority]
    const goes = known !== undefined && goesOn(known, lateAt, overload)
    // Commits need not be in the order of what their fibers saw of the clock.
    const high = isHigh ? { since: goes ? Math.min(known.since, now) : now, last: now } : known
    const isBreak = next === undefined || (!isHigh && served.length > 0)
    return high === undefined || (isBreak && !lasts(high, now, overload)) ? [] : [[priority, high] as const]
  }))
}

/** Whether waits of the class have been high for an interval, as a step begins. */
const isOverloaded = ({ before, input }: Step, highs: Highs, priority: Priority): boolean => {
  const { queue, rules: { overload } } = before
  const high = highs[priority]
  const first = OrderedMap.first(queue[priority].tickets)
  return overload !== undefined && high !== undefined && first !== undefined &&
    input.now - high.since >= overload.interval &&
    goesOn(high, Math.min(input.now, first.since + overload.target), overload)
}

export const shedding: HistoryInvariant = {
  number: 12,
  sentence:
    "a caller is shed only when it has waited for the target, of a class whose waits have been as long for an interval without a break, and never the last that waits",
  broken: (initial, history) => {
    let highs: Highs = {}
    return firstProblem(stepsOf(initial, history), (step) => {
      const { before, input } = step
      const left = new Set(WaitQueue.entries(before.queue).map(([, ticket]) => ticket))
      if (input._tag === "Take") left.add(input.ticket)
      const problem = firstProblem(workOf(step), (work) => {
        if (work._tag !== "HandOver" && work._tag !== "Deny") return undefined
        const { ticket } = work
        if (work._tag === "Deny" && work.denial._tag === "Overloaded") {
          if (!isOverloaded(step, highs, ticket.priority)) return "a caller was shed though its class is not overloaded"
          if (input.now - ticket.since < before.rules.overload!.target) {
            return "a caller was shed before it had waited for the target"
          }
          if (left.size === 1) return "the last that waited was shed"
        }
        left.delete(ticket)
        return undefined
      })
      highs = highsAfter(step, highs)
      return problem
    })
  }
}
