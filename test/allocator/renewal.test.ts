import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

/** Connections that were all opened at 0 and live for 1000 ms, of which the last 250 are spread. */
const bench = (count: number, rules: ConstructorParameters<typeof Bench>[0] = {}): Bench => {
  const bench = new Bench({ maxSize: count, maxLifetime: 1_000, lifetimeJitter: 0.25, ...rules })
  for (let caller = 0; caller < count; caller++) bench.take()
  for (let id = 0; id < count; id++) bench.opened(id, 1 - id / count)
  return bench
}

const giveAllBack = (bench: Bench, count: number): Bench => {
  for (let number = 0; number < count; number++) bench.leave(number)
  return bench
}

describe("a connection that nears the end of its lifetime", () => {
  it("is closed when its successor is open, where a permit is free", () => {
    const subject = giveAllBack(bench(1, { maxSize: 2 }), 1)
    expect(subject.elapse(749)).toEqual([])
    expect(subject.elapse(1)).toEqual(["open 1 for Successor"])
    expect(subject.take()).toEqual(["ticket 1 gets 0"])
    subject.leave(1)
    expect(subject.opened(1)).toEqual(["close 0: MaxLifetime"])
    expect(subject.view.idle).toEqual([1])
  })

  it("is closed when it comes back, where it was leased as its successor opened", () => {
    const subject = bench(1, { maxSize: 2 })
    expect(subject.elapse(750)).toEqual(["open 1 for Successor"])
    expect(subject.opened(1)).toEqual([])
    expect(subject.leave(0)).toEqual(["close 0: MaxLifetime"])
  })

  it("is kept while its successor cannot be opened, and the next attempt waits for the back-off", () => {
    const subject = giveAllBack(bench(1, { maxSize: 2 }), 1)
    subject.elapse(750)
    expect(subject.openFailed(1, 1)).toEqual(["close 1: OpenFailed"])
    subject.closed(1)
    expect(subject.view.idle).toEqual([0])
    expect(subject.elapse(99)).toEqual([])
    expect(subject.elapse(1)).toEqual(["open 2 for Successor"])
  })

  it("has its successor opened as it comes back, where the keeper that was to open it is late", () => {
    const subject = bench(1, { maxSize: 2 })
    subject.elapse(750)
    subject.openFailed(1, 1)
    subject.closed(1)
    subject.now = 850
    expect(subject.leave(0)).toEqual(["open 2 for Successor"])
  })

  it("leaves first where no permit is free, one at a time, each awaiting its successor", () => {
    const subject = giveAllBack(bench(3), 3)
    expect(subject.elapse(750)).toEqual(["close 0: MaxLifetime"])
    expect(subject.elapse(200), "1 and 2 are due as well").toEqual([])
    expect(subject.closed(0)).toEqual(["open 3 for Successor"])
    expect(subject.elapse(10)).toEqual([])
    subject.opened(3)
    expect(subject.elapse(0)).toEqual(["close 1: MaxLifetime"])
    expect(subject.closed(1)).toEqual(["open 4 for Successor"])
    subject.opened(4)
    expect(subject.elapse(0)).toEqual(["close 2: MaxLifetime"])
  })

  it("has the keeper come for the next only when its own renewal has ended", () => {
    const subject = bench(2)
    subject.elapse(750)
    expect(subject.alarm, "1 is due at 875, and not handed out from 1000 on").toBe(1_000)
  })

  it("leaves first where no permit is free, also where callers are always waiting for it", () => {
    const subject = bench(3)
    for (let caller = 0; caller < 6; caller++) subject.take()
    subject.elapse(960)
    expect(subject.leave(0), "0 is renewed").toEqual(["close 0: MaxLifetime"])
    expect(subject.leave(1), "1 waits for its turn").toEqual(["ticket 3 gets 1"])
    expect(subject.closed(0)).toEqual(["open 3 for Waiter"])
    expect(subject.opened(3)).toEqual(["ticket 4 gets 3"])
    subject.elapse(0)
    expect(subject.leave(3), "now it is renewed").toEqual(["close 1: MaxLifetime"])
  })

  it("is kept where no permit is free while openings fail", () => {
    const subject = bench(2, { maxSize: 3 })
    subject.take()
    subject.openFailed(2, 1)
    subject.leave(0)
    subject.leave(1)
    expect(subject.view.closing).toEqual(["2: OpenFailed"])
    const failing = bench(2, { maxSize: 3, maxLifetime: 40 })
    failing.take()
    failing.openFailed(2, 1)
    failing.leave(2)
    failing.leave(0)
    expect(failing.elapse(30)).toEqual([])
    expect(failing.view.idle).toEqual([0])
    expect(failing.closed(2)).toEqual([])
    expect(failing.elapse(9)).toEqual([])
  })

  it("is not handed out any more from the end of its lifetime on, whatever the others do", () => {
    const subject = bench(2, { lifetimeJitter: 0 })
    subject.elapse(1_000)
    expect(subject.leave(1)).toEqual(["close 1: MaxLifetime"])
    expect(subject.leave(0)).toEqual(["close 0: MaxLifetime"])

    const late = giveAllBack(bench(2, { lifetimeJitter: 0 }), 2)
    late.now = 1_000
    expect(late.take(), "before the keeper comes").toEqual([
      "close 1: MaxLifetime",
      "close 0: MaxLifetime"
    ])
  })

  it("is closed at the end of its lifetime where it is idle, although another one is being renewed", () => {
    const subject = bench(2)
    subject.elapse(750)
    expect(subject.state.upkeep.renewing).toBe(0)
    subject.leave(1)
    expect(subject.elapse(250), "1 is idle, and 0 stays out").toEqual(["close 1: MaxLifetime"])
  })

  it("is renewed in its turn where the one before it broke", () => {
    const subject = bench(2)
    subject.elapse(900)
    expect(subject.state.upkeep.renewing).toBe(0)
    expect(subject.leave(0, { _tag: "Discard", reason: "Broken" })).toEqual(["close 0: Broken"])
    subject.elapse(0)
    expect(subject.state.upkeep.renewing).toBe(1)
  })

  it("is renewed in time although it was being reset when the one before it was", () => {
    const subject = bench(2)
    subject.leave(0, { _tag: "Discard", reason: "Broken" })
    subject.elapse(700)
    subject.take()
    subject.closed(0)
    subject.opened(2, 1)
    subject.elapse(174)
    subject.leave(1, { _tag: "Reset" })
    subject.leave(2)
    expect(subject.elapse(1), "1 is due while it is reset").toEqual([])
    expect(subject.resetDone(1, true), "no permit is free").toEqual(["close 1: MaxLifetime"])
  })

  it("needs no successor where it broke, and the connection that is opened then replaces the next", () => {
    const subject = bench(2, { maxSize: 3 })
    subject.elapse(900)
    expect(subject.view.opening).toEqual(["2 for Successor"])
    subject.leave(0, { _tag: "Discard", reason: "Lost" })
    subject.elapse(0)
    expect(subject.state.upkeep.renewing).toBe(1)
    subject.opened(2)
    expect(subject.leave(1)).toEqual(["close 1: MaxLifetime"])
  })

  it("is renewed by any connection that is opened after it has gone", () => {
    const subject = giveAllBack(bench(1), 1)
    expect(subject.elapse(750)).toEqual(["close 0: MaxLifetime"])
    subject.take()
    expect(subject.closed(0)).toEqual(["open 1 for Waiter"])
    expect(subject.opened(1)).toEqual(["ticket 1 gets 1"])
    expect(subject.state.upkeep.renewing).toBeUndefined()
    expect(subject.view.opening).toEqual([])
  })
})

it("behind a connection that leaves for its successor another may be ready, and is handed out", () => {
  const subject = new Bench({ maxSize: 3, minSize: 3, order: "fifo", checkAfterIdle: 1 })
  subject.tick()
  subject.opened(0)
  subject.opened(1)
  subject.elapse(10)
  subject.opened(2)
  expect(subject.take()).toEqual(["check 0"])
  expect(subject.commit({ _tag: "Recycle", within: 1 })).toEqual(["close 1: Recycled", "ticket 0 gets 2"])
})

describe("lifetimes", () => {
  it("are spread over their last part by a share that is drawn for each connection", () => {
    const subject = bench(4)
    expect(subject.state.leased).toBeDefined()
    const times = [0, 1, 2, 3].map((id) => {
      const alone = new Bench({ maxSize: 2, maxLifetime: 1_000, lifetimeJitter: 0.25 })
      alone.take()
      alone.opened(0, 1 - id / 4)
      return alone.alarm
    })
    expect(times).toEqual([750, 813, 875, 938])
  })

  it("never end where maxLifetime is infinite", () => {
    const subject = bench(1, { maxLifetime: Infinity })
    expect(subject.alarm).toBe(Infinity)
  })
})
