import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

const leased = () => {
  const bench = new Bench({ maxSize: 1, checkAfterIdle: 10 })
  bench.take()
  bench.opened(0)
  return bench
}

const idle = () => {
  const bench = leased()
  bench.leave(0)
  return bench
}

describe("a connection that is found to be no good", () => {
  it("is closed at once where it is idle", () => {
    const bench = idle()
    expect(bench.condemn(0)).toEqual(["close 0: Lost"])
  })

  it("is closed when it comes back where it is leased, whatever its holder says", () => {
    for (const verdict of [{ _tag: "Keep" }, { _tag: "Reset" }, { _tag: "Discard", reason: "Broken" }] as const) {
      const bench = leased()
      expect(bench.condemn(0)).toEqual([])
      expect(bench.leave(0, verdict)).toEqual(["close 0: Lost"])
    }
  })

  it("is closed when its check has ended, passed or not", () => {
    for (const passed of [true, false]) {
      const bench = idle()
      bench.elapse(11)
      bench.take()
      expect(bench.condemn(0)).toEqual([])
      expect(bench.checked(0, passed)).toEqual(["close 0: Lost"])
      expect(bench.closed(0)).toEqual(["open 1 for Waiter"])
    }
  })

  it("is closed when its ping has ended", () => {
    const bench = new Bench({ keepalive: 100 })
    bench.fill(1)
    expect(bench.elapse(100)).toEqual(["ping 0"])
    bench.condemn(0)
    expect(bench.checked(0, true)).toEqual(["close 0: Lost"])
  })

  it("is closed when its reset has ended", () => {
    const bench = leased()
    bench.leave(0, { _tag: "Reset" })
    expect(bench.condemn(0)).toEqual([])
    expect(bench.resetDone(0, true)).toEqual(["close 0: Lost"])
  })

  it("is closed for the first reason that was given", () => {
    const bench = leased()
    bench.condemn(0, "Invalidated")
    bench.condemn(0, "Lost")
    expect(bench.leave(0)).toEqual(["close 0: Invalidated"])

    const resetting = leased()
    resetting.leave(0, { _tag: "Reset" })
    resetting.condemn(0, "Invalidated")
    resetting.condemn(0, "Lost")
    expect(resetting.resetDone(0, true)).toEqual(["close 0: Invalidated"])
  })

  it("is closed once, and who is not open is not closed", () => {
    const bench = idle()
    bench.condemn(0)
    const { state } = bench
    expect([bench.condemn(0), bench.condemn(7)]).toEqual([[], []])
    expect(bench.state).toBe(state)

    const opening = new Bench()
    opening.take()
    expect(opening.condemn(0)).toEqual([])
    expect(opening.opened(0)).toEqual(["ticket 0 gets 0"])
  })

  it("makes room for those who wait, and the pool is refilled", () => {
    const bench = new Bench({ maxSize: 2, minSize: 2 })
    bench.fill(2)
    expect(bench.condemn(0)).toEqual(["close 0: Lost"])
    expect(bench.closed(0)).toEqual(["open 2 for Refill"])
  })
})
