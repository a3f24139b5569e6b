/** Who gets the next permit of a keyed pool, and what becomes of a key. */
import { describe, expect, it } from "@effect/vitest"
import { transitionOf } from "../../../packages/core/src/allocator/keys/transition.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { spentCount } from "../../../packages/core/src/allocator/state.js"
import { Ticket } from "../../../packages/core/src/allocator/Ticket.js"
import { KeysBench } from "./bench.js"

describe("where all permits are spent,", () => {
  /** Keys 0 and 1 have a connection each, idle, and there are no more permits; key 0's is the older. */
  const full = (): KeysBench => {
    const bench = new KeysBench({ maxTotal: 2 })
    for (const key of [0, 1]) {
      const caller = bench.take(key)!
      bench.endAll()
      bench.leave(caller)
      bench.elapse(10)
    }
    expect(bench.told()).toEqual([
      "key 0: open 0",
      "key 0: 0 gets 0",
      "key 1: open 0",
      "key 1: 0 gets 0"
    ])
    return bench
  }

  it("the connection that is idle for longest, of any key, ends for one that needs a permit", () => {
    const bench = full()
    bench.take(2)
    expect(bench.told()).toEqual(["key 0: close 0: Ceded"])
    bench.endAll()
    expect(bench.told()).toEqual(["key 2: open 0", "key 2: 0 gets 0"])
    expect(bench.broken).toEqual([])
  })

  it("as many end as keys need one, and no more", () => {
    const bench = full()
    bench.take(2)
    bench.take(2)
    bench.take(2)
    expect(bench.told()).toEqual(["key 0: close 0: Ceded"])
    bench.take(3)
    expect(bench.told()).toEqual(["key 1: close 0: Ceded"])
  })

  it("a key takes what is free of its own before", () => {
    const bench = full()
    bench.take(1)
    expect(bench.told()).toEqual(["key 1: 1 gets 0"])
  })

  it("a connection that nobody waits for ends as it comes back", () => {
    const bench = full()
    const a = bench.take(0)!
    const b = bench.take(1)!
    bench.told()
    bench.take(2)
    expect(bench.told()).toEqual([])
    bench.leave(b)
    expect(bench.told()).toEqual(["key 1: close 0: Ceded"])
    bench.leave(a)
    expect(bench.told()).toEqual([])
    expect(bench.broken).toEqual([])
  })

  it("a key whose callers wait keeps its connections for a second, and gives one up after it", () => {
    const bench = new KeysBench({ maxTotal: 1 })
    let holder = bench.take(0)!
    bench.endAll()
    const next = [bench.take(0)!, bench.take(0)!, bench.take(0)!]
    bench.take(1)
    bench.told()
    bench.elapse(999)
    bench.leave(holder)
    expect(bench.told()).toEqual(["key 0: 1 gets 0"])
    bench.elapse(1)
    holder = next[0]!
    bench.leave(holder)
    expect(bench.told()).toEqual(["key 0: close 0: Ceded"])
    bench.endAll()
    expect(bench.told()).toEqual(["key 1: open 0", "key 1: 0 gets 0"])
  })

  it("and takes its turn again, so that both are served", () => {
    const bench = new KeysBench({ maxTotal: 1 })
    const served = [0, 0]
    for (let round = 0; round < 400; round++) {
      for (const key of [0, 1]) {
        while (bench.callers.filter((caller) => caller.key === key && caller.state === "waits").length < 3) {
          bench.take(key)
        }
      }
      bench.endAll()
      bench.elapse(50)
      for (const caller of bench.holders) {
        served[caller.key]!++
        bench.leave(caller)
      }
    }
    expect(bench.broken).toEqual([])
    const opened = bench.said.filter((words) => words.includes("open")).length
    // 20 seconds: each has the connection for a second, and it is opened anew at each turn, not for each caller.
    expect(opened).toBeGreaterThan(10)
    expect(opened).toBeLessThan(25)
    expect(Math.abs(served[0]! - served[1]!)).toBeLessThan(40)
    expect(served[0]! + served[1]!).toBeGreaterThan(370)
  })

  it("busy keys share evenly, and then keep what they have", () => {
    const bench = new KeysBench({ maxTotal: 4 }, { maxSize: 4 })
    const crowd = (key: number) => {
      for (let index = 0; index < 10; index++) bench.take(key)
    }
    const spent = () => [0, 1].map((key) => spentCount(OrderedMap.get(bench.keys.all, key)!.state))
    const go = (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        for (const caller of bench.holders) bench.leave(caller)
        for (const key of [0, 1]) {
          if (bench.callers.filter((caller) => caller.key === key).length < 5 && OrderedMap.has(bench.keys.all, key)) {
            crowd(key)
          }
        }
        bench.endAll()
        bench.elapse(100)
      }
    }
    crowd(0)
    bench.endAll()
    go(5)
    crowd(1)
    go(60)
    expect(spent()).toEqual([2, 2])
    bench.told()
    go(60)
    expect(bench.told().filter((words) => words.includes("open") || words.includes("close"))).toEqual([])
    expect(bench.broken).toEqual([])
  })

  it("a key with none goes before one with some, however many wait there", () => {
    const bench = new KeysBench({ maxTotal: 2 })
    const holders = [bench.take(0)!, bench.take(0)!]
    bench.endAll()
    for (let index = 0; index < 5; index++) bench.take(0)
    bench.elapse(100)
    bench.take(1)
    bench.elapse(1_000)
    bench.told()
    bench.condemn(0, 0)
    bench.leave(holders[0]!)
    bench.endAll()
    expect(bench.told()).toEqual(["key 0: close 0: Invalidated", "key 1: open 0", "key 1: 0 gets 0"])
  })

  it("a shared connection that is never empty takes no more leases, and so ends", () => {
    const bench = new KeysBench({ maxTotal: 1 }, { concurrency: 4 })
    let holders = [bench.take(0, Infinity, true)!, bench.take(0, Infinity, true)!]
    bench.endAll()
    bench.take(1, Infinity, true)
    for (let round = 0; round < 12; round++) {
      bench.elapse(100)
      const [first, ...rest] = holders
      bench.leave(first!)
      const next = bench.take(0, Infinity, true)!
      holders = next.state === "holds" ? [...rest, next] : rest
      if (holders.length === 0) break
    }
    bench.endAll()
    expect(bench.callers.filter(({ key, state }) => key === 1 && state === "holds").length).toBe(1)
    expect(bench.broken).toEqual([])
  })

  for (const rich of [0, 1]) {
    it(`of two keys that share connections the one that has more gives one up: key ${rich}`, () => {
      const bench = new KeysBench({ maxTotal: 3 }, { concurrency: 2, maxSize: 2 })
      const take = (key: number) => bench.take(key, Infinity, true)!
      const poor = 1 - rich
      const all = [take(poor), take(rich), take(rich), take(poor), take(rich)]
      bench.endAll()
      for (const caller of bench.callers) expect(caller.state).toBe("holds")
      take(2)
      bench.elapse(1_000)
      // One leaves a connection that another is on: now one is to be given up.
      bench.leave(all[3]!)
      const ceded = [poor, rich].map((key) =>
        OrderedMap.values(OrderedMap.get(bench.keys.all, key)!.state.shared)
          .filter(({ condemned }) => condemned === "Ceded").length
      )
      expect(ceded).toEqual([0, 1])
      expect(bench.broken).toEqual([])
    })
  }

  it("back-off of one key leaves the permits to the others", () => {
    const bench = new KeysBench({ maxTotal: 1 }, { whenDown: "wait" })
    bench.take(0)
    bench.end(bench.running[0]!, false)
    bench.endAll()
    bench.told()
    bench.take(1)
    bench.endAll()
    expect(bench.told()).toEqual(["key 1: open 0", "key 1: 0 gets 0"])
    bench.leave(bench.callers.find(({ key }) => key === 1)!)
    expect(bench.told()).toEqual([])
    bench.elapse(100)
    expect(bench.told()).toEqual(["key 1: close 0: Ceded"])
    bench.endAll()
    expect(bench.told()).toEqual(["key 0: open 1", "key 0: 0 gets 1"])
  })
})

describe("a key", () => {
  it("is gone when it has rested for keyIdleTimeout", () => {
    const bench = new KeysBench({ keyIdleTimeout: 500 }, { idleTimeout: 2_000 })
    const caller = bench.take(0)!
    bench.endAll()
    bench.leave(caller)
    bench.elapse(300_000)
    expect(bench.told().slice(-1)).toEqual(["key 0: close 0: IdleTimeout"])
    bench.elapse(300_000)
    bench.endAll()
    bench.elapse(499)
    expect(bench.told()).toEqual([])
    bench.elapse(1)
    expect(bench.told()).toEqual(["key 0 is gone"])
    expect(bench.keys.past).toMatchObject({ requests: 1, acquired: 1, opened: 1, closed: 1 })
  })

  it("that is forgotten serves who waits, with a connection that is opened then", () => {
    const bench = new KeysBench({ maxTotal: 1 })
    const holder = bench.take(0)!
    bench.endAll()
    bench.take(0)
    bench.forget(0)
    bench.leave(holder)
    bench.endAll()
    expect(bench.told()).toEqual([
      "key 0: open 0",
      "key 0: 0 gets 0",
      "key 0: close 0: Cleared",
      "key 0: open 1",
      "key 0: 1 gets 1"
    ])
    const [last] = bench.callers
    bench.leave(last!)
    expect(bench.told()).toEqual([])
  })

  it("that is forgotten while the pool ends goes as it would have", () => {
    const bench = new KeysBench({ maxTotal: 1 })
    const holder = bench.take(0)!
    bench.endAll()
    bench.finish("Drain")
    bench.forget(0)
    bench.finish("Shutdown")
    bench.forget(0)
    bench.forget(1)
    bench.leave(holder)
    bench.endAll()
    bench.finish("Shutdown")
    expect(bench.told().slice(-3)).toEqual(["key 0: close 0: Cleared", "key 0 is gone", "over"])
    expect(bench.broken).toEqual([])
  })

  it("that was asked for too late is to be looked up again, and in a pool that ends it is closed", () => {
    const bench = new KeysBench()
    const late = () => {
      const ticket = new Ticket(bench.now, Infinity)
      return transitionOf(bench.keys, 0, { _tag: "Take", now: bench.now, ticket })[0]
    }
    bench.add(0)
    bench.forget(0)
    expect(late()).toMatchObject({ _tag: "Refuse", denial: { _tag: "Forgotten" } })
    bench.finish("Shutdown")
    expect(late()).toMatchObject({ _tag: "Refuse", denial: { _tag: "Closed" } })
    expect(bench.told()).toEqual(["key 0 is gone", "over"])
  })
})
