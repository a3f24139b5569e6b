/** Suspending, resuming and draining: the other rows of DESIGN.md's table, and what comes before what. */
import { describe, expect, it } from "@effect/vitest"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { Bench } from "./bench.js"

/** Both of two connections are leased, by tickets 0 and 1, and two callers wait. */
const crowded = (rules: Partial<Rules> = {}): Bench => {
  const bench = new Bench({ maxSize: 2, ...rules })
  for (let caller = 0; caller < 4; caller++) bench.take()
  bench.opened(0)
  bench.opened(1)
  return bench
}

describe("a pool that is suspended", () => {
  it("hands out nothing of what is idle or comes back, and hands it out in order when it is resumed", () => {
    const bench = crowded()
    bench.suspend()
    expect(bench.leave(0)).toEqual([])
    expect(bench.take()).toEqual([])
    expect(bench.view).toMatchObject({ phase: "Suspended", idle: [0], waiting: [2, 3, 4] })
    bench.leave(1)
    expect(bench.resume()).toEqual(["ticket 2 gets 1", "ticket 3 gets 0"])
    expect(bench.announced).toEqual(["PoolSuspended", "PoolResumed"])
  })

  it("begins no opening, not after a failure, a break or a resize, and begins them when it is resumed", () => {
    const bench = crowded({ minSize: 2 })
    bench.suspend()
    expect(bench.leave(0, { _tag: "Discard", reason: "Broken" })).toEqual(["close 0: Broken"])
    expect(bench.closed(0)).toEqual([])
    expect(bench.resize({ maxSize: 4, minIdle: 1 })).toEqual([])
    expect(bench.elapse(1_000)).toEqual([])
    expect(bench.resume()).toEqual(["open 2 for Waiter", "open 3 for Waiter", "open 4 for Refill"])
  })

  it("lets openings finish and park, and checks as well", () => {
    const bench = new Bench({ maxSize: 2, checkAfterIdle: 0 })
    bench.fill(1)
    bench.take()
    bench.take()
    expect(bench.view).toMatchObject({ checking: [0], opening: ["1 for Waiter"] })
    bench.suspend()
    expect(bench.opened(1)).toEqual([])
    expect(bench.checked(0, true)).toEqual([])
    expect(bench.view).toMatchObject({ idle: [0, 1], waiting: [1, 2] })
  })

  it("spares its waiters an opening that fails", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    bench.suspend()
    expect(bench.openFailed(0)).toEqual(["close 0: OpenFailed"])
    expect(bench.view.waiting).toEqual([0])
  })

  it("remembers for later whom a failed check makes suspect, but not who was known to work since", () => {
    const bench = new Bench({ maxSize: 3, checkAfterIdle: 1_000, keepalive: 100 })
    bench.fill(3)
    bench.elapse(50)
    bench.take()
    bench.elapse(50)
    expect(bench.view).toMatchObject({ probing: [0], idle: [1], leased: ["2 by 3"] })
    bench.suspend()
    bench.elapse(5)
    bench.leave(3)
    expect(bench.checked(0, false)).toEqual(["close 0: PingFailed"])
    expect(OrderedMap.values(bench.state.idle.places).map(({ verifiedAt }) => verifiedAt)).toEqual([-Infinity, 105])
  })

  it("pings nobody, and does so as soon as it is resumed", () => {
    const bench = new Bench({ maxSize: 1, keepalive: 100 })
    bench.fill(1)
    bench.suspend("wait", 250)
    expect(bench.elapse(249)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ping 0"])
    expect(bench.announced).toEqual(["PoolSuspended", "PoolResumed"])
  })

  it("lets deadlines run, and leases go on to be reset, closed, reported", () => {
    const bench = crowded({ leakThreshold: 50 })
    bench.take(30)
    bench.suspend()
    expect(bench.elapse(30)).toEqual(["ticket 4: TimedOut after 30 at place 3"])
    expect(bench.elapse(20)).toEqual(["report 0", "report 1"])
    expect(bench.leave(0, { _tag: "Reset" })).toEqual(["0 came back", "reset 0"])
    expect(bench.resetDone(0, true)).toEqual([])
    expect(bench.leave(1, { _tag: "Discard", reason: "Broken" })).toEqual(["1 came back", "close 1: Broken"])
    expect(bench.view).toMatchObject({ idle: [0], waiting: [2, 3] })
  })

  it("refuses newcomers where it is to, and those who wait keep their places", () => {
    const bench = crowded()
    bench.suspend("refuse", 100)
    expect(bench.take()).toEqual(["refused: Suspended"])
    expect(bench.view).toMatchObject({ waiting: [2, 3], refused: 1 })
    bench.now = 100
    expect(bench.take()).toEqual([])
    expect(bench.view.waiting).toEqual([2, 3, 5])
    expect(bench.leave(0)).toEqual(["ticket 2 gets 0"])
  })

  it("ends the suspension by itself, and the latest word on it counts", () => {
    const bench = crowded()
    bench.suspend("wait", 10)
    bench.suspend("refuse", 50)
    bench.leave(0)
    expect(bench.elapse(49)).toEqual([])
    expect(bench.view.phase).toBe("Suspended")
    expect(bench.elapse(1)).toEqual(["ticket 2 gets 0"])
    expect(bench.view.phase).toBe("Running")
    bench.suspend("wait", 0)
    expect(bench.view.phase).toBe("Running")
  })

  it("is resumed once: again changes nothing, and nobody is told", () => {
    const bench = crowded()
    bench.suspend()
    bench.resume()
    const { state } = bench
    expect(bench.resume()).toEqual([])
    expect(bench.state).toBe(state)
    expect(bench.announced).toEqual(["PoolSuspended", "PoolResumed"])
  })

  it("begins nothing after a clear, and everything anew when it is resumed", () => {
    const bench = crowded()
    bench.suspend()
    bench.leave(0)
    expect(bench.clear()).toEqual(["close 0: Cleared"])
    expect(bench.closed(0)).toEqual([])
    expect(bench.resume()).toEqual(["open 2 for Waiter"])
  })
})

describe("a pool that drains", () => {
  it("refuses newcomers, serves who waits, and ends when the last connection is closed", () => {
    const bench = crowded()
    expect(bench.drain()).toEqual([])
    expect(bench.take()).toEqual(["refused: Closed"])
    expect(bench.leave(0)).toEqual(["ticket 2 gets 0"])
    expect(bench.leave(1)).toEqual(["ticket 3 gets 1"])
    expect(bench.leave(2)).toEqual(["close 0: Shutdown"])
    expect(bench.closed(0)).toEqual([])
    expect(bench.leave(3)).toEqual(["close 1: Shutdown"])
    expect(bench.closed(1)).toEqual(["drain is done"])
    expect(bench.view.phase).toBe("Closed")
    expect(bench.announced).toEqual(["PoolDraining", "PoolClosed"])
  })

  it("goes on to open and check for who waits, and no longer than somebody does", () => {
    const bench = new Bench({ maxSize: 2, maxConnecting: 1 })
    bench.take()
    bench.take()
    bench.drain()
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0", "open 1 for Waiter"])
    expect(bench.leave(1)).toEqual(["close 1: Shutdown"])
    expect(bench.closed(1)).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: Shutdown"])
  })

  it("closes at once what is idle, pinged or reset where nobody waits, and is closed at once where nothing is", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 10 })
    bench.fill(2)
    bench.take()
    bench.take()
    bench.take()
    bench.opened(2)
    bench.leave(4)
    bench.leave(3, { _tag: "Reset" })
    bench.elapse(10)
    expect(bench.view).toMatchObject({ leased: ["1 by 2"], probing: [2], resetting: [0] })
    expect([...bench.drain()].sort()).toEqual(["close 0: Shutdown", "close 2: Shutdown"])
    expect(new Bench().drain()).toEqual(["drain is done"])
  })

  it("resets nothing that nobody will have", () => {
    const bench = crowded()
    bench.leave(2)
    bench.drain()
    expect(bench.leave(0, { _tag: "Reset" })).toEqual(["reset 0"])
    expect(bench.resetDone(0, true)).toEqual(["ticket 3 gets 0"])
    expect(bench.leave(1, { _tag: "Reset" })).toEqual(["close 1: Shutdown"])
  })

  it("refills nothing, and opens no successor", () => {
    const bench = crowded({ minSize: 2, minIdle: 2, maxLifetime: 100 })
    bench.drain()
    expect(bench.leave(0, { _tag: "Discard", reason: "Broken" })).toEqual(["close 0: Broken"])
    expect(bench.closed(0)).toEqual(["open 2 for Waiter"])
    expect(bench.leave(2)).toEqual([])
    expect(bench.opened(2)).toEqual(["ticket 3 gets 2"])
    expect(bench.elapse(100)).toEqual([])
  })

  it("does so when it was suspended, is not suspended by that, and not drained twice", () => {
    const bench = crowded()
    bench.suspend()
    bench.leave(0)
    expect(bench.drain()).toEqual(["ticket 2 gets 0"])
    expect(bench.suspend()).toEqual([])
    expect(bench.resume()).toEqual([])
    expect(bench.drain()).toEqual([])
    expect(bench.view.phase).toBe("Draining")
    bench.leave(3)
    bench.leave(1)
    bench.leave(2)
    bench.closed(0)
    expect(bench.closed(1)).toEqual(["drain is done", "drain is done"])
    expect(bench.announced).toEqual(
      ["PoolSuspended", "PoolResumed", "PoolDraining", "PoolClosed"].filter((event) => event !== "PoolResumed")
    )
  })

  it("is cut short by closing, whose end ends both, and is no start of one that is closing already", () => {
    const bench = crowded()
    bench.drain()
    expect(bench.shutdown(50)).toEqual(["ticket 2: Closed", "ticket 3: Closed"])
    expect(bench.drain()).toEqual([])
    bench.leave(0)
    bench.leave(1)
    bench.closed(0)
    expect(bench.closed(1)).toEqual(["drain is done", "shutdown is done", "drain is done"])
    expect(bench.drain()).toEqual(["drain is done"])
    expect(bench.shutdown()).toEqual(["shutdown is done"])
    expect(bench.announced).toEqual(["PoolDraining", "PoolClosing", "PoolClosed"])
  })

  it("may be made smaller, cleared and recycled", () => {
    const bench = crowded()
    bench.drain()
    bench.resize({ maxSize: 1 })
    bench.clear()
    bench.recycle(10)
    expect(bench.leave(0)).toEqual(["close 0: Cleared"])
    expect(bench.closed(0)).toEqual([])
    expect(bench.leave(1)).toEqual(["close 1: Cleared"])
    expect(bench.closed(1)).toEqual(["open 2 for Waiter"])
    expect(bench.broken).toEqual([])
  })
})

describe("closing again", () => {
  it("ends by the earliest of the deadlines", () => {
    const bench = crowded()
    bench.shutdown(100)
    bench.elapse(10)
    bench.shutdown(20)
    bench.shutdown(500)
    expect(bench.elapse(19)).toEqual([])
    expect(bench.elapse(1)).toEqual([
      "abandon 0",
      "abandon 1",
      "shutdown is done",
      "shutdown is done",
      "shutdown is done"
    ])
  })
})
