import { describe, expect, it } from "@effect/vitest"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { Bench } from "./bench.js"

/** One lease from 0 on, and a long one. */
const holding = (rules: Partial<Rules>): Bench => {
  const bench = new Bench({ maxSize: 3, ...rules })
  bench.take()
  bench.take(Infinity, { isLong: true })
  bench.opened(0)
  bench.opened(1)
  return bench
}

describe("a lease that lasts", () => {
  it("is reported once at leakThreshold, and when it comes back", () => {
    const bench = holding({ leakThreshold: 100 })
    expect(bench.elapse(99)).toEqual([])
    expect(bench.elapse(1)).toEqual(["report 0"])
    expect(bench.elapse(10_000)).toEqual([])
    expect(bench.leave(0)).toEqual(["0 came back"])
    expect(bench.view.idle).toEqual([0])
    expect(bench.leave(1)).toEqual([])
  })

  it("is aborted at maxLease, and its connection closed when it comes back", () => {
    const bench = holding({ maxLease: 100 })
    expect(bench.elapse(99)).toEqual([])
    expect(bench.elapse(1)).toEqual(["abort 0: MaxLease"])
    expect(bench.elapse(10_000)).toEqual([])
    expect(bench.view.leased).toEqual(["0 by 0", "1 by 1"])
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: MaxLease"])
  })

  it("is reported, and then aborted, where both are asked for; and aborted only where both are due", () => {
    const bench = holding({ leakThreshold: 30, maxLease: 100 })
    expect(bench.elapse(30)).toEqual(["report 0"])
    expect(bench.elapse(70)).toEqual(["abort 0: MaxLease"])
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: MaxLease"])
    expect(holding({ leakThreshold: 100, maxLease: 100 }).elapse(100)).toEqual(["abort 0: MaxLease"])
    expect(holding({ leakThreshold: 200, maxLease: 100 }).elapse(500)).toEqual(["abort 0: MaxLease"])
  })

  it("is left alone where it has said that it is long", () => {
    const bench = holding({ leakThreshold: 30, maxLease: 100 })
    bench.leave(0)
    expect(bench.elapse(1_000)).toEqual([])
    expect(bench.leave(1)).toEqual([])
  })

  it("is found in time, whenever it began", () => {
    const bench = new Bench({ maxSize: 2, leakThreshold: 100 })
    bench.fill(2)
    bench.elapse(70)
    bench.take()
    bench.elapse(25)
    bench.take()
    expect(bench.elapse(74)).toEqual([])
    expect(bench.elapse(1)).toEqual(["report 2"])
    expect(bench.elapse(24)).toEqual([])
    expect(bench.elapse(1)).toEqual(["report 3"])
  })

  it("closes for the first reason that there was", () => {
    const bench = holding({ maxLease: 100 })
    bench.condemn(0, "Invalidated")
    bench.elapse(100)
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: Invalidated"])
  })

  it("is aborted once, by its age or by a clear", () => {
    const bench = holding({ maxLease: 100 })
    expect(bench.clear(true)).toEqual(["abort 0: Cleared", "abort 1: Cleared"])
    expect(bench.elapse(200)).toEqual([])
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: Cleared"])
  })

  it("tells who has it", () => {
    const bench = holding({ leakThreshold: 10 })
    bench.elapse(10)
    const { fiber, manner } = OrderedMap.first(bench.state.leased)!.ticket
    expect(bench.history.at(-1)!.decision).toMatchObject({
      work: [{ _tag: "Report", holder: { connection: 0, lease: 0, since: 0, fiber, manner } }]
    })
  })

  it("of a pool that closes is aborted at the deadline, not before", () => {
    const bench = holding({ maxLease: 100, leakThreshold: 50 })
    bench.shutdown(200)
    expect(bench.elapse(199)).toEqual([])
    expect(bench.elapse(1)).toEqual(["abandon 0", "abandon 1", "shutdown is done"])
  })
})
