import { describe, expect, it } from "@effect/vitest"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import type { Act } from "../../packages/core/src/allocator/decision.js"
import { keep, nothing } from "../../packages/core/src/allocator/decision.js"
import { brokenIn, historyInvariants } from "../../packages/core/src/allocator/history.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { withLeased, withPhase, withQueue, withSteps } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import { Bench } from "./bench.js"

/** Ticket 0 holds the only connection, 1 and 2 wait. */
const queued = (): Bench => {
  const bench = new Bench({ maxSize: 1 })
  bench.take()
  bench.opened(0)
  bench.take()
  bench.take()
  return bench
}

/** A whole life, with a lease that is abandoned at the end, and a use without a wait. */
const whole = (): Bench => {
  const bench = queued()
  bench.leave(1)
  bench.leave(0)
  bench.leave(2)
  bench.take()
  bench.leave(3, { _tag: "Discard", reason: "Broken" })
  bench.take()
  bench.closed(0)
  bench.opened(1)
  bench.shutdown(10)
  bench.elapse(10)
  return bench
}

const after = (bench: Bench, entry: Partial<Entry>): ReadonlyArray<string> =>
  brokenIn(bench.initial, [...bench.history, { ...bench.history.at(-1)!, ...entry }])

const changed = (bench: Bench, change: (state: State) => State): ReadonlyArray<string> =>
  after(bench, { state: change(bench.state) })

const handTo = (number: number) => (state: State): State => {
  const ticket = new Ticket(0, Infinity)
  const lease = OrderedMap.first(state.leased)!
  return withLeased(
    withQueue(state, WaitQueue.remove(state.queue, number)),
    OrderedMap.set(OrderedMap.empty<typeof lease>(), number, { ...lease, number, ticket })
  )
}

describe("a good history", () => {
  it("keeps every invariant, at its end and before", () => {
    const { history, initial, view } = whole()
    expect(view.phase).toBe("Closed")
    for (let length = 0; length <= history.length; length++) {
      expect(brokenIn(initial, history.slice(0, length))).toEqual([])
    }
  })

  it("is asked about 3, 4, 6, 8 and 9, each a sentence", () => {
    expect(historyInvariants.map(({ number }) => number)).toEqual([3, 4, 6, 8, 9])
    for (const { sentence } of historyInvariants) expect(sentence.length).toBeGreaterThan(20)
  })
})

describe("invariant 3, a permit is given back once,", () => {
  it("is broken where a connection that is gone holds one again", () => {
    const bench = queued()
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    const { steps } = bench.state
    bench.closed(0)
    expect(changed(bench, (state) => withSteps(state, { closing: steps.closing }))).toEqual([
      "invariant 3: connection 0 holds a permit again after it gave it back"
    ])
  })
})

describe("invariant 4, waiters are served in order,", () => {
  it("is broken where one is served before another that came earlier", () => {
    expect(changed(queued(), handTo(2))).toEqual(["invariant 4: ticket 2 was served before ticket 1"])
    expect(changed(queued(), handTo(1))).toEqual([])
  })

  it("is broken where a newcomer overtakes", () => {
    expect(changed(queued(), handTo(3))).toEqual(["invariant 4: ticket 3 was served before ticket 1"])
  })
})

describe("invariant 6, each opened connection is closed once,", () => {
  const close: Act = { ...nothing, work: [{ _tag: "Close", id: 0, reason: "Broken" }] }

  it("is broken where one is closed twice", () => {
    const bench = queued()
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    expect(after(bench, { decision: close })).toEqual(["invariant 6: connection 0 was closed twice"])
  })

  it("is broken where one is closed after it was abandoned", () => {
    const bench = queued()
    bench.shutdown(0)
    bench.elapse(0)
    expect(after(bench, { decision: close })).toEqual(["invariant 6: connection 0 was closed twice"])
  })

  it("is kept where an opening ends that nobody knows of", () => {
    const bench = whole()
    bench.opened(99)
    expect(bench.broken).toEqual([])
  })

  it("is kept where an opening failed and left nothing to close", () => {
    const bench = new Bench()
    bench.take()
    bench.openFailed(0)
    const [failed] = bench.history.splice(1)
    bench.history.push({ ...failed!, decision: nothing })
    bench.closed(0)
    bench.shutdown()
    expect(bench.view.phase).toBe("Closed")
    expect(bench.broken).toEqual([])
  })

  it("is broken where the pool is closed and one is still open", () => {
    const lost = (state: State) => withLeased(withPhase(state, { _tag: "Closed" }), OrderedMap.empty())
    expect(changed(queued(), lost)).toEqual(["invariant 6: connection 0 was never closed"])
  })
})

describe("invariant 8, closing ends by its deadline,", () => {
  it("is broken where a Tick at the deadline leaves the pool closing", () => {
    const bench = queued()
    bench.shutdown(10)
    expect(after(bench, { input: { _tag: "Tick", now: 9 } })).toEqual([])
    expect(after(bench, { input: { _tag: "Tick", now: 10 } })).toEqual([
      "invariant 8: the pool was still closing at its deadline, with 1 open"
    ])
  })
})

describe("invariant 9, who leaves gets nothing,", () => {
  it("is broken where a connection is handed to who has left", () => {
    const bench = queued()
    bench.leave(1)
    expect(changed(bench, handTo(1))).toEqual(["invariant 9: ticket 1 holds a connection after it had left"])
  })

  it("is broken where who leaves keeps the connection", () => {
    const bench = queued()
    expect(after(bench, { input: { _tag: "Leave", now: 0, number: 0, verdict: keep } })).toEqual([
      "invariant 9: ticket 0 holds a connection after it had left"
    ])
  })

  it("is broken where who has left waits again", () => {
    const bench = queued()
    const { queue } = bench.state
    bench.leave(1)
    expect(changed(bench, (state) => withQueue(state, queue))).toEqual([
      "invariant 9: ticket 1 waits after it had left"
    ])
  })
})
