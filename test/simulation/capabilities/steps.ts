/**
 * Faults of single steps of a connection: one that fails, dies, takes its time, hangs, or hangs and cannot be interrupted.
 *
 * Promises: an opening that failed fails only those who waited when it began, and only where nothing was open or opening; a
 * step that hangs does not go on after the pool was closed.
 */
import { FakeConnector } from "@cenote/core/testing"
import * as Effect from "effect/Effect"
import { SUSPECT } from "../../../packages/core/src/allocator/moves.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../../packages/core/src/allocator/state.js"
import { initial, liveCount, openCount } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished, Site } from "../stage.js"
import { capability } from "../stage.js"

const steps = ["open", "check", "ping", "reset", "close"] as const

type Step = typeof steps[number]

const behaviours = {
  fail: () => FakeConnector.fail(),
  die: () => FakeConnector.die(),
  slow: (_: Site, time: number) => FakeConnector.slow(time),
  slowlyFail: (_: Site, time: number) => FakeConnector.slow(time, FakeConnector.fail()),
  // A close that is not over at the close deadline may go on after it.
  hang: ({ gate, hang }: Site, _: number, step: Step) => step === "close" ? FakeConnector.wait(gate) : hang,
  stick: ({ gate }: Site) => FakeConnector.stickAt(gate)
}

interface StepFault {
  readonly step: Step
  /** Which run of the step it is, from 0. */
  readonly nth: number
  readonly does: keyof typeof behaviours
  readonly time: number
}

const brokenFailures = ({ history, settings: { rules } }: Finished): ReadonlyArray<string> => {
  let before: State = initial(rules)
  return history.flatMap(({ decision, input, state }) => {
    const previous = before
    before = state
    const opening = input._tag === "OpenFailed" ? OrderedMap.get(previous.steps.opening, input.id) : undefined
    const refused = decision._tag === "Refuse" && decision.denial._tag === "Down"
      ? ["a newcomer got the failure of an opening that was over"]
      : []
    if (decision._tag === "Reuse") return refused
    const failed = decision.work.flatMap((work) =>
      work._tag === "Deny" && work.denial._tag === "Down" ? [work.ticket] : []
    ).filter((ticket) => previous.phase._tag !== "Starting" || previous.phase.ticket !== ticket)
    return [
      ...refused,
      ...failed.flatMap((ticket) => {
        const [number = -1] = WaitQueue.entries(previous.queue).find(([, waiter]) => waiter === ticket) ?? []
        if (opening === undefined) return ["a waiter got the failure of an opening that was over"]
        if (number >= opening.watermark) return ["a waiter got the failure of an opening that began before it came"]
        if (rules.whenDown === "wait") return ["a waiter got a failure though it was to wait"]
        const others = openCount(previous) + previous.steps.opening.size - 1
        return others > 0 ? [`a waiter got a failure while ${others} others were open or opening`] : []
      })
    ]
  })
}

/** A failed check makes every connection suspect that has been idle since before it: none stays idle without being asked. */
const brokenSuspicions = ({ history, settings: { rules } }: Finished): ReadonlyArray<string> => {
  let before: State = initial(rules)
  return history.flatMap(({ input, state }) => {
    const previous = before
    before = state
    if (input._tag !== "Checked" || input.passed || state.phase._tag === "Closed") return []
    const entry = OrderedMap.get(previous.steps.checking, input.id) ?? OrderedMap.get(previous.steps.probing, input.id)
    if (entry === undefined) return []
    // While the pool is suspended no check begins: what is suspect is checked before it is handed out.
    const trusted = OrderedMap.values(state.idle.places)
      .filter(({ verifiedAt }) => verifiedAt <= entry.since && verifiedAt !== SUSPECT)
    return trusted.length === 0 ? [] : [`${trusted.length} stay idle unasked after a check has failed`]
  })
}

/** While openings fail, at least half of the first back-off passes before the next begins. In milliseconds. */
const LEAST_PAUSE = 50

const brokenPauses = ({ history, isPunctual }: Finished): ReadonlyArray<string> => {
  if (!isPunctual) return []
  let failedAt = -Infinity
  return history.flatMap(({ decision, input, state }) => {
    if (input._tag === "Opened" || input._tag === "Clear" || input._tag === "Recycle") failedAt = -Infinity
    const begins = decision._tag !== "Reuse" && decision.work.some(({ _tag }) => _tag === "Open")
    const paused = input.now - failedAt
    if (input._tag === "OpenFailed") failedAt = input.now
    return begins && paused < LEAST_PAUSE && liveCount(state) > 0
      ? [`an opening began ${paused} ms after one had failed`]
      : []
  })
}

export const stepFaults = capability<StepFault>({
  name: "fault",
  count: (profile, numbers) => profile === "calm" ? 0 : numbers.below(profile === "faults" ? 16 : 8),
  draw: (numbers) => ({
    step: numbers.pick(steps),
    nth: numbers.below(8),
    does: numbers.pick(["fail", "die", "slow", "slow", "slowlyFail", "hang", "stick"]),
    time: 1 + numbers.below(20)
  }),
  prepare: (site, faults) =>
    Effect.forEach(steps, (step) => {
      const ofStep = faults.filter((fault) => fault.step === step)
      const length = Math.max(0, ...ofStep.map(({ nth }) => nth + 1))
      const script = Array.from({ length }, (_, nth) => {
        const fault = ofStep.find((fault) => fault.nth === nth)
        return fault === undefined ? FakeConnector.ok : behaviours[fault.does](site, fault.time, step)
      })
      return site.fake.next(step, ...script)
    }, { discard: true }),
  check: (finished) => [...brokenFailures(finished), ...brokenSuspicions(finished), ...brokenPauses(finished)]
})
