import { describe, expect, it } from "@effect/vitest"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { areTaken, canServe, needsCare } from "../../packages/core/src/allocator/seats.js"
import { withLeased } from "../../packages/core/src/allocator/state.js"
import { heldBefore, isAble, nextToServe } from "../../packages/core/src/allocator/turns.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Call } from "./bench.js"
import { Bench } from "./bench.js"

const seat = (bench: Bench, call: Call = {}, within = Infinity) => bench.take(within, { ...call, party: {} })

/** So many are idle, and were verified now. */
const idle = (count: number, rules: ConstructorParameters<typeof Bench>[0] = {}) => {
  const bench = new Bench({ maxSize: count, minSize: count, ...rules })
  bench.tick()
  for (let id = 0; id < count; id++) bench.opened(id)
  bench.resize({ minSize: 0 })
  return bench
}

/** Come, and are served and leave at once. */
const pass = (bench: Bench, times: number) => {
  for (let index = 0; index < times; index++) {
    const number = bench.state.nextTicket
    bench.take()
    bench.leave(number)
  }
}

describe("a seat", () => {
  it("is not served alone, and says that somebody is to look after it", () => {
    const bench = idle(1)
    expect(seat(bench)).toEqual(["gather"])
    expect(bench.view.waiting).toEqual([0])
    expect(bench.commit({ _tag: "Seat", numbers: [0] })).toEqual(["ticket 0 gets 0"])
  })

  it("has a connection opened for it, as anybody", () => {
    const bench = new Bench({ maxSize: 2 })
    expect(seat(bench)).toEqual(["open 0 for Waiter", "gather"])
    expect(bench.opened(0)).toEqual(["gather"])
    expect(bench.view.opening).toEqual([])
  })

  it("has as many checked as there are seats, and no more", () => {
    const bench = idle(3, { checkAfterIdle: 5, canCheck: true })
    bench.now = 10
    const party = {}
    expect(bench.take(Infinity, { party })).toEqual(["check 2", "gather"])
    expect(bench.checked(2, true)).toEqual(["gather"])
    bench.now = 11
    expect(bench.take(Infinity, { party })).toEqual(["check 0", "gather"])
  })

  it("is passed by 20, and then what is free is held for it", () => {
    const bench = idle(1)
    seat(bench)
    pass(bench, 20)
    expect(bench.take()).toEqual(["gather"])
    expect(bench.view.waiting).toEqual([0, 21])
    expect(bench.commit({ _tag: "Seat", numbers: [0] })).toEqual(["ticket 0 gets 0"])
    expect(bench.leave(0)).toEqual(["ticket 21 gets 0"])
  })

  it("of a caller whose other pools are not able holds nothing, and does again when they are", () => {
    const bench = idle(1)
    seat(bench)
    pass(bench, 20)
    bench.take()
    expect(needsCare(bench.state, bench.now, [0], true)).toBe(false)
    expect(needsCare(bench.state, bench.now, [0], false)).toBe(true)
    expect(bench.commit({ _tag: "Bind", numbers: [0], isBound: false })).toEqual(["ticket 21 gets 0"])
    bench.leave(21)
    bench.commit({ _tag: "Bind", numbers: [0], isBound: true })
    expect(bench.take()).toEqual(["gather"])
    expect(bench.leave(0)).toEqual(["ticket 22 gets 0"])
  })

  it("holds one of several: who came later gets what is free besides", () => {
    const bench = idle(2)
    seat(bench)
    pass(bench, 20)
    expect(bench.take()).toEqual(["ticket 21 gets 1", "gather"])
    expect(bench.take()).toEqual(["gather"])
    expect(bench.leave(21)).toEqual(["ticket 22 gets 1", "gather"])
  })

  it("that ends lets those through that waited behind it", () => {
    const bench = idle(1)
    seat(bench, {}, 50)
    pass(bench, 20)
    bench.take()
    bench.now = 50
    expect(bench.tick()).toEqual(["ticket 0: TimedOut after 50 at place 1", "ticket 21 gets 0"])
  })

  it("comes after a higher class, and before a lower one, whichever came first", () => {
    const bench = idle(1)
    seat(bench, { priority: "low" })
    seat(bench, { priority: "high" })
    seat(bench)
    pass(bench, 20)
    const { queue } = bench.state
    expect(WaitQueue.seats(queue).map(({ priority }) => priority)).toEqual(["high", "normal", "low"])
    expect(bench.take(Infinity, { priority: "high" })).toEqual(["gather"])
    const number = bench.state.nextTicket - 1
    const ticket = WaitQueue.get(bench.state.queue, number)!
    // That of its own class came before it, and the others have their turn after it.
    expect(heldBefore(bench.state, number, ticket)).toBe(1)
    expect(nextToServe(bench.state, 1)).toBe(undefined)
    expect(nextToServe(bench.state, 2)).toBe(number)
    expect(bench.take()).toEqual(["gather"])
    expect(nextToServe(bench.state, 4)).toBe(number)
    const normal = bench.state.nextTicket - 1
    expect(heldBefore(bench.state, normal, WaitQueue.get(bench.state.queue, normal)!)).toBe(2)
  })

  it("is not served where it is not taken, or not all can be, or it is late, or the pool is suspended", () => {
    const bench = idle(1)
    seat(bench, {}, 50)
    seat(bench)
    expect(areTaken(bench.state, [0, 1])).toBe(true)
    expect(areTaken(bench.state, [0, 7])).toBe(false)
    expect(canServe(bench.state, [], bench.now)).toBe(true)
    expect(canServe(bench.state, [0], bench.now)).toBe(true)
    expect(canServe(bench.state, [0, 1], bench.now)).toBe(false)
    expect(canServe(bench.state, [0], 51)).toBe(false)
    for (const numbers of [[7], [0, 1]]) {
      const before = bench.state
      expect(bench.commit({ _tag: "Seat", numbers })).toEqual([])
      expect(bench.state).toBe(before)
    }
    bench.suspend()
    expect(canServe(bench.state, [1], bench.now)).toBe(false)
    expect(isAble(bench.state)).toBe(false)
  })

  it("is served by what is idle for longest, or for the shortest time, as others are", () => {
    for (const [order, id] of [["lifo", 1], ["fifo", 0]] as const) {
      const bench = idle(2, { order })
      seat(bench)
      expect(bench.commit({ _tag: "Seat", numbers: [0] })).toEqual([`ticket 0 gets ${id}`])
    }
  })

  it("is told where there are more than there may be connections", () => {
    const bench = idle(1)
    seat(bench)
    expect(bench.commit({ _tag: "Expel", number: 0 })).toEqual(["ticket 0: BeyondCapacity"])
    expect(bench.commit({ _tag: "Expel", number: 0 })).toEqual([])
  })

  it("in a pool with shared connections waits for one that is empty, and those that share pass it", () => {
    const bench = idle(1, { concurrency: 2 })
    bench.take(Infinity, { mayShare: true })
    expect(seat(bench)).toEqual([])
    expect(bench.take(Infinity, { mayShare: true })).toEqual([])
    expect(bench.leave(0)).toEqual(["ticket 2 gets 0"])
    expect(bench.leave(2)).toEqual(["gather"])
    expect(bench.broken).toEqual([])
  })

  it("that holds what is free is passed by those that share what is in use, as long as few have come", () => {
    const bench = idle(3, { concurrency: 2 })
    for (let index = 0; index < 3; index++) bench.take(Infinity, { mayShare: true })
    seat(bench)
    for (let index = 0; index < 40; index++) {
      const number = bench.state.nextTicket
      expect(bench.take(Infinity, { mayShare: true })).toHaveLength(1)
      bench.leave(number)
    }
    expect(bench.take(Infinity, { mayShare: true })).toEqual([])
    expect(bench.broken).toEqual([])
  })
})

describe("the promise that what is held is for the seat", () => {
  it("is broken where one that came later gets it", () => {
    const bench = idle(1)
    seat(bench)
    pass(bench, 20)
    bench.take()
    const { history } = bench
    const last = history.at(-1)!
    const lease = OrderedMap.first(history.find(({ state }) => state.leased.size > 0)!.state.leased)!
    const ticket = WaitQueue.get(last.state.queue, 21)!
    const got = withLeased(
      { ...last.state, idle: { ...last.state.idle, places: OrderedMap.empty() } },
      OrderedMap.set(OrderedMap.empty<typeof lease>(), 21, { ...lease, number: 21, ticket })
    )
    expect(brokenIn(bench.initial, [...history, { ...last, state: got }])).toContain(
      "invariant 18: ticket 21 got a connection of 1 that are held"
    )
  })
})
