import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { nothing } from "../../packages/core/src/allocator/decision.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { transition } from "../../packages/core/src/allocator/transition.js"
import { plain, sharing } from "../../packages/core/src/model/asker.js"
import { Bench } from "./bench.js"
import { anyDisturbedLife, anyRules, inputsOf } from "./commands.js"

const claim = ({ now, state }: Bench) => transition(state, { _tag: "Claim", now, ticket: new Ticket(now, now) })

/** One connection is idle. */
const idle = (rules: ConstructorParameters<typeof Bench>[0] = {}) => {
  const bench = new Bench(rules)
  bench.take()
  bench.opened(0)
  bench.leave(0)
  return bench
}

describe("a claim", () => {
  it("takes an idle connection, and counts as a lease of its own ticket", () => {
    const [decision, state] = claim(idle())
    expect(decision).toEqual({ _tag: "Reuse", connection: 0, number: 1 })
    expect([state.leased.size, state.idle.places.size, state.nextTicket]).toEqual([1, 0, 2])
  })

  it.each<[string, Bench]>([
    ["nothing is idle, and one might be opened", new Bench()],
    [
      "somebody waits",
      (() => {
        const bench = idle()
        bench.take()
        bench.take()
        return bench
      })()
    ],
    [
      "it would have to be checked first",
      (() => {
        const bench = idle({ checkAfterIdle: 5, canCheck: true })
        bench.now = 6
        return bench
      })()
    ],
    [
      "its lifetime is over",
      (() => {
        const bench = idle({ maxLifetime: 5 })
        bench.now = 5
        return bench
      })()
    ],
    [
      "it may be dead",
      (() => {
        const bench = idle({ canCheck: true })
        bench.commit({ _tag: "Suspect" })
        return bench
      })()
    ],
    [
      "a spare one has to be opened in its place",
      (() => {
        const bench = idle({ minIdle: 1, maxSize: 3 })
        bench.openFailed(1)
        return bench
      })()
    ],
    [
      "the pool is suspended",
      (() => {
        const bench = idle()
        bench.suspend()
        return bench
      })()
    ],
    [
      "the pool drains",
      (() => {
        const bench = idle()
        bench.take()
        bench.drain()
        return bench
      })()
    ],
    [
      "the pool is closing",
      (() => {
        const bench = idle()
        bench.shutdown(10)
        return bench
      })()
    ]
  ])("takes nothing, and changes nothing, where %s", (_, bench) => {
    const [decision, state] = claim(bench)
    expect(decision).toBe(nothing)
    expect(state).toBe(bench.state)
  })

  it("takes what a Take in its place would get at once, and else leaves the state as it is", () => {
    let served = 0
    fc.assert(
      fc.property(anyRules, anyDisturbedLife, fc.boolean(), (rules, life, mayShare) => {
        const bench = new Bench(rules)
        const manner = mayShare && rules.concurrency > 1 ? sharing : plain
        for (const command of life) {
          const { now, state } = bench
          const ticket = new Ticket(now, now, undefined, manner)
          const [decision, after] = transition(state, { _tag: "Claim", now, ticket })
          const [answer, taken] = transition(state, { _tag: "Take", now, ticket })
          if (answer._tag === "Reuse") {
            served++
            expect(decision).toEqual(answer)
            expect(after).toEqual(taken)
          } else {
            expect(decision).toBe(nothing)
            expect(after).toBe(state)
          }
          if (command._tag === "Jump") bench.now = Math.max(0, now + command.ms)
          else if (command._tag === "Pass") {
            bench.now += command.ms
            bench.tick()
          } else for (const timeless of inputsOf(bench, command)) bench.commit(timeless)
        }
      }),
      { numRuns: 200 }
    )
    expect(served).toBeGreaterThan(50)
  })
})
