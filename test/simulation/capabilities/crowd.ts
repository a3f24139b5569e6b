/**
 * Crowds: many callers at once, of all classes, who hold for longer than the others can wait.
 *
 * Promises of the classes: whoever is served goes before nobody who came so much earlier that its class does not matter, so nobody
 * starves. Of the overload (and invariant 12): nobody is shed where that is off, while the pool grows or is suspended, or
 * when nobody else waits.
 */
import type * as PoolOptions from "@cenote/core/PoolOptions"
import * as Effect from "effect/Effect"
import type { Step } from "../../../packages/core/src/allocator/recorded.js"
import { begun, stepsOf, workOf } from "../../../packages/core/src/allocator/recorded.js"
import { initial, isGrowing } from "../../../packages/core/src/allocator/state.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import type { Finished } from "../stage.js"
import { capability } from "../stage.js"
import { holding, tellingOutcome } from "./callers.js"

interface Crowd {
  readonly at: number
  readonly size: number
  /** In milliseconds: between two of them, and how long each holds. */
  readonly apart: number
  readonly hold: number
  readonly times: number
  /** -1: the pool's. */
  readonly acquireTimeout: number
}

const classes: ReadonlyArray<PoolOptions.Priority> = ["normal", "low", "high"]

const head = (priority: PoolOptions.Priority, ageing: number): number =>
  priority === "normal" ? 0 : priority === "high" ? ageing : -ageing

/** Who was passed by somebody whose class did not make up for coming later. Who waits for an empty connection may be, by who shares one. */
const overtaken = (step: Step, ageing: number): ReadonlyArray<string> =>
  begun(step).flatMap(({ ticket }) =>
    WaitQueue.entries(step.state.queue).flatMap(([number, waiter]) => {
      const ahead = head(ticket.priority, ageing) - head(waiter.priority, ageing)
      const later = ticket.since - waiter.since
      return later > ahead && (waiter.manner.mayShare || !ticket.manner.mayShare)
        ? [`ticket ${number} (${waiter.priority}) was passed by one (${ticket.priority}) that came ${later} ms later`]
        : []
    })
  )

const wronglyShed = (step: Step): ReadonlyArray<string> => {
  const { before, decision, state } = step
  const isRefused = decision._tag === "Refuse" && decision.denial._tag === "DeadlineTooShort"
  const shed = workOf(step).filter((work) => work._tag === "Deny" && work.denial._tag === "Overloaded").length
  if (!isRefused && shed === 0) return []
  const isLeft = WaitQueue.size(state.queue) > 0 ||
    workOf(step).some((work) => work._tag === "HandOver" || (work._tag === "Deny" && work.denial._tag !== "Overloaded"))
  return [
    ...before.rules.overload === undefined ? ["somebody was shed though that is off"] : [],
    ...state.phase._tag === "Suspended" ? ["somebody was shed by a pool that is suspended"] : [],
    // The opening that has just ended may have been that of who is shed.
    ...isGrowing(before) && step.input._tag !== "Opened" && step.input._tag !== "OpenFailed" && isGrowing(state)
      ? ["somebody was shed by a pool that grows"]
      : [],
    ...!isLeft ? ["the last that waited was shed"] : []
  ]
}

export const crowds = capability<Crowd>({
  name: "crowd",
  count: (profile, numbers) => profile === "crowd" ? 1 + numbers.below(2) : numbers.chance(0.1) ? 1 : 0,
  draw: (numbers) => ({
    at: numbers.below(40),
    size: 3 + numbers.below(8),
    apart: numbers.below(4),
    hold: 1 + numbers.below(20),
    times: numbers.pick([1, 2, 3]),
    acquireTimeout: numbers.chance(0.3) ? 10 + numbers.below(100) : -1
  }),
  run: (stage, { acquireTimeout, apart, at, hold, size, times }) =>
    Effect.forEach(
      Array.from({ length: size }, (_, index) => index),
      (index) => {
        const priority = classes[index % classes.length]!
        const options = { priority, ...acquireTimeout >= 0 ? { acquireTimeout } : {} }
        const call = stage.pool.use((connection) => holding(stage, connection, Effect.sleep(hold)), options)
        const wait = acquireTimeout >= 0 ? acquireTimeout : stage.settings.acquireTimeout
        const one = tellingOutcome(stage, `one of a crowd at ${at} (${priority})`, wait + hold, call)
        return Effect.delay(Effect.repeatN(one, times - 1), at + index * apart)
      },
      { concurrency: "unbounded", discard: true }
    ),
  check: ({ history, isPunctual, settings: { ageing, rules } }: Finished) =>
    stepsOf(initial(rules), history).flatMap((step) => [
      // Where time goes on between a ticket and its commit, who came first is not who asked first.
      ...isPunctual ? overtaken(step, ageing) : [],
      ...wronglyShed(step)
    ])
})
