import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { KeysRules } from "../../../packages/core/src/allocator/keys/state.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { Rules } from "../../../packages/core/src/model/settings.js"
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
  rules: Partial<KeysRules>,
  perKey: Partial<Rules>,
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
