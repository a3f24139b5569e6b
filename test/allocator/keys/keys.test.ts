import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import { spentCount } from "../../../packages/core/src/allocator/state.js"
import { KeysBench } from "./bench.js"

type Command =
  | { readonly _tag: "Take"; readonly key: number; readonly within: number; readonly mayShare: boolean }
  | { readonly _tag: "Leave" | "Step"; readonly pick: number; readonly succeeds: boolean }
  | { readonly _tag: "Pass"; readonly ms: number }
  | { readonly _tag: "Forget" | "Condemn"; readonly key: number; readonly pick: number }
  | { readonly _tag: "Drain" | "Shutdown"; readonly within: number }

const key = fc.nat({ max: 4 })

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      _tag: fc.constant("Take" as const),
      key,
      within: fc.constantFrom(Infinity, Infinity, 3_000, 50, 0),
      mayShare: fc.boolean()
    })
  },
  {
    weight: 10,
    arbitrary: fc.record({
      _tag: fc.constantFrom("Leave" as const, "Step" as const, "Step" as const),
      pick: fc.nat(),
      succeeds: fc.constantFrom(true, true, true, false)
    })
  },
  {
    weight: 4,
    arbitrary: fc.record({ _tag: fc.constant("Pass" as const), ms: fc.constantFrom(1, 40, 999, 1_000, 20_000) })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constantFrom("Forget" as const, "Condemn" as const),
      key,
      pick: fc.nat({ max: 3 })
    })
  }
)

const anyEnd: fc.Arbitrary<Command> = fc.record({
  _tag: fc.constantFrom("Drain" as const, "Shutdown" as const),
  within: fc.constantFrom(0, 500, 20_000)
})

const anyRules = fc.record({
  maxTotal: fc.integer({ min: 1, max: 5 }),
  keyIdleTimeout: fc.constantFrom(10, 60_000)
})

const anyPerKey = fc.record({
  maxSize: fc.integer({ min: 1, max: 4 }),
  maxConnecting: fc.integer({ min: 1, max: 3 }),
  checkAfterIdle: fc.constantFrom(Infinity, 0, 500),
  idleTimeout: fc.constantFrom(600_000, 1_500),
  maxUses: fc.constantFrom(Infinity, 2),
  maxLifetime: fc.constantFrom(Infinity, 2_500),
  order: fc.constantFrom("lifo" as const, "fifo" as const),
  concurrency: fc.constantFrom(1, 1, 2),
  whenDown: fc.constantFrom("fail" as const, "wait" as const)
})

const run = (bench: KeysBench, command: Command): void => {
  switch (command._tag) {
    case "Take":
      return void bench.take(command.key, command.within, command.mayShare)
    case "Leave": {
      const { callers } = bench
      return callers.length === 0 ? undefined : bench.leave(callers[command.pick % callers.length]!)
    }
    case "Step": {
      const { running } = bench
      return running.length === 0 ? undefined : bench.end(running[command.pick % running.length]!, command.succeeds)
    }
    case "Pass":
      return bench.elapse(command.ms)
    case "Forget":
      return bench.forget(command.key)
    case "Condemn":
      return bench.condemn(command.key, command.pick)
    case "Drain":
    case "Shutdown":
      return bench.finish(command._tag, command.within)
  }
}

const live = (
  rules: fc.TypeOf<typeof anyRules>,
  perKey: fc.TypeOf<typeof anyPerKey>,
  commands: ReadonlyArray<Command>
): KeysBench => {
  const bench = new KeysBench(rules, perKey)
  for (const command of commands) run(bench, command)
  return bench
}

/** Everybody leaves, and every step ends. */
const toRest = (bench: KeysBench): void => {
  for (let round = 0; round < 200 && (bench.callers.length > 0 || bench.running.length > 0); round++) {
    for (const caller of bench.callers) bench.leave(caller)
    bench.endAll()
  }
}

describe("the allocator of a keyed pool, in any life,", () => {
  it("keeps every promise after every commit", () => {
    fc.assert(
      fc.property(anyRules, anyPerKey, fc.array(anyCommand, { maxLength: 60 }), (rules, perKey, commands) => {
        expect(live(rules, perKey, commands).broken).toEqual([])
      }),
      { numRuns: 300 }
    )
  })

  it("serves all who wait, where holders leave and openings succeed", () => {
    fc.assert(
      fc.property(anyRules, anyPerKey, fc.array(anyCommand, { maxLength: 40 }), (rules, perKey, commands) => {
        const bench = live(rules, perKey, commands)
        for (let round = 0; round < 300 && bench.callers.length > 0; round++) {
          for (const caller of bench.holders) bench.leave(caller)
          bench.endAll()
          bench.elapse(50)
        }
        expect(bench.callers.map(({ key, number, state }) => `${key}: ${number} ${state}`)).toEqual([])
        expect(bench.broken).toEqual([])
      }),
      { numRuns: 200 }
    )
  })

  it("comes to an end, and nothing is left of any key", () => {
    fc.assert(
      fc.property(
        anyRules,
        anyPerKey,
        fc.array(anyCommand, { maxLength: 40 }),
        anyEnd,
        (rules, perKey, commands, end) => {
          const bench = live(rules, perKey, [...commands, end])
          expect(bench.take(9)).toBe(undefined)
          toRest(bench)
          expect(bench.isOver).toBe(true)
          expect([bench.keys.all.size, bench.keys.spent, bench.keys.hungry.size]).toEqual([0, 0, 0])
          expect(bench.broken).toEqual([])
        }
      ),
      { numRuns: 200 }
    )
  })

  it("ends by the deadline of a shutdown, whatever never ends", () => {
    fc.assert(
      fc.property(anyRules, anyPerKey, fc.array(anyCommand, { maxLength: 40 }), (rules, perKey, commands) => {
        const bench = live(rules, perKey, commands)
        bench.finish("Shutdown", 500)
        bench.elapse(500)
        expect(bench.isOver).toBe(true)
        expect(bench.broken).toEqual([])
      }),
      { numRuns: 200 }
    )
  })

  it("forgets keys that rest", () => {
    fc.assert(
      fc.property(anyRules, anyPerKey, fc.array(anyCommand, { maxLength: 40 }), (rules, perKey, commands) => {
        const bench = live(rules, perKey, commands)
        // What was opened for who left meanwhile is idle, and so is the key.
        for (let round = 0; round < 2; round++) {
          for (const { id } of OrderedMap.values(bench.keys.all)) bench.forget(id)
          toRest(bench)
        }
        expect(bench.keys.all.size).toBe(0)
        expect(bench.broken).toEqual([])
      }),
      { numRuns: 200 }
    )
  })
})

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
    expect(bench.news).toEqual([
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
    expect(bench.news).toEqual(["key 0: close 0: Ceded"])
    bench.endAll()
    expect(bench.news).toEqual(["key 2: open 0", "key 2: 0 gets 0"])
    expect(bench.broken).toEqual([])
  })

  it("as many end as keys need one, and no more", () => {
    const bench = full()
    bench.take(2)
    bench.take(2)
    bench.take(2)
    expect(bench.news).toEqual(["key 0: close 0: Ceded"])
    bench.take(3)
    expect(bench.news).toEqual(["key 1: close 0: Ceded"])
  })

  it("a key takes what is free of its own before", () => {
    const bench = full()
    bench.take(1)
    expect(bench.news).toEqual(["key 1: 1 gets 0"])
  })

  it("a connection that nobody waits for ends as it comes back", () => {
    const bench = full()
    const a = bench.take(0)!
    const b = bench.take(1)!
    bench.news
    bench.take(2)
    expect(bench.news).toEqual([])
    bench.leave(b)
    expect(bench.news).toEqual(["key 1: close 0: Ceded"])
    bench.leave(a)
    expect(bench.news).toEqual([])
    expect(bench.broken).toEqual([])
  })

  it("a key whose callers wait keeps its connections for a second, and gives one up after it", () => {
    const bench = new KeysBench({ maxTotal: 1 })
    let holder = bench.take(0)!
    bench.endAll()
    const next = [bench.take(0)!, bench.take(0)!, bench.take(0)!]
    bench.take(1)
    bench.news
    bench.elapse(999)
    bench.leave(holder)
    expect(bench.news).toEqual(["key 0: 1 gets 0"])
    bench.elapse(1)
    holder = next[0]!
    bench.leave(holder)
    expect(bench.news).toEqual(["key 0: close 0: Ceded"])
    bench.endAll()
    expect(bench.news).toEqual(["key 1: open 0", "key 1: 0 gets 0"])
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
    bench.news
    go(60)
    expect(bench.news.filter((words) => words.includes("open") || words.includes("close"))).toEqual([])
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
    bench.news
    bench.condemn(0, 0)
    bench.leave(holders[0]!)
    bench.endAll()
    expect(bench.news).toEqual(["key 0: close 0: Invalidated", "key 1: open 0", "key 1: 0 gets 0"])
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

  it("back-off of one key leaves the permits to the others", () => {
    const bench = new KeysBench({ maxTotal: 1 }, { whenDown: "wait" })
    bench.take(0)
    bench.end(bench.running[0]!, false)
    bench.endAll()
    bench.news
    bench.take(1)
    bench.endAll()
    expect(bench.news).toEqual(["key 1: open 0", "key 1: 0 gets 0"])
    bench.leave(bench.callers.find(({ key }) => key === 1)!)
    expect(bench.news).toEqual([])
    bench.elapse(100)
    expect(bench.news).toEqual(["key 1: close 0: Ceded"])
    bench.endAll()
    expect(bench.news).toEqual(["key 0: open 1", "key 0: 0 gets 1"])
  })
})

describe("a key", () => {
  it("is gone when it has rested for keyIdleTimeout", () => {
    const bench = new KeysBench({ keyIdleTimeout: 500 }, { idleTimeout: 2_000 })
    const caller = bench.take(0)!
    bench.endAll()
    bench.leave(caller)
    bench.elapse(300_000)
    expect(bench.news.slice(-1)).toEqual(["key 0: close 0: IdleTimeout"])
    bench.elapse(300_000)
    bench.endAll()
    bench.elapse(499)
    expect(bench.news).toEqual([])
    bench.elapse(1)
    expect(bench.news).toEqual(["key 0 is gone"])
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
    expect(bench.news).toEqual([
      "key 0: open 0",
      "key 0: 0 gets 0",
      "key 0: close 0: Cleared",
      "key 0: open 1",
      "key 0: 1 gets 1"
    ])
    const [last] = bench.callers
    bench.leave(last!)
    expect(bench.news).toEqual([])
  })

  it("that was asked for too late is to be looked up again", () => {
    const bench = new KeysBench()
    bench.take(0)
    bench.leave(bench.callers[0]!)
    bench.endAll()
    bench.forget(0)
    bench.endAll()
    bench.news
    expect(bench.keys.all.size).toBe(0)
  })
})
