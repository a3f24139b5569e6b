import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { isDeepStrictEqual } from "node:util"
import type { Input } from "../../packages/core/src/allocator/decision.js"
import { keep, nothing } from "../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { withSteps } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { Timeless, Transition } from "./bench.js"
import { Bench } from "./bench.js"
import type { Command } from "./commands.js"
import { anyLife, anyPlainRules, inputsOf } from "./commands.js"
import { Model } from "./model.js"

const sorted = (words: ReadonlyArray<string>) => [...words].sort()

/** `expect` explains a difference well, but is too slow to be asked each time. */
const agree = (actual: unknown, expected: unknown) => {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected)
}

/** Runs a life on the allocator and on the model, and fails where they differ. The keeper is on time. */
const runBoth = (rules: Rules, life: ReadonlyArray<Command>, subject: Transition): Bench => {
  const bench = new Bench(rules, subject)
  const model = new Model(rules)
  const commit = (timeless: Timeless) => {
    const isSweep = bench.state.upkeep.sweepAt <= bench.now
    const expected = model.step({ ...timeless, now: bench.now } as Input, isSweep)
    agree(sorted(bench.commit(timeless)), sorted(expected))
    agree(bench.view, model.view)
    agree(bench.announced, model.announced)
    if (bench.alarm > Math.max(model.neededBy, bench.now)) {
      throw new Error(`at ${bench.now} the keeper is to come at ${bench.alarm}, but is needed by ${model.neededBy}`)
    }
  }
  const ring = () => {
    for (let ticks = 0; bench.rings(); ticks++) {
      if (ticks === 20) throw new Error("the keeper never sleeps again")
      commit({ _tag: "Tick" })
    }
  }
  for (const command of life) {
    for (const timeless of inputsOf(bench, command)) commit(timeless)
    ring()
    if (command._tag !== "Pass") continue
    const until = bench.now + command.ms
    // With a keeper that is busy all the time, less time passes.
    for (let rings = 0; bench.now < until && rings < 20; rings++) {
      bench.now = Math.min(until, bench.alarm)
      ring()
    }
  }
  return bench
}

const agreement = (subject: Transition) =>
  fc.property(anyPlainRules, anyLife, (rules, life) => {
    agree(runBoth(rules, life, subject).broken, [])
  })

/** The allocator with one rule misread. */
const misreading = (change: (rules: Rules) => Partial<Rules>): Transition => (state, input) => {
  const [decision, after] = transition({ ...state, rules: { ...state.rules, ...change(state.rules) } }, input)
  return [decision, { ...after, rules: state.rules }]
}

/** The allocator with an input misread. */
const mishearing = (change: (input: Input) => Input): Transition => (state, input) => transition(state, change(input))

const withFiber = ({ deadline, manner, since }: Ticket, fiber: Ticket["fiber"]) =>
  new Ticket(since, deadline, fiber, manner)

/** The allocator with a caller's manner misread. */
const asking = (change: (manner: Ticket["manner"]) => Ticket["manner"]): Transition =>
  mishearing((input) => {
    if (input._tag !== "Take") return input
    const { deadline, fiber, manner, since } = input.ticket
    return { ...input, ticket: new Ticket(since, deadline, fiber, change(manner)) }
  })

const faults: Record<string, Transition> = {
  "one connection too many is open": misreading(({ maxSize }) => ({ maxSize: maxSize + 1 })),
  "one connection too many is opening": misreading(({ maxConnecting }) => ({ maxConnecting: maxConnecting + 1 })),
  "one caller too many waits": misreading(({ maxWaiters }) => ({ maxWaiters: maxWaiters + 1 })),
  "nothing is refilled": misreading(() => ({ minSize: 0 })),
  "waiters never learn that the pool is down": misreading(() => ({ whenDown: "wait" })),
  "waiters learn that the pool is down when they want to wait": misreading(() => ({ whenDown: "fail" })),
  "surplus stays for a while longer": misreading(({ idleTimeout }) => ({ idleTimeout: idleTimeout + 1 })),
  "a connection lives for a while longer": misreading(({ maxLifetime }) => ({ maxLifetime: maxLifetime + 1 })),
  "lifetimes are not spread": misreading(() => ({ lifetimeJitter: 0 })),
  "a connection is used once too often": misreading(({ maxUses }) => ({ maxUses: maxUses + 1 })),
  "an unchecked connection is handed out": misreading(({ checkAfterIdle }) => ({ checkAfterIdle: checkAfterIdle + 1 })),
  "a ping comes late": misreading(({ keepalive }) => ({ keepalive: keepalive + 1 })),
  "the wrong end of the idle line is served": misreading(({ order }) => ({
    order: order === "lifo" ? "fifo" : "lifo"
  })),
  "a failed check counts as passed": mishearing((input) =>
    input._tag === "Checked" ? { ...input, passed: true } : input
  ),
  "a failed reset counts as passed": mishearing((input) =>
    input._tag === "ResetDone" ? { ...input, passed: true } : input
  ),
  "a broken connection is kept": mishearing((input) => input._tag === "Leave" ? { ...input, verdict: keep } : input),
  "the back-off is not spread": mishearing((input) => input._tag === "OpenFailed" ? { ...input, jitter: 0 } : input),
  "an aborted close is not counted": mishearing((input) =>
    input._tag === "Closed" ? { ...input, aborted: false } : input
  ),
  "a condemned connection lives on": (state, input) =>
    input._tag === "Condemn" ? [nothing, state] : transition(state, input),
  "who gives up keeps its place": (state, input) =>
    input._tag === "Leave" && !OrderedMap.has(state.leased, input.number) ? [nothing, state] : transition(state, input),
  "a permit is lost": (state, input) => input._tag === "Closed" ? [nothing, state] : transition(state, input),
  "a permit comes back and nobody is told": (state, input) =>
    input._tag === "Closed"
      ? [nothing, withSteps(state, { closing: OrderedMap.remove(state.steps.closing, input.id) })]
      : transition(state, input),
  "one spare too few is kept": misreading(({ minIdle }) => ({ minIdle: Math.max(0, minIdle - 1) })),
  "no load is shed": misreading(() => ({ overload: undefined })),
  "load is shed before it has lasted": misreading(({ overload }) => ({
    overload: overload === undefined ? undefined : { ...overload, interval: 0 }
  })),
  "callers are shed who have not waited for so long": misreading(({ overload }) => ({
    overload: overload === undefined ? undefined : { ...overload, target: overload.target - 1 }
  })),
  "a lease may last for a while longer": misreading(({ maxLease }) => ({ maxLease: maxLease + 1 })),
  "a lease is reported late": misreading(({ leakThreshold }) => ({ leakThreshold: leakThreshold + 1 })),
  "what is suspect is trusted": mishearing((input) => input._tag === "Suspect" ? { ...input, _tag: "Tick" } : input),
  "a long lease is aborted": asking((manner) => ({ ...manner, isLong: false })),
  "all are of one class": asking((manner) => ({ ...manner, priority: "normal", headStart: 0 })),
  "a class goes before another for ever": asking((manner) => ({ ...manner, headStart: manner.headStart * 1e9 })),
  "a deadlock is not seen": mishearing((input) =>
    input._tag === "Take" ? { ...input, ticket: withFiber(input.ticket, undefined) } : input
  ),
  "leases outlive a Clear that is to abort them": mishearing((input) =>
    input._tag === "Clear" ? { ...input, abortLeases: false } : input
  ),
  "a Clear aborts leases": mishearing((input) => input._tag === "Clear" ? { ...input, abortLeases: true } : input),
  "a Recycle takes a while longer": mishearing((input) =>
    input._tag === "Recycle" ? { ...input, within: input.within + 1 } : input
  ),
  "a suspension lasts for a while longer": mishearing((input) =>
    input._tag === "Suspend" ? { ...input, until: input.until + 1 } : input
  ),
  "a pool that is suspended lets wait whom it is to refuse": mishearing((input) =>
    input._tag === "Suspend" ? { ...input, newcomers: "wait" } : input
  ),
  "nothing is resumed": mishearing((input) => input._tag === "Resume" ? { ...input, _tag: "Tick" } : input),
  "a pool is not made smaller": mishearing((input) =>
    input._tag === "Resize" ? { ...input, sizes: { ...input.sizes, maxSize: 5 } } : input
  ),
  "a pool that is to drain closes": mishearing((input) =>
    input._tag === "Drain" ? { ...input, _tag: "Shutdown" } : input
  ),
  "the keeper is never told to come": (state, input) => {
    const [decision, after] = transition(state, input)
    return [decision._tag === "Reuse" ? decision : { ...decision, due: Infinity }, after]
  }
}

describe("the allocator", () => {
  it("decides as a plain model does, in any life", () => {
    fc.assert(agreement(transition), { numRuns: 250 })
  })
})

describe("the plain model notices where", () => {
  for (const [name, subject] of Object.entries(faults)) {
    it(name, () => {
      const { counterexample, errorInstance } = fc.check(agreement(subject), { numRuns: 3_000, endOnFailure: true })
      expect(counterexample, String(errorInstance)).not.toBeNull()
    })
  }
})
