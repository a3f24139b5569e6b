import { describe, expect, it } from "@effect/vitest"
import { nothing } from "../../packages/core/src/allocator/decision.js"
import { Bench } from "./bench.js"

describe("a caller that asks", () => {
  it("gets an idle connection at once, and nothing else is started", () => {
    const bench = new Bench()
    bench.fill(1)
    expect(bench.take()).toEqual(["ticket 1 gets 0"])
    expect(bench.history.at(-1)!.decision._tag).toBe("Reuse")
  })

  it("waits for the connection that is opened for it", () => {
    const bench = new Bench()
    expect(bench.take()).toEqual(["open 0 for Waiter"])
    expect(bench.history.at(-1)!.decision._tag).toBe("Wait")
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0"])
    expect(bench.history.at(-1)!.decision._tag).toBe("Act")
  })

  it("gets a connection that comes back before the one that is opened for it", () => {
    const bench = new Bench()
    bench.take()
    bench.opened(0)
    bench.take()
    expect(bench.leave(0)).toEqual(["ticket 1 gets 0"])
    expect(bench.opened(1)).toEqual([])
    expect(bench.view.idle).toEqual([1])
  })

  it("is served before those that asked after it, by returns and openings alike", () => {
    const bench = new Bench({ maxSize: 2, maxConnecting: 1 })
    for (let caller = 0; caller < 5; caller++) bench.take()
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0", "open 1 for Waiter"])
    expect(bench.leave(0)).toEqual(["ticket 1 gets 0"])
    expect(bench.opened(1)).toEqual(["ticket 2 gets 1"])
    expect(bench.leave(2)).toEqual(["ticket 3 gets 1"])
    expect(bench.leave(1)).toEqual(["ticket 4 gets 0"])
  })

  it("gets the connection that came back last, and the one that came back first where the order is fifo", () => {
    for (const [order, id] of [["lifo", 2], ["fifo", 0]] as const) {
      const bench = new Bench({ maxSize: 3, order })
      bench.fill(3)
      expect(bench.view.idle).toEqual([0, 1, 2])
      expect(bench.take()).toEqual([`ticket 3 gets ${id}`])
    }
  })

  it("gets the next idle connection where the one whose turn it is has come to the end of its lifetime", () => {
    const bench = new Bench({ maxLifetime: 1_000 })
    bench.take()
    bench.opened(0)
    bench.now = 500
    bench.take()
    bench.opened(1)
    bench.leave(1)
    bench.leave(0)
    expect(bench.view.idle).toEqual([1, 0])
    bench.now = 1_000
    expect(bench.take()).toEqual(["close 0: MaxLifetime", "ticket 2 gets 1"])
  })

  it("tries once: fails where nothing is ready, and has started an opening that the next one finds", () => {
    const bench = new Bench()
    expect(bench.take(0)).toEqual(["open 0 for Waiter", "ticket 0: TimedOut after 0 at place 1"])
    expect(bench.opened(0)).toEqual([])
    expect(bench.take(0)).toEqual(["ticket 1 gets 0"])
    expect(bench.view.timedOut).toBe(1)
  })

  it("tries once: fails where the idle connection has to be checked first, and has started the check", () => {
    const bench = new Bench({ checkAfterIdle: 10 })
    bench.fill(1)
    bench.elapse(11)
    expect(bench.take(0)).toEqual(["check 0", "ticket 1: TimedOut after 0 at place 1"])
    expect(bench.checked(0, true)).toEqual([])
    expect(bench.take(0)).toEqual(["ticket 2 gets 0"])
  })

  it("tries once: is told so once, also where more wait than may because a connection was lost", () => {
    const bench = new Bench({ maxSize: 1, maxWaiters: 0, checkAfterIdle: 0 })
    bench.fill(1)
    expect(bench.take()).toEqual(["check 0"])
    expect(bench.checked(0, false)).toEqual(["close 0: CheckFailed"])
    expect(bench.take(0)).toEqual(["ticket 2: TimedOut after 0 at place 2"])
  })

  it("is not overtaken by one that comes when a clock that was set back is right again", () => {
    const bench = new Bench({ checkAfterIdle: 10, maxSize: 2 })
    bench.now = 1_000
    bench.fill(2)
    bench.now = 900
    expect(bench.take()).toEqual(["check 1"])
    bench.now = 1_000
    expect(bench.take()).toEqual(["ticket 2 gets 0"])
    expect(bench.view.waiting).toEqual([3])
  })

  it("is refused where as many wait as may, and waits again when one has left", () => {
    const bench = new Bench({ maxSize: 1, maxWaiters: 2 })
    bench.take()
    bench.opened(0)
    bench.take()
    bench.take()
    expect(bench.take()).toEqual(["refused: QueueFull"])
    expect(bench.view).toMatchObject({ waiting: [1, 2], refused: 1 })
    bench.leave(2)
    expect(bench.take()).toEqual([])
    expect(bench.view.waiting).toEqual([1, 4])
  })

  it("waits for what is opened or checked for it where nobody may wait for another", () => {
    const bench = new Bench({ maxSize: 1, maxWaiters: 0, checkAfterIdle: 0 })
    expect(bench.take()).toEqual(["open 0 for Waiter"])
    expect(bench.take()).toEqual(["refused: QueueFull"])
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0"])
    expect(bench.take()).toEqual(["refused: QueueFull"])
    bench.leave(0)
    expect(bench.take()).toEqual(["check 0"])
    expect(bench.checked(0, true)).toEqual(["ticket 3 gets 0"])
  })

  it("is refused where nobody may wait, and what is closed or reset is not there yet", () => {
    const bench = new Bench({ maxSize: 2, maxWaiters: 0 })
    bench.fill(2)
    bench.take()
    bench.take()
    bench.leave(2, { _tag: "Reset" })
    bench.leave(3, { _tag: "Discard", reason: "Broken" })
    expect(bench.take()).toEqual(["refused: QueueFull"])
  })

  it("is served in the very millisecond of its deadline, and not after it", () => {
    const at = (ms: number) => {
      const bench = new Bench({ maxSize: 1 })
      bench.fill(1)
      bench.take()
      bench.take(20)
      bench.now = ms
      return bench.leave(1)
    }
    expect(at(20)).toEqual(["ticket 2 gets 0"])
    expect(at(21)).toEqual(["ticket 2: TimedOut after 21 at place 1"])
  })

  it("is told its place, the sizes and the last failure when its time is over", () => {
    const bench = new Bench({ maxSize: 1, whenDown: "wait" })
    bench.take(300)
    bench.openFailed(0)
    bench.closed(0)
    bench.elapse(50)
    expect(bench.view.opening).toEqual(["1 for Waiter"])
    bench.take(100)
    bench.elapse(99)
    expect(bench.view.waiting).toEqual([0, 1])
    expect(bench.elapse(1)).toEqual(["ticket 1: TimedOut after 100 at place 2"])
    const { decision } = bench.history.at(-1)!
    expect(decision).toMatchObject({
      work: [{
        denial: {
          at: 150,
          situation: {
            sizes: { maxSize: 1, opening: 1, idle: 0, leased: 0, checking: 0, resetting: 0, closing: 0, waiting: 2 },
            holders: [],
            returnRate: 0,
            lastConnectFailure: { value: { at: 0 } }
          }
        }
      }]
    })
    expect(bench.elapse(150)).toEqual(["ticket 0: TimedOut after 300 at place 1"])
    expect(bench.view.timedOut).toBe(2)
  })
})

describe("a caller that leaves", () => {
  it("serves the first waiter, and has a connection opened for the next where the keeper that was to do it is late", () => {
    const bench = new Bench({ maxSize: 3, maxConnecting: 1 })
    for (let caller = 0; caller < 3; caller++) bench.take()
    bench.opened(0)
    bench.openFailed(1)
    bench.closed(1)
    bench.now = bench.alarm
    expect(bench.leave(0)).toEqual(["ticket 1 gets 0", "open 2 for Waiter"])
  })

  it("costs nobody the place", () => {
    const bench = new Bench({ maxSize: 1 })
    for (let caller = 0; caller < 4; caller++) bench.take()
    bench.leave(1)
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0"])
    expect(bench.leave(0)).toEqual(["ticket 2 gets 0"])
    expect(bench.leave(2)).toEqual(["ticket 3 gets 0"])
  })

  it("passes on the connection that was on its way to it", () => {
    const bench = new Bench({ maxSize: 1 })
    for (let caller = 0; caller < 2; caller++) bench.take()
    expect(bench.opened(0)).toEqual(["ticket 0 gets 0"])
    expect(bench.leave(0)).toEqual(["ticket 1 gets 0"])
  })

  it("gives back nothing when it leaves again", () => {
    const bench = new Bench({ maxSize: 1 })
    for (let caller = 0; caller < 2; caller++) bench.take()
    bench.opened(0)
    bench.leave(0)
    const { state } = bench
    expect(bench.leave(0)).toEqual([])
    expect(bench.leave(99)).toEqual([])
    expect(bench.state).toBe(state)
  })

  it("does not stop the opening that was begun for it", () => {
    const bench = new Bench()
    bench.take()
    bench.leave(0)
    expect(bench.view.opening).toEqual(["0 for Waiter"])
    bench.opened(0)
    expect(bench.view.idle).toEqual([0])
  })

  it("lets a connection be reset before it goes on, while one is opened for who waits", () => {
    const bench = new Bench({ maxSize: 2, maxConnecting: 1 })
    bench.take()
    bench.opened(0)
    bench.take()
    expect(bench.leave(0, { _tag: "Reset" })).toEqual(["reset 0"])
    expect(bench.view).toMatchObject({ resetting: [0], opening: ["1 for Waiter"], waiting: [1] })
    expect(bench.resetDone(0, true)).toEqual(["ticket 1 gets 0"])
  })

  it("starts nothing where nobody waits, and has nothing come due", () => {
    const bench = new Bench({ keepalive: 100 })
    bench.fill(1)
    bench.take()
    bench.leave(1)
    expect(bench.history.at(-1)!.decision).toBe(nothing)
  })

  it("has a connection closed that broke, whose reset failed, or that was used often enough", () => {
    const broken = new Bench()
    broken.take()
    broken.opened(0)
    expect(broken.leave(0, { _tag: "Discard", reason: "Broken" })).toEqual(["close 0: Broken"])

    const unclean = new Bench()
    unclean.take()
    unclean.opened(0)
    unclean.leave(0, { _tag: "Reset" })
    expect(unclean.resetDone(0, false)).toEqual(["close 0: ResetFailed"])

    const usedUp = new Bench({ maxUses: 2 })
    usedUp.take()
    usedUp.opened(0)
    expect(usedUp.leave(0)).toEqual([])
    usedUp.take()
    expect(usedUp.leave(1)).toEqual(["close 0: MaxUses"])
  })

  it("frees its connection's permit only when the close has ended", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    bench.opened(0)
    bench.take()
    expect(bench.leave(0, { _tag: "Discard", reason: "Broken" })).toEqual(["close 0: Broken"])
    expect(bench.take()).toEqual([])
    expect(bench.closed(0)).toEqual(["open 1 for Waiter"])
  })
})

describe("a caller that is refused because the queue is full", () => {
  it("has brought on all the same what was due", () => {
    const bench = new Bench({ maxSize: 1, maxWaiters: 0 })
    bench.take()
    bench.opened(0)
    bench.commit({ _tag: "Suspend", newcomers: "wait", until: 100 })
    // The suspension is over, and nobody has said so.
    bench.now = 100
    expect(bench.take()).toEqual(["refused: QueueFull"])
    expect(bench.announced.at(-1)).toBe("PoolResumed")
    expect(bench.view.phase).toBe("Running")
  })

  it("has had those told whose time was over", () => {
    const bench = new Bench({ maxSize: 2, maxWaiters: 0 })
    bench.take()
    bench.opened(0)
    bench.take(10)
    bench.openFailed(1)
    bench.now = 50
    expect(bench.take()).toEqual(["ticket 1: TimedOut after 50 at place 1", "refused: QueueFull"])
    expect(bench.view.waiting).toEqual([])
  })
})
