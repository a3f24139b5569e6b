import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as List from "effect/List"
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import * as fc from "fast-check"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import * as Allocator from "../../packages/core/src/allocator/Allocator.js"
import type { Input } from "../../packages/core/src/allocator/decision.js"
import { initial } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { Bench, refusedConnection, rulesWith } from "./bench.js"
import { anyLife, anyRules, inputsOf } from "./commands.js"

const inputs: ReadonlyArray<Input> = [
  { _tag: "Take", now: 0, ticket: new Ticket(0, Infinity) },
  { _tag: "Opened", now: 5, id: 0, spread: 0 },
  { _tag: "Take", now: 6, ticket: new Ticket(6, 20) }
]

describe("the allocator", () => {
  it.effect("decides alike with a history and without", () =>
    Effect.gen(function*() {
      const history = yield* TRef.make(List.empty<Entry>())
      const plain = yield* Allocator.make(rulesWith({}))
      const recorded = yield* Allocator.make(rulesWith({}), history)
      for (const input of inputs) {
        expect(yield* plain.decide(input)).toEqual(yield* recorded.decide(input))
        expect(yield* plain.snapshot).toEqual(yield* recorded.snapshot)
      }
    }))

  it.effect("records each commit with the state after it, the newest first", () =>
    Effect.gen(function*() {
      const history = yield* TRef.make(List.empty<Entry>())
      const { decide, snapshot } = yield* Allocator.make(rulesWith({}), history)
      for (const input of inputs) {
        const decision = yield* decide(input)
        const [entry] = List.toArray(yield* TRef.get(history))
        expect(entry).toEqual({ input, decision, state: yield* snapshot })
      }
      expect(List.toArray(yield* TRef.get(history)).map(({ input }) => input)).toEqual([...inputs].reverse())
    }))

  it.effect("decides on several inputs in one transaction", () =>
    Effect.gen(function*() {
      const one = yield* Allocator.make(rulesWith({}))
      const other = yield* Allocator.make(rulesWith({}))
      yield* STM.commit(STM.forEach(inputs, (input) => one.decide(input), { discard: true }))
      for (const input of inputs) yield* other.decide(input)
      expect(yield* one.snapshot).toEqual(yield* other.snapshot)
    }))
})

describe("decisions that come with work", () => {
  it("are numbered in the order of the commits, without a gap", () => {
    fc.assert(
      fc.property(anyRules, anyLife, (rules, life) => {
        const bench = new Bench(rules)
        for (const command of life) {
          if (command._tag === "Pass") bench.elapse(Math.min(command.ms, 20))
          else for (const timeless of inputsOf(bench, command)) bench.commit(timeless)
        }
        const orders = bench.history.flatMap(({ decision }) =>
          decision._tag === "Reuse" || decision.work.length === 0 ? [] : [decision.order]
        )
        expect(orders).toEqual(orders.map((_, index) => index))
      }),
      { numRuns: 50 }
    )
  })
})

describe("the stats of a pool", () => {
  it("are its sizes and totals", () => {
    const bench = new Bench({ maxSize: 4, minSize: 1, maxWaiters: 1, maxConnecting: 1, checkAfterIdle: 10 })
    bench.fill(3)
    bench.take()
    bench.take()
    bench.leave(4, { _tag: "Reset" })
    bench.elapse(11)
    bench.take()
    bench.take()
    bench.take(0)
    bench.take()
    bench.take()
    expect(bench.view).toMatchObject({ leased: ["2 by 3"], resetting: [1], checking: [0], opening: ["3 for Waiter"] })
    expect(Allocator.stats("orders", bench.state, 0)).toEqual({
      name: "orders",
      phase: "running",
      maxSize: 4,
      minSize: 1,
      minIdle: 0,
      opening: 1,
      idle: 0,
      leased: 1,
      checking: 1,
      resetting: 1,
      closing: 0,
      waiting: 3,
      leases: 1,
      peakLeased: 3,
      peakWaiting: 3,
      returnRate: 0,
      requests: 10,
      acquired: 5,
      timedOut: 1,
      refused: 1,
      shed: 0,
      gaveUp: 0,
      opened: 3,
      openFailures: 0,
      closed: 0,
      aborted: 0,
      failedInARow: 0,
      lastConnectFailure: Option.none()
    })
  })

  it("tell the last failure, and how many there were in a row", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take()
    bench.now = 3
    bench.openFailed(0)
    expect(Allocator.stats("orders", bench.state, 0)).toMatchObject({
      openFailures: 1,
      failedInARow: 1,
      closing: 1,
      lastConnectFailure: Option.some({ cause: refusedConnection, at: 3 })
    })
  })

  it("count a ping as a check", () => {
    const bench = new Bench({ maxSize: 3, checkAfterIdle: 10, keepalive: 100 })
    bench.fill(3)
    bench.elapse(100)
    bench.take()
    expect(bench.view).toMatchObject({ probing: [0], checking: [2] })
    expect(Allocator.stats("orders", bench.state, 0)).toMatchObject({ checking: 2, idle: 1 })
  })

  it("count an aborted close apart, and as a connection only where one was open", () => {
    const bench = new Bench({ maxSize: 2 })
    bench.take()
    bench.take()
    bench.opened(0)
    bench.openFailed(1)
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    bench.closed(0, true)
    expect(Allocator.stats("orders", bench.state, 0)).toMatchObject({ closed: 1, aborted: 1 })
    bench.closed(1, true)
    expect(Allocator.stats("orders", bench.state, 0)).toMatchObject({ closed: 1, aborted: 2 })
  })

  it("name each phase", () => {
    const bench = new Bench({ maxSize: 1 })
    const phase = () => Allocator.stats("orders", bench.state, 0).phase
    expect(Allocator.stats("orders", initial(bench.state.rules), 0).phase).toBe("running")
    bench.start(1)
    expect(phase()).toBe("starting")
    bench.opened(0)
    expect(phase()).toBe("running")
    bench.suspend()
    expect(phase()).toBe("suspended")
    bench.take()
    bench.drain()
    expect(phase()).toBe("draining")
    bench.shutdown()
    expect(phase()).toBe("closing")
    bench.leave(0)
    bench.closed(0)
    expect(phase()).toBe("closed")
  })
})
