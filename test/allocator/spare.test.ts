/** What is kept for later: minIdle, and as many as the last minutes needed. */
import { describe, expect, it } from "@effect/vitest"
import { keep } from "../../packages/core/src/allocator/decision.js"
import { returnRate } from "../../packages/core/src/allocator/measures.js"
import { Bench } from "./bench.js"
import { queued } from "./planted.js"

const MINUTE = 60_000

describe("minIdle", () => {
  it("opens another as soon as fewer are spare, those that open for it included", () => {
    const bench = new Bench({ maxSize: 5, minIdle: 2 })
    expect(bench.tick()).toEqual(["open 0 for Refill", "open 1 for Refill"])
    bench.opened(0)
    bench.opened(1)
    expect(bench.take()).toEqual(["ticket 0 gets 1", "open 2 for Refill"])
    expect(bench.take()).toEqual(["ticket 1 gets 0", "open 3 for Refill"])
    expect(bench.take()).toEqual(["open 4 for Refill"])
    expect(bench.opened(2)).toEqual(["ticket 2 gets 2"])
    expect(bench.view).toMatchObject({ opening: ["3 for Refill", "4 for Refill"], waiting: [] })
  })

  it("counts what opens, and what is checked or reset, and not what somebody waits for", () => {
    const bench = new Bench({ maxSize: 4, minIdle: 1, maxConnecting: 1 })
    expect(bench.take()).toEqual(["open 0 for Waiter"])
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0", "open 1 for Refill"])
    expect(bench.leave(0, { _tag: "Reset" })).toEqual(["reset 0"])
    expect(bench.opened(1)).toEqual([])
    expect(bench.take()).toEqual(["ticket 1 gets 1"])
    expect(bench.take()).toEqual(["open 2 for Waiter"])
  })

  it("opens nothing beyond maxSize, and refills when a permit comes back", () => {
    const bench = new Bench({ maxSize: 2, minIdle: 2 })
    bench.tick()
    bench.opened(0)
    bench.opened(1)
    expect(bench.take()).toEqual(["ticket 0 gets 1"])
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    expect(bench.closed(1)).toEqual(["open 2 for Refill"])
  })

  it("has the keeper come at the end of a back-off that it was not known to wait for", () => {
    const bench = new Bench({ maxSize: 3, minIdle: 1, maxConnecting: 1 })
    bench.fill(1)
    bench.take()
    bench.take()
    bench.openFailed(2)
    bench.closed(2)
    bench.leave(1)
    expect(bench.view).toMatchObject({ idle: [0], leased: ["1 by 2"], opening: [] })
    expect(bench.take()).toEqual(["ticket 3 gets 0"])
    expect(bench.alarm).toBe(50)
    expect(bench.elapse(50)).toEqual(["open 3 for Refill"])
  })

  it("keeps that many when what is idle is closed", () => {
    const bench = new Bench({ maxSize: 4, minIdle: 2, idleTimeout: 100 })
    bench.fill(4)
    expect(bench.view.idle).toHaveLength(4)
    expect(bench.elapse(1_000)).toHaveLength(2)
    expect(bench.view.idle).toHaveLength(2)
  })
})

/** So many are in use at once, at this moment. */
const burst = (bench: Bench, count: number): void => {
  const first = bench.state.nextTicket
  for (let caller = 0; caller < count; caller++) bench.take()
  for (const opening of bench.view.opening) bench.opened(Number(opening.split(" ")[0]))
  for (let number = first; number < bench.state.nextTicket; number++) bench.leave(number, keep)
}

describe("what is idle", () => {
  it("is kept where two of the last four minutes needed it, and closed when they did not", () => {
    const bench = new Bench({ maxSize: 5, idleTimeout: 5_000 })
    burst(bench, 4)
    bench.elapse(MINUTE / 2)
    expect(bench.view.idle).toHaveLength(0)
    for (const id of [0, 1, 2, 3]) bench.closed(id)
    bench.elapse(MINUTE / 2)
    burst(bench, 3)
    bench.elapse(MINUTE)
    expect(bench.view.idle).toHaveLength(3)
    bench.elapse(MINUTE)
    expect(bench.view.idle).toHaveLength(3)
    bench.elapse(2 * MINUTE)
    expect(bench.view.idle).toHaveLength(0)
  })

  it("is closed after one burst alone, and after one in each of two minutes that are far apart", () => {
    const bench = new Bench({ maxSize: 5, minSize: 1, idleTimeout: 5_000 })
    burst(bench, 4)
    bench.elapse(5_000)
    expect(bench.view.idle).toHaveLength(1)
    for (const id of [0, 1, 2, 3]) bench.closed(id)
    bench.elapse(5 * MINUTE)
    burst(bench, 4)
    bench.elapse(5_000)
    expect(bench.view.idle).toHaveLength(1)
  })

  it("is kept as long as leases of before last into the next minutes, though nobody has looked in between", () => {
    const bench = new Bench({ maxSize: 3, idleTimeout: 10 * MINUTE })
    for (let caller = 0; caller < 3; caller++) bench.take()
    for (const id of [0, 1, 2]) bench.opened(id)
    bench.now = 2 * MINUTE + 5
    bench.leave(0)
    bench.take()
    expect(bench.state.upkeep.peaks).toEqual({ since: 2 * MINUTE, now: 3, before: [3, 3, 0], ever: 3 })
  })
})

describe("the peaks that a pool tells", () => {
  it("are the most in use, and the most that waited after all that could be was done for them", () => {
    const bench = new Bench({ maxSize: 2 })
    for (let caller = 0; caller < 5; caller++) bench.take()
    bench.opened(0)
    bench.opened(1)
    for (let number = 0; number < 5; number++) bench.leave(number)
    expect(bench.view).toMatchObject({ peakLeased: 2, peakWaiting: 5, acquired: 5, gaveUp: 0 })
  })

  it("leave out who was refused", () => {
    const bench = new Bench({ maxSize: 1, maxWaiters: 0 })
    bench.take()
    bench.opened(0)
    bench.take()
    bench.take(0)
    expect(bench.view).toMatchObject({ peakWaiting: 1, acquired: 1, refused: 1, timedOut: 1 })
  })
})

describe("the rate of returns", () => {
  const turn = (bench: Bench, ms: number): void => {
    bench.elapse(ms)
    bench.leave(Number(bench.view.leased[0]!.split(" by ")[1]))
    bench.take()
  }

  it("is known after a second with ten returns in which somebody waited all the time", () => {
    const bench = queued()
    for (let lease = 0; lease < 9; lease++) turn(bench, 120)
    expect(returnRate(bench.state, bench.now)).toBe(0)
    turn(bench, 120)
    expect(returnRate(bench.state, bench.now)).toBeCloseTo(10 / 1.2)
  })

  it("is not known after ten that came within a second", () => {
    const bench = queued()
    for (let lease = 0; lease < 12; lease++) turn(bench, 50)
    expect(returnRate(bench.state, bench.now)).toBe(0)
  })

  it("is measured anew where nobody has waited", () => {
    const bench = queued()
    for (let lease = 0; lease < 9; lease++) turn(bench, 120)
    for (const number of bench.view.waiting) bench.leave(number)
    bench.take()
    turn(bench, 120)
    expect(returnRate(bench.state, bench.now)).toBe(0)
  })

  it("is forgotten after ten seconds", () => {
    const bench = queued()
    for (let lease = 0; lease < 10; lease++) turn(bench, 120)
    expect(returnRate(bench.state, bench.now + 10_000)).toBeGreaterThan(0)
    expect(returnRate(bench.state, bench.now + 10_001)).toBe(0)
  })
})
