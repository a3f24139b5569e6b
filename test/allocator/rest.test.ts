import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { transition } from "../../packages/core/src/allocator/transition.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { Transition } from "./bench.js"
import { Bench } from "./bench.js"
import type { Command, Jump } from "./commands.js"
import { anyDisturbedLife, anyRules, inputsOf, inputToRest } from "./commands.js"

/** Runs a life in which the keeper oversleeps and the clock is set; the invariants are checked on the way. */
const live = (rules: Rules, life: ReadonlyArray<Command | Jump>, subject: Transition = transition): Bench => {
  const bench = new Bench(rules, subject)
  for (const command of life) {
    if (command._tag === "Jump") bench.now = Math.max(0, bench.now + command.ms)
    else if (command._tag === "Pass") bench.elapse(Math.min(command.ms, 20))
    else for (const timeless of inputsOf(bench, command)) bench.commit(timeless)
  }
  return bench
}

const bringToRest = (bench: Bench): Bench => {
  for (let steps = 0; steps < 200; steps++) {
    const timeless = inputToRest(bench)
    if (timeless === undefined) return bench
    bench.commit(timeless)
  }
  throw new Error("it does not come to rest")
}

const count = (words: ReadonlyArray<string>, start: string): number =>
  words.filter((word) => word.startsWith(start)).length

/** Tickets that need no answer, or that had theirs at once. */
const excused = ({ history }: Bench): ReadonlyArray<number> =>
  history.flatMap(({ decision, input, state }) =>
    input._tag === "Leave"
      ? [input.number]
      : decision._tag === "Refuse" && decision.denial._tag !== "Closed"
      ? [state.nextTicket - 1]
      : []
  )

/** What is wrong with the answers that callers got, over a whole life. */
const wrongAnswers = (bench: Bench): ReadonlyArray<string> => {
  const mayBeSilent = new Set(excused(bench))
  return Array.from({ length: bench.state.nextTicket }, (_, number) => number).flatMap((number) => {
    const answers = count(bench.said, `ticket ${number}:`) + count(bench.said, `ticket ${number} gets`)
    return answers === 1 || (answers === 0 && mayBeSilent.has(number))
      ? []
      : [`ticket ${number} was answered ${answers} times`]
  })
}

/** What is wrong with the ends of connections, over a whole life. */
const wrongEnds = ({ said, state }: Bench): ReadonlyArray<string> =>
  Array.from({ length: state.upkeep.nextConnection }, (_, id) => id).flatMap((id) => {
    const closes = count(said, `close ${id}:`)
    const abandoned = said.includes(`abandon ${id}`)
    return closes === 1 || (closes === 0 && abandoned) ? [] : [`connection ${id} was closed ${closes} times`]
  })

const restfulness = (subject?: Transition) =>
  fc.property(anyRules, anyDisturbedLife, (rules, life) => {
    const bench = bringToRest(live(rules, life, subject))
    const { closed, opened, phase, ...rest } = bench.view
    expect(phase).toBe("Closed")
    expect(closed).toBe(opened)
    expect([rest.waiting, rest.idle, rest.leased, rest.opening, rest.closing].flat()).toEqual([])
    expect([...bench.broken, ...wrongAnswers(bench), ...wrongEnds(bench)]).toEqual([])
  })

describe("from any state", () => {
  it("ending all steps, leaving all leases and shutting down closes everything once and answers everybody once", () => {
    fc.assert(restfulness(), { numRuns: 150 })
  })

  it("shutting down first comes to the same rest", () => {
    fc.assert(
      fc.property(anyRules, anyDisturbedLife, (rules, life) => {
        const bench = live(rules, life)
        if (bench.view.phase !== "Closing" && bench.view.phase !== "Closed") bench.shutdown()
        expect(bringToRest(bench).view.phase).toBe("Closed")
        expect([...bench.broken, ...wrongAnswers(bench), ...wrongEnds(bench)]).toEqual([])
      }),
      { numRuns: 100 }
    )
  })

  it("the deadline of a shutdown ends all, whatever never ends", () => {
    fc.assert(
      fc.property(anyRules, anyDisturbedLife, fc.nat({ max: 50 }), (rules, life, within) => {
        const bench = live(rules, life)
        if (bench.view.phase !== "Closing" && bench.view.phase !== "Closed") bench.shutdown(within)
        const deadline = bench.state.phase._tag === "Closing" ? bench.state.phase.deadline : bench.now
        fc.pre(deadline < Infinity)
        bench.elapse(Math.max(0, deadline - bench.now))
        expect(bench.view.phase).toBe("Closed")
        expect([...bench.broken, ...wrongAnswers(bench), ...wrongEnds(bench)]).toEqual([])
      }),
      { numRuns: 100 }
    )
  })

  it("a keeper that is told to come does not have to come again at the same time for ever", () => {
    fc.assert(
      fc.property(anyRules, anyDisturbedLife, (rules, life) => {
        const bench = live(rules, life)
        let ticks = 0
        while (bench.rings()) {
          bench.tick()
          expect(++ticks).toBeLessThan(20)
        }
      }),
      { numRuns: 100 }
    )
  })
})

describe("it is noticed where", () => {
  const faults: Record<string, Transition> = {
    "a close is asked for twice": (state, input) => {
      const [decision, after] = transition(state, input)
      if (decision._tag !== "Act") return [decision, after]
      const closes = decision.work.filter(({ _tag }) => _tag === "Close")
      return [{ ...decision, work: [...decision.work, ...closes] }, after]
    },
    "a close is never asked for": (state, input) => {
      const [decision, after] = transition(state, input)
      if (decision._tag !== "Act") return [decision, after]
      return [{ ...decision, work: decision.work.filter(({ _tag }) => _tag !== "Close") }, after]
    },
    "a waiter is never told": (state, input) => {
      const [decision, after] = transition(state, input)
      if (decision._tag !== "Act") return [decision, after]
      return [{ ...decision, work: decision.work.filter(({ _tag }) => _tag !== "Deny") }, after]
    }
  }
  for (const [name, subject] of Object.entries(faults)) {
    it(name, () => {
      expect(fc.check(restfulness(subject), { numRuns: 500, endOnFailure: true }).failed).toBe(true)
    })
  }
})
