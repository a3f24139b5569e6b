import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

/** One connection in every state, and a waiter. */
const withEverything = () => {
  const bench = new Bench({ maxSize: 7, minSize: 6, maxConnecting: 1, checkAfterIdle: 10, keepalive: 100 })
  bench.fill(6)
  for (let caller = 0; caller < 3; caller++) bench.take()
  expect(bench.elapse(100)).toEqual(["ping 0"])
  bench.leave(7, { _tag: "Reset" })
  bench.leave(8, { _tag: "Discard", reason: "Broken" })
  bench.take()
  expect(bench.view).toMatchObject({
    waiting: [9],
    idle: [1],
    leased: ["5 by 6"],
    opening: ["6 for Refill"],
    checking: [2],
    probing: [0],
    resetting: [4],
    closing: ["3: Broken"]
  })
  return bench
}

describe("shutting down", () => {
  it("refuses newcomers and waiters, ends what is under way, closes what is idle, and waits for leases", () => {
    const bench = withEverything()
    expect(bench.shutdown(1_000)).toEqual([
      "ticket 9: Closed",
      "close 1: Shutdown",
      "close 6: Shutdown",
      "close 2: Shutdown",
      "close 0: Shutdown",
      "close 4: Shutdown"
    ])
    expect(bench.take()).toEqual(["refused: Closed"])
    for (const id of [0, 1, 2, 3, 4, 6]) expect(bench.closed(id)).toEqual([])
    expect(bench.elapse(999)).toEqual([])
    expect(bench.view.phase).toBe("Closing")
    expect(bench.leave(6)).toEqual(["close 5: Shutdown"])
    expect(bench.closed(5)).toEqual(["shutdown is done"])
    expect(bench.view).toMatchObject({ phase: "Closed", opened: 6, closed: 6, aborted: 0 })
    expect(bench.broken).toEqual([])
  })

  it("finds nothing to do when a step ends that it has overtaken", () => {
    const bench = withEverything()
    bench.shutdown(1_000)
    const { state } = bench
    expect([bench.checked(2, true), bench.checked(0, false), bench.resetDone(4, true), bench.opened(6)].flat()).toEqual(
      []
    )
    expect(bench.state).toBe(state)
  })

  it("abandons at its deadline what has not ended, in whatever state it was", () => {
    const bench = withEverything()
    bench.shutdown(1_000)
    const abandoned = bench.elapse(1_000)
    expect([...abandoned].sort()).toEqual([...[0, 1, 2, 3, 4, 5, 6].map((id) => `abandon ${id}`), "shutdown is done"])
    expect(bench.view).toMatchObject({ phase: "Closed", opened: 6, closed: 6, aborted: 7 })
    expect(bench.broken).toEqual([])
  })

  it("says of what it abandons why it had to go, and since when it is being closed", () => {
    const bench = new Bench({ maxSize: 3 })
    for (const id of [0, 1, 2]) {
      bench.take()
      bench.opened(id)
    }
    bench.now = 5
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    bench.condemn(1)
    bench.now = 7
    bench.shutdown(10)
    bench.elapse(10)
    const { decision } = bench.history.at(-1)!
    expect(decision).toMatchObject({
      work: [
        { _tag: "Abandon", id: 0, reason: "Broken", closingSince: 5 },
        { _tag: "Abandon", id: 1, reason: "Lost", closingSince: undefined },
        { _tag: "Abandon", id: 2, reason: "Shutdown", closingSince: undefined },
        { _tag: "End" },
        { _tag: "Finish" }
      ]
    })
  })

  it("closes an idle connection", () => {
    const bench = new Bench()
    bench.fill(1)
    expect(bench.shutdown()).toEqual(["close 0: Shutdown"])
    expect(bench.closed(0)).toEqual(["shutdown is done"])
  })

  it("is done at once where nothing is open", () => {
    const bench = new Bench()
    expect(bench.shutdown()).toEqual(["shutdown is done"])
    expect(bench.take()).toEqual(["refused: Closed"])
  })

  it("is over at its deadline: what is still out is abandoned, and who gives back later changes nothing", () => {
    const bench = new Bench({ maxSize: 3 })
    bench.take()
    bench.opened(0)
    bench.take()
    bench.opened(1)
    bench.take()
    bench.shutdown(1_000)
    bench.leave(1)
    expect(bench.view).toMatchObject({ leased: ["0 by 0"], closing: ["1: Shutdown", "2: Shutdown"] })
    expect(bench.elapse(999)).toEqual([])
    expect(bench.elapse(1)).toEqual(["abandon 1", "abandon 2", "abandon 0", "shutdown is done"])
    expect(bench.view).toMatchObject({ phase: "Closed", opened: 2, closed: 2, aborted: 3 })
    const { state } = bench
    expect([bench.leave(0), bench.closed(1), bench.tick(), bench.elapse(10_000)]).toEqual([[], [], [], []])
    expect(bench.state).toBe(state)
    expect(bench.broken).toEqual([])
  })

  it("begins nothing new: neither refill nor renewal nor ping", () => {
    const bench = new Bench({ maxSize: 2, minSize: 2, maxLifetime: 1_000, keepalive: 100, idleTimeout: 500 })
    bench.take()
    bench.tick()
    bench.opened(0)
    bench.shutdown(10_000)
    expect(bench.closed(1)).toEqual([])
    expect(bench.elapse(9_999)).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: Shutdown"])
    expect(bench.closed(0)).toEqual(["shutdown is done"])
  })

  it("has the keeper look at nothing any more, when it is done neither", () => {
    const bench = new Bench({ maxLifetime: 1_000, lifetimeJitter: 0.5 })
    bench.take()
    bench.opened(0, 1)
    bench.shutdown()
    const { state: closing } = bench
    bench.now = 500
    bench.tick()
    expect(bench.state).toBe(closing)
    bench.leave(0)
    bench.closed(0)
    const { state: closed } = bench
    bench.now = 600
    bench.tick()
    expect(bench.state).toBe(closed)
  })

  it("does not reset what comes back", () => {
    const bench = new Bench()
    bench.take()
    bench.opened(0)
    bench.shutdown()
    expect(bench.leave(0, { _tag: "Reset" })).toEqual(["close 0: Shutdown"])
  })
})
