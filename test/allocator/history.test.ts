import { describe, expect, it } from "@effect/vitest"
import type { Act } from "../../packages/core/src/allocator/decision.js"
import { keep, nothing } from "../../packages/core/src/allocator/decision.js"
import { brokenIn, historyInvariants } from "../../packages/core/src/allocator/history.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { withLeased, withPhase, withQueue, withSteps } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import { Bench } from "./bench.js"
import { after, changed, handTo, queued } from "./planted.js"

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

describe("a good history", () => {
  it("keeps every invariant, at its end and before", () => {
    const { history, initial, view } = whole()
    expect(view.phase).toBe("Closed")
    for (let length = 0; length <= history.length; length++) {
      expect(brokenIn(initial, history.slice(0, length))).toEqual([])
    }
  })

  it("is asked about 1, 3, 4, 6 to 14, 16 to 18, each a sentence", () => {
    expect(historyInvariants.map(({ number }) => number)).toEqual([1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18])
    for (const { sentence } of historyInvariants) expect(sentence.length).toBeGreaterThan(20)
  })
})

describe("invariant 1, no more than maxSize are spent,", () => {
  const smaller = (state: State): State => ({ ...state, rules: { ...state.rules, maxSize: 0 } })

  it("is broken where more are spent than before, and than may be", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    const [taken] = bench.history
    expect(brokenIn(bench.initial, [{ ...taken!, state: smaller(taken!.state) }])).toEqual([
      "invariant 1: 1 permits of 0 are spent"
    ])
  })

  it("is kept where fewer may be than are, and no more become it", () => {
    expect(changed(queued(), smaller)).toEqual([])
  })
})

describe("invariant 3, a permit is given back once,", () => {
  it("is broken where a connection that is gone holds one again", () => {
    const bench = queued()
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    const { steps } = bench.state
    bench.closed(0)
    expect(changed(bench, (state) => withSteps(state, { opening: OrderedMap.empty(), closing: steps.closing })))
      .toEqual([
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

  it("is broken where a class is served before its turn, whatever its numbers", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    bench.opened(0)
    bench.take(Infinity, { priority: "low" })
    bench.take(Infinity, { priority: "high" })
    // A normal one's turn comes after the high one's, and before the low one's.
    expect(changed(bench, handTo(3))).toEqual(["invariant 4: ticket 3 was served before ticket 2"])
    bench.leave(2)
    expect(changed(bench, handTo(3))).toEqual([])
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

describe("invariant 7, nothing from before a Clear or Recycle,", () => {
  /** An idle connection of before, and one that opens after it. */
  const renewed = (operation: (bench: Bench) => unknown): Bench => {
    const bench = new Bench({ maxSize: 2 })
    bench.fill(1)
    operation(bench)
    bench.take()
    bench.take()
    return bench
  }
  const served = (bench: Bench, id: number, now: number): ReadonlyArray<string> =>
    after(bench, {
      input: { _tag: "Closed", now, id: 9, aborted: false },
      state: withLeased(
        bench.state,
        OrderedMap.set(bench.state.leased, 9, {
          connection: { id, openedAt: 0, retireAt: Infinity, expiresAt: Infinity, endsAs: "MaxLifetime" },
          uses: 0,
          condemned: undefined,
          number: 9,
          ticket: new Ticket(0, Infinity),
          since: now,
          verifiedAt: now,
          overdue: undefined
        })
      )
    })

  it("is broken where one of before a Clear is handed out, and kept by one of after it", () => {
    const bench = renewed((bench) => bench.clear())
    expect(served(bench, 0, 5)).toContain("invariant 7: connection 0 was handed out after it was cleared")
    expect(served(bench, 1, 5).filter((problem) => problem.startsWith("invariant 7"))).toEqual([])
  })

  it("is broken where one of before a Recycle is handed out when its time is over", () => {
    const bench = renewed((bench) => bench.recycle(50))
    expect(served(bench, 0, 50)).toContain("invariant 7: connection 0 was handed out after it was to be recycled")
    expect(served(bench, 0, 49).filter((problem) => problem.startsWith("invariant 7"))).toEqual([])
  })

  it("is broken where one of before a Recycle is idle at the Tick at which its time is over", () => {
    const bench = new Bench({ maxSize: 2 })
    bench.fill(1)
    bench.recycle(50)
    const tick = (now: number) => after(bench, { input: { _tag: "Tick", now }, decision: nothing })
    expect(tick(49)).toEqual([])
    expect(tick(50)).toEqual(["invariant 7: connection 0 is idle after it was to be recycled"])
    expect(after(bench, { input: { _tag: "Resume", now: 50 }, decision: nothing })).toEqual([])
  })

  it("is kept where a pool that closes refused them", () => {
    const bench = queued()
    bench.shutdown()
    bench.clear()
    bench.recycle(0)
    expect(bench.broken).toEqual([])
    expect(brokenIn(bench.initial, bench.history)).toEqual([])
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
