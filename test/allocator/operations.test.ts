/** What operations do to work in flight: the table of DESIGN.md section 7, cell by cell. */
import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

/** Ticket 0 holds connection 0, 1 is idle, 2 is being checked, 3 is reset, 4 is closing and 5 opens; nobody waits. */
const busy = (rules: ConstructorParameters<typeof Bench>[0] = {}): Bench => {
  const bench = new Bench({ maxSize: 6, keepalive: 100, ...rules })
  for (let caller = 0; caller < 5; caller++) bench.take()
  for (let id = 0; id < 5; id++) bench.opened(id)
  bench.leave(2)
  bench.elapse(100)
  bench.leave(1)
  bench.leave(3, { _tag: "Reset" })
  bench.leave(4, { _tag: "Discard", reason: "Broken" })
  // It waits for an opening, and leaves.
  bench.take()
  bench.take()
  bench.leave(5)
  bench.leave(6)
  expect(bench.view).toMatchObject({
    leased: ["0 by 0"],
    idle: [1],
    probing: [2],
    resetting: [3],
    closing: ["4: Broken"],
    opening: ["5 for Waiter"],
    waiting: []
  })
  return bench
}

/** Both of two connections are leased, by tickets 0 and 1, and two callers wait. */
const crowded = (): Bench => {
  const bench = new Bench({ maxSize: 2 })
  for (let caller = 0; caller < 4; caller++) bench.take()
  bench.opened(0)
  bench.opened(1)
  return bench
}

describe("clear", () => {
  it("ends what is idle, opens, is checked or reset, at once, and what is leased when it comes back", () => {
    const bench = busy()
    expect([...bench.clear()].sort()).toEqual([
      "close 1: Cleared",
      "close 2: Cleared",
      "close 3: Cleared",
      "close 5: Cleared"
    ])
    expect(bench.view).toMatchObject({ leased: ["0 by 0"], idle: [], probing: [], resetting: [], opening: [] })
    expect(bench.leave(0)).toEqual(["close 0: Cleared"])
    expect(bench.announced).toEqual(["PoolCleared"])
  })

  it("kills leases under their holders where it is to abort them, each once, and is told when they come back", () => {
    const bench = crowded()
    expect(bench.clear(true)).toEqual(["abort 0: Cleared", "abort 1: Cleared"])
    expect(bench.clear(true)).toEqual([])
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: Cleared"])
    expect(bench.closed(0)).toEqual(["open 2 for Waiter"])
  })

  it("lets waiters keep their places, and begins openings again as soon as permits come back, without a back-off", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take()
    bench.take()
    bench.openFailed(0)
    bench.closed(0)
    expect(bench.clear()).toEqual(["open 1 for Waiter"])
    expect(bench.view.failedInARow).toBe(0)
    expect(bench.clear()).toEqual(["close 1: Cleared"])
    expect(bench.closed(1)).toEqual(["open 2 for Waiter"])
    expect(bench.opened(2)).toEqual(["ticket 0 gets 2"])
    expect(bench.leave(0)).toEqual(["ticket 1 gets 2"])
  })

  it("keeps the first reason why a connection has to go", () => {
    const bench = busy()
    bench.condemn(0, "Lost")
    bench.condemn(3, "Invalidated")
    expect(bench.clear(true)).toContain("abort 0: Cleared")
    expect(bench.view.closing).toContain("3: Invalidated")
    expect(bench.leave(0)).toEqual(["0 came back", "close 0: Lost"])
  })

  it("ends nothing that is opened after it", () => {
    const bench = new Bench({ maxSize: 2 })
    bench.fill(1)
    bench.clear()
    bench.take()
    bench.opened(1)
    expect(bench.leave(1)).toEqual([])
    expect(bench.view.idle).toEqual([1])
  })

  it("is refused by a pool that closes", () => {
    const bench = crowded()
    bench.shutdown()
    for (const operation of [bench.clear, bench.resume, bench.suspend]) expect(operation()).toEqual(["refused: Closed"])
    expect(bench.recycle(5)).toEqual(["refused: Closed"])
    expect(bench.resize({ maxSize: 1 })).toEqual(["refused: Closed"])
    expect(bench.announced).toEqual(["PoolClosing"])
  })
})

describe("recycle", () => {
  it("ends what is idle one after the other, spread over the time, each when its successor is open", () => {
    const bench = new Bench({ maxSize: 4 })
    bench.fill(3)
    expect(bench.recycle(90)).toEqual(["open 3 for Successor"])
    expect(bench.opened(3)).toEqual(["close 0: Recycled"])
    bench.closed(0)
    expect(bench.elapse(29)).toEqual([])
    expect(bench.elapse(1)).toEqual(["open 4 for Successor"])
    expect(bench.opened(4)).toEqual(["close 1: Recycled"])
    bench.closed(1)
    expect(bench.elapse(30)).toEqual(["open 5 for Successor"])
    expect(bench.opened(5)).toEqual(["close 2: Recycled"])
    bench.closed(2)
    expect(bench.elapse(1_000)).toEqual([])
    expect(bench.view.idle).toEqual([3, 4, 5])
  })

  it("has each leave first where no permit is free for its successor", () => {
    const bench = new Bench({ maxSize: 2 })
    bench.fill(2)
    expect(bench.recycle(10)).toEqual(["close 0: Recycled"])
    expect(bench.closed(0)).toEqual(["open 2 for Successor"])
  })

  it("ends what is leased when it comes back after its successor is open, or after the time, as recycled", () => {
    const bench = new Bench({ maxSize: 3 })
    bench.take()
    bench.take()
    bench.opened(0)
    bench.opened(1)
    expect(bench.recycle(100)).toEqual(["open 2 for Successor"])
    expect(bench.opened(2)).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: Recycled"])
    bench.now = 100
    expect(bench.leave(1)).toEqual(["close 1: Recycled"])
  })

  it("ends all that is idle at once where it is to take no time, and what opens, whatever it takes", () => {
    const bench = busy()
    expect([...bench.recycle(0)].sort()).toEqual(["close 1: Recycled", "close 5: Recycled"])
    expect(bench.checked(2, true)).toContain("close 2: Recycled")
    expect(bench.resetDone(3, true)).toEqual(["close 3: Recycled"])
    expect(bench.leave(0)).toEqual(["close 0: Recycled"])
  })

  it("again ends no connection later than it was to end, and none by a lifetime that would end it before", () => {
    const bench = new Bench({ maxSize: 2, maxLifetime: 500 })
    bench.fill(1)
    bench.take()
    bench.recycle(100)
    bench.recycle(300)
    bench.now = 100
    expect(bench.leave(1)).toEqual(["close 0: Recycled"])

    const short = new Bench({ maxSize: 2, maxLifetime: 50 })
    short.fill(1)
    short.take()
    short.recycle(100)
    short.now = 50
    expect(short.leave(1)).toEqual(["close 0: MaxLifetime"])
  })

  it("lets waiters keep their places", () => {
    const bench = crowded()
    expect(bench.recycle(1_000)).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: Recycled"])
    expect(bench.leave(1)).toEqual(["ticket 2 gets 1"])
  })
})

describe("resize", () => {
  it("up opens for who waits, and fills up to the new minimum", () => {
    const bench = crowded()
    expect(bench.resize({ maxSize: 3 })).toEqual(["open 2 for Waiter"])
    expect(bench.resize({ maxSize: 6, minSize: 5 })).toEqual([
      "open 3 for Waiter",
      "open 4 for Refill"
    ])
    expect(bench.view.sizes).toEqual({ maxSize: 6, minSize: 5, minIdle: 0 })
    expect(bench.announced).toEqual(["PoolResized", "PoolResized"])
  })

  it("down ends surplus: first what opens, then what is idle for longest, then pings and checks", () => {
    const down = (maxSize: number) => busy().resize({ maxSize })
    expect(down(5)).toEqual([])
    expect(down(4)).toEqual(["close 5: Resized"])
    expect(down(3)).toEqual(["close 5: Resized", "close 1: Resized"])
    expect(down(2)).toEqual(["close 5: Resized", "close 1: Resized", "close 2: Resized"])
    expect(down(1)).toEqual(["close 5: Resized", "close 1: Resized", "close 2: Resized"])
  })

  it("down ends checks that somebody waits for last, and says why a connection had to go already", () => {
    const bench = new Bench({ maxSize: 4, checkAfterIdle: 0, keepalive: 50 })
    bench.fill(3)
    bench.elapse(50)
    bench.take()
    bench.take()
    expect(bench.view).toMatchObject({ probing: [0], checking: [1, 2] })
    bench.condemn(2, "Lost")
    expect(bench.resize({ maxSize: 1 })).toEqual(["close 0: Resized", "close 2: Lost"])
    expect(bench.checked(1, true)).toEqual(["ticket 3 gets 1"])
  })

  it("down below what is leased takes back nothing; what comes back is closed until it fits, whoever waits", () => {
    const bench = crowded()
    expect(bench.resize({ maxSize: 1 })).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: Resized"])
    expect(bench.closed(0)).toEqual([])
    expect(bench.leave(1)).toEqual(["ticket 2 gets 1"])
    expect(bench.broken).toEqual([])
  })

  it("down ends a reset's connection when it has ended", () => {
    const bench = crowded()
    bench.leave(1, { _tag: "Reset" })
    bench.resize({ maxSize: 1 })
    expect(bench.resetDone(1, true)).toEqual(["close 1: Resized"])
  })

  it("counts what is to be kept above the new size as the size", () => {
    const bench = new Bench({ maxSize: 3 })
    expect(bench.resize({ maxSize: 2, minSize: 9, minIdle: 9 })).toEqual(["open 0 for Refill", "open 1 for Refill"])
  })

  it("lets surplus go idle where the minimum has become smaller", () => {
    const bench = new Bench({ maxSize: 2, minSize: 2, idleTimeout: 100 })
    bench.fill(2)
    expect(bench.elapse(200)).toEqual([])
    expect(bench.resize({ minSize: 0 })).toEqual(["close 0: IdleTimeout", "close 1: IdleTimeout"])
  })

  it("again with what is so already changes nothing", () => {
    const bench = busy()
    bench.resize({ maxSize: 3 })
    expect(bench.resize({ maxSize: 3 })).toEqual([])
    expect(bench.resize({})).toEqual([])
  })
})

describe("suspecting all that is idle", () => {
  it("has each checked before it is handed out, but not what comes back later, nor where there is no check", () => {
    const bench = new Bench({ maxSize: 2, checkAfterIdle: Infinity, canCheck: true })
    bench.fill(2)
    bench.suspect()
    expect(bench.take()).toEqual(["check 1"])
    expect(bench.checked(1, true)).toEqual(["ticket 2 gets 1"])
    bench.leave(2)
    expect(bench.take()).toEqual(["ticket 3 gets 1"])

    const blind = new Bench({ maxSize: 1 })
    blind.fill(1)
    blind.suspect()
    expect(blind.take()).toEqual(["ticket 1 gets 0"])
  })

  it("begins no ping where there are none, and pings one after the other where there are", () => {
    const without = new Bench({ maxSize: 1, minSize: 1, canCheck: true, idleTimeout: 100 })
    without.fill(1)
    without.suspect()
    expect(without.elapse(500)).toEqual([])

    const bench = new Bench({ maxSize: 2, keepalive: 100 })
    bench.fill(2)
    bench.elapse(50)
    bench.suspect()
    expect(bench.elapse(50)).toEqual(["ping 0"])
    expect(bench.checked(0, true)).toEqual(["ping 1"])
  })
})
