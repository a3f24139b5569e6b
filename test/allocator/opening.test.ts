import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

/** How long the pool waits after each of these failed openings in a row. */
const backoffs = (failures: number, jitter: number): ReadonlyArray<number> => {
  const bench = new Bench({ maxSize: 1, whenDown: "wait" })
  bench.take()
  return Array.from({ length: failures }, (_, id) => {
    bench.openFailed(id, jitter)
    expect(bench.closed(id), "not before the back-off is over").toEqual([])
    const wait = bench.alarm - bench.now
    expect(bench.elapse(wait - 1)).toEqual([])
    expect(bench.elapse(1)).toEqual([`open ${id + 1} for Waiter`])
    return wait
  })
}

describe("a failed opening", () => {
  it("holds back the next one for 100 ms, then twice as long each time, and never for more than 5 s", () => {
    expect(backoffs(9, 1)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
  })

  it("holds it back for at least half of that", () => {
    expect(backoffs(9, 0)).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500])
  })

  it("holds nobody back when its time is over, also where the clock is set back then", () => {
    const bench = new Bench({ maxSize: 2, whenDown: "wait" })
    bench.take()
    bench.openFailed(0, 1)
    bench.closed(0)
    expect(bench.elapse(100)).toEqual(["open 1 for Waiter"])
    bench.now = 50
    expect(bench.take()).toEqual(["open 2 for Waiter"])
  })

  it("is forgotten when its time is over, also while nothing can be opened", () => {
    const bench = new Bench({ maxSize: 2, whenDown: "wait" })
    bench.take()
    bench.take()
    bench.opened(0)
    bench.openFailed(1, 1)
    expect(bench.state.upkeep.notBefore).toBe(100)
    bench.now = 100
    // The permit is not free before the close has ended, so nothing can be opened.
    expect(bench.take()).toEqual([])
    expect(bench.view.closing).toEqual(["1: OpenFailed"])
    expect(bench.state.upkeep.notBefore).toBe(0)
  })

  it("has the keeper come for nothing where nobody is held back", () => {
    const bench = new Bench()
    bench.take()
    bench.leave(0)
    bench.openFailed(0)
    expect(bench.alarm).toBe(Infinity)
  })

  it("is not doubled any more after one that went well", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take()
    bench.openFailed(0, 1)
    bench.closed(0)
    bench.elapse(100)
    expect(bench.view.failedInARow).toBe(1)
    bench.opened(1)
    expect(bench.view.failedInARow).toBe(0)
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    bench.take()
    bench.closed(1)
    bench.openFailed(2, 1)
    bench.closed(2)
    expect(bench.alarm - bench.now).toBe(100)
  })

  it("fails the callers that were there when it began, and none that came later", () => {
    const bench = new Bench({ maxSize: 3, maxConnecting: 1 })
    bench.take()
    bench.take()
    expect(bench.view.opening).toEqual(["0 for Waiter"])
    bench.leave(0)
    expect(bench.openFailed(0)).toEqual(["close 0: OpenFailed"])
    bench.closed(0)
    bench.take()
    expect(bench.elapse(50)).toEqual(["open 1 for Waiter"])
    bench.take()
    expect(bench.openFailed(1)).toEqual(["close 1: OpenFailed", "ticket 1: Down", "ticket 2: Down"])
    expect(bench.view.waiting).toEqual([3])
  })

  it("is kept for diagnosis and never served to who comes later", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    bench.openFailed(0)
    bench.closed(0)
    expect(bench.take()).toEqual([])
    expect(bench.elapse(50)).toEqual(["open 1 for Waiter"])
    expect(bench.opened(1)).toEqual(["ticket 1 gets 1"])
    expect(bench.state.upkeep.lastConnectFailure).toMatchObject({ value: { at: 0 } })
  })

  it("fails nobody while another connection is open, whatever that one is busy with", () => {
    const busy: Record<string, (bench: Bench) => void> = {
      leased: () => {},
      resetting: (bench) => bench.leave(0, { _tag: "Reset" }),
      checking: (bench) => {
        bench.leave(0)
        bench.now += 11
        bench.take(5)
      }
    }
    for (const [stage, occupy] of Object.entries(busy)) {
      const bench = new Bench({ maxSize: 2, checkAfterIdle: 10, maxConnecting: 1 })
      bench.take()
      bench.opened(0)
      occupy(bench)
      bench.take()
      expect(bench.view, stage).toMatchObject({ opening: ["1 for Waiter"] })
      expect(bench.openFailed(1), stage).toEqual(["close 1: OpenFailed"])
    }
  })

  it("fails nobody while another one is opening, but the last one to fail does", () => {
    const bench = new Bench({ maxSize: 2 })
    bench.take()
    bench.take()
    expect(bench.openFailed(0)).toEqual(["close 0: OpenFailed"])
    expect(bench.openFailed(1)).toEqual(["close 1: OpenFailed", "ticket 0: Down", "ticket 1: Down"])
  })

  it("fails nobody where callers want to wait", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take(1_000)
    expect(bench.openFailed(0)).toEqual(["close 0: OpenFailed"])
    bench.closed(0)
    expect(bench.elapse(1_000)).toEqual(["open 1 for Waiter", "ticket 0: TimedOut after 1000 at place 1"])
  })

  it("keeps its permit until what it left is closed", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take()
    bench.openFailed(0)
    expect(bench.elapse(10_000)).toEqual([])
    expect(bench.closed(0)).toEqual(["open 1 for Waiter"])
    expect(bench.view).toMatchObject({ opened: 0, closed: 0, openFailures: 1 })
  })
})

describe("openings", () => {
  it("are begun for each waiter, at most maxConnecting at once, and at most maxSize in all", () => {
    const bench = new Bench({ maxSize: 4, maxConnecting: 3 })
    for (let caller = 0; caller < 6; caller++) bench.take()
    expect(bench.view.opening).toEqual(["0 for Waiter", "1 for Waiter", "2 for Waiter"])
    expect(bench.opened(1)).toEqual(["ticket 0 gets 1", "open 3 for Waiter"])
    expect(bench.opened(0)).toEqual(["ticket 1 gets 0"])
  })

  it("for waiters come before those that refill", () => {
    const bench = new Bench({ maxSize: 4, minSize: 3, maxConnecting: 1 })
    bench.tick()
    expect(bench.view.opening).toEqual(["0 for Refill"])
    bench.take()
    bench.take()
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0", "open 1 for Waiter"])
    expect(bench.opened(1)).toEqual(["ticket 1 gets 1", "open 2 for Refill"])
    expect(bench.opened(2)).toEqual([])
  })

  it("refill what was closed, down to minSize, and after a failure try again when the back-off is over", () => {
    const bench = new Bench({ maxSize: 3, minSize: 1 })
    bench.fill(2)
    bench.condemn(0)
    expect(bench.closed(0)).toEqual([])
    expect(bench.condemn(1)).toEqual(["close 1: Lost", "open 2 for Refill"])
    bench.openFailed(2, 1)
    expect(bench.elapse(99)).toEqual([])
    expect(bench.elapse(1)).toEqual(["open 3 for Refill"])
  })

  it("at the start reach their target before the pool runs", () => {
    const bench = new Bench({ maxSize: 3, minSize: 1 })
    expect(bench.start(2)).toEqual(["open 0 for Refill", "open 1 for Refill"])
    expect(bench.opened(1)).toEqual([])
    expect(bench.view.phase).toBe("Starting")
    expect(bench.opened(0)).toEqual(["start is done"])
    expect(bench.view.phase).toBe("Running")
  })

  it("at the start fail it as the first of them fails", () => {
    const bench = new Bench({ maxSize: 3 })
    bench.start(2)
    bench.opened(0)
    expect(bench.openFailed(1)).toEqual(["close 1: OpenFailed", "start: Down"])
    expect(bench.view.phase).toBe("Running")
  })

  it("that end after the pool has gone on without them change nothing", () => {
    const bench = new Bench()
    bench.take()
    bench.shutdown()
    const { state } = bench
    expect([bench.opened(0), bench.openFailed(0), bench.opened(7)]).toEqual([[], [], []])
    expect(bench.state).toBe(state)
  })
})
