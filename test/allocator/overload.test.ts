/** Overload: CoDel on the queue, and the refusal of those whose deadline cannot be met. */
import { describe, expect, it } from "@effect/vitest"
import type { Rules } from "../../packages/core/src/model/settings.js"
import type { Call } from "./bench.js"
import { Bench } from "./bench.js"

const overload = { target: 50, interval: 1_000 }

/** Somebody holds the only connection, and so many wait. */
const crowd = (waiters: number, rules: Partial<Rules> = {}, call: Call = {}): Bench => {
  const bench = new Bench({ maxSize: 1, overload, ...rules })
  bench.take()
  bench.opened(0)
  for (let waiter = 0; waiter < waiters; waiter++) bench.take(Infinity, call)
  return bench
}

const holder = (bench: Bench): number => Number(bench.view.leased[0]!.split(" by ")[1])

describe("a pool that is to shed load", () => {
  it("sheds by its clock whoever has waited for the target, once waits have been that long for the interval", () => {
    const bench = crowd(3)
    expect(bench.elapse(1_049)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 1: Overloaded", "ticket 2: Overloaded"])
    expect(bench.view).toMatchObject({ waiting: [3], shed: 2, refused: 0 })
  })

  it("never sheds the last that waits", () => {
    const bench = crowd(1)
    expect(bench.elapse(60_000)).toEqual([])
    bench.take()
    expect(bench.view.waiting).toEqual([2])
  })

  it("sheds before it hands over, so that who is served has not waited for long", () => {
    const bench = crowd(2)
    bench.elapse(1_050)
    expect(bench.take()).toEqual(["ticket 2: Overloaded"])
    for (let caller = 0; caller < 2; caller++) bench.take()
    bench.now += 60
    expect(bench.leave(0)).toEqual([
      "ticket 3: Overloaded",
      "ticket 4: Overloaded",
      "ticket 5 gets 0"
    ])
  })

  it("sheds nobody in a short crowd, though many wait for long, if one is served below the target in the interval", () => {
    const bench = crowd(2)
    bench.elapse(900)
    bench.leave(0)
    bench.leave(1)
    bench.take()
    bench.now += 49
    bench.leave(2)
    bench.take()
    bench.take()
    expect(bench.elapse(1_049)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 4: Overloaded"])
  })

  it("begins to count anew where nobody has waited in between", () => {
    const bench = crowd(1)
    bench.elapse(1_000)
    bench.leave(0)
    bench.now += 10
    bench.take()
    bench.take()
    expect(bench.elapse(1_049)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 2: Overloaded"])
  })

  it("is overloaded until waits have been below the target for an interval, not by one that is", () => {
    const after = (quiet: number): ReadonlyArray<string> => {
      const bench = crowd(2)
      bench.elapse(1_050)
      bench.leave(2)
      bench.leave(0)
      bench.take()
      bench.take()
      bench.now += 10
      bench.leave(holder(bench))
      bench.now += quiet - 10
      bench.take()
      bench.take()
      return bench.elapse(50)
    }
    expect(after(940)).toEqual(["ticket 5: Overloaded"])
    expect(after(1_001)).toEqual([])
  })

  it("goes on at once where a wait became too long within an interval of the last that was", () => {
    const bench = crowd(1)
    bench.elapse(50)
    bench.now = 500
    bench.tick()
    bench.take()
    bench.leave(1)
    expect(bench.view.waiting).toEqual([2])
    // 500 ms after the last: they count as one time of long waits.
    bench.take()
    expect(bench.elapse(549)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 2: Overloaded"])
  })

  it("takes a cold start for no overload: only what waits after it counts", () => {
    const bench = new Bench({ maxSize: 2, overload })
    for (let caller = 0; caller < 10; caller++) bench.take()
    bench.elapse(3_000)
    expect([...bench.opened(0), ...bench.opened(1)]).toEqual(["ticket 0 gets 0", "ticket 1 gets 1"])
    expect(bench.elapse(999)).toEqual([])
    expect(bench.elapse(1)).toHaveLength(7)
  })

  it("counts from the start again where a connection opens, or the pool is suspended, in between", () => {
    const opening = crowd(3)
    opening.elapse(900)
    opening.leave(0, { _tag: "Discard", reason: "Broken" })
    opening.closed(0)
    opening.elapse(3_000)
    opening.opened(1)
    expect(opening.elapse(999)).toEqual([])
    expect(opening.elapse(1)).toEqual(["ticket 2: Overloaded"])

    const suspended = crowd(3)
    suspended.elapse(900)
    suspended.suspend()
    expect(suspended.elapse(5_000)).toEqual([])
    expect(suspended.resume()).toEqual([])
    expect(suspended.elapse(999)).toEqual([])
    expect(suspended.elapse(1)).toEqual(["ticket 1: Overloaded", "ticket 2: Overloaded"])
  })

  it("sheds also while connections open in place of others, where more are open than open", () => {
    const bench = new Bench({ maxSize: 3, overload })
    for (let caller = 0; caller < 6; caller++) bench.take()
    for (const id of [0, 1, 2]) bench.opened(id)
    bench.elapse(900)
    bench.leave(0, { _tag: "Discard", reason: "Broken" })
    bench.closed(0)
    expect(bench.view.opening).toHaveLength(1)
    expect(bench.elapse(149)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 3: Overloaded", "ticket 4: Overloaded"])
  })

  /** Two are open and held, a third one opens, and two wait. */
  const opening = (): Bench => {
    const bench = new Bench({ maxSize: 3, overload })
    for (let caller = 0; caller < 4; caller++) bench.take()
    for (const id of [0, 1]) bench.opened(id)
    return bench
  }

  it("counts the one that is on its way from hand to hand among those that are open: it sheds before it hands it over", () => {
    const bench = opening()
    expect(bench.elapse(1_050)).toEqual(["ticket 2: Overloaded"])
    for (let caller = 0; caller < 2; caller++) bench.take()
    bench.now += 60
    expect(bench.leave(0)).toEqual(["ticket 4: Overloaded", "ticket 5 gets 0"])
  })

  it("counts it, too, where who gets it has not waited for long: that is a break", () => {
    const bench = opening()
    bench.elapse(900)
    for (let caller = 0; caller < 3; caller++) bench.take()
    for (const ticket of [0, 2, 1]) bench.leave(ticket)
    expect(bench.elapse(1_049)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 5: Overloaded"])
  })

  it("forgets what was before where as many open as are open", () => {
    const bench = new Bench({ maxSize: 3, overload })
    for (let caller = 0; caller < 6; caller++) bench.take()
    for (const id of [0, 1, 2]) bench.opened(id)
    bench.elapse(900)
    for (const id of [0, 1]) {
      bench.leave(id, { _tag: "Discard", reason: "Broken" })
      bench.closed(id)
    }
    expect(bench.elapse(5_000)).toEqual([])
    bench.opened(3)
    expect(bench.elapse(999)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ticket 4: Overloaded"])
  })

  it("judges each class by itself", () => {
    const bench = crowd(2, {}, { priority: "low" })
    bench.elapse(1_000)
    bench.take(Infinity, { priority: "high" })
    expect(bench.elapse(50)).toEqual(["ticket 1: Overloaded", "ticket 2: Overloaded"])
    expect(bench.elapse(1_000)).toEqual([])
    expect(bench.view.waiting).toEqual([3])
  })

  it("sheds the lowest class first, so that of the highest somebody stays", () => {
    const bench = crowd(1, {}, { priority: "high" })
    bench.take(Infinity, { priority: "low" })
    bench.take(Infinity, { priority: "high" })
    bench.take(Infinity)
    expect(bench.elapse(1_050)).toEqual(["ticket 2: Overloaded", "ticket 4: Overloaded", "ticket 1: Overloaded"])
    expect(bench.view.waiting).toEqual([3])
  })

  it("does not shed the last that waits for a newcomer that is refused", () => {
    const bench = new Bench({ maxSize: 2, maxWaiters: 0, overload: { target: 50, interval: 1_000 } })
    bench.take()
    bench.opened(0)
    bench.take()
    bench.openFailed(1)
    bench.elapse(60)
    // Nobody has judged in between, and the permit of what failed to open is not back.
    bench.now = 1_200
    expect(bench.take()).toEqual(["refused: QueueFull"])
    expect(bench.view.waiting).toEqual([1])
  })

  it("sheds nobody where it is off", () => {
    const bench = crowd(3, { overload: undefined })
    expect(bench.elapse(60_000)).toEqual([])
    expect(bench.alarm).toBe(Infinity)
  })

  it("begins at the very moment of an interval that is over where the next is late already", () => {
    const bench = crowd(1)
    bench.elapse(50)
    // The clock is late: nobody has judged in between.
    bench.now = 1_200
    bench.take()
    expect(bench.view.waiting).toEqual([2])
  })
})

/** Leases of 200 ms, with two who wait all the time, until the rate is known: five a second. */
const measured = (rules: Partial<Rules> = {}): Bench => {
  const bench = crowd(2, { overload: { target: 5_000, interval: 60_000 }, ...rules })
  for (let lease = 0; lease < 11; lease++) {
    bench.elapse(200)
    bench.leave(holder(bench))
    bench.take()
  }
  return bench
}

describe("a newcomer whose deadline is too short", () => {
  it("is refused by the measured rate of returns, and counts as shed", () => {
    const bench = measured()
    expect(bench.view.waiting).toHaveLength(2)
    // It would be third: 600 ms, and two thirds of that is what is let pass.
    expect(bench.take(399)).toEqual(["refused: DeadlineTooShort"])
    expect(bench.take(400)).toEqual([])
    expect(bench.view).toMatchObject({ shed: 1, refused: 0 })
  })

  it("is not refused where nobody else waits, or something opens, or it tries once, or overload is off", () => {
    const alone = measured()
    for (const number of alone.view.waiting) alone.leave(number)
    expect(alone.take(1)).toEqual([])

    const opening = measured()
    opening.resize({ maxSize: 2 })
    expect(opening.take(1)).toEqual([])

    const once = measured()
    expect(once.take(0)).toEqual([expect.stringContaining("TimedOut after 0")])
    expect(measured({ overload: undefined }).take(1)).toEqual([])
  })

  it("is not refused by a rate that was measured more than ten seconds ago", () => {
    const after = (ms: number): ReadonlyArray<string> => {
      const bench = measured()
      bench.now += ms
      return bench.take(1)
    }
    const { now, state } = measured()
    const age = now - state.flow.ratedAt
    expect(after(10_000 - age)).toEqual(["refused: DeadlineTooShort"])
    expect(after(10_001 - age)).toEqual([])
  })
})
