import { describe, expect, it } from "@effect/vitest"
import { broken, keep, nothing, reset } from "../../packages/core/src/allocator/decision.js"
import { Bench } from "./bench.js"

const leased = () => {
  const bench = new Bench({ maxSize: 1 })
  bench.take()
  bench.opened(0)
  return bench
}

describe("what a holder says of a connection that comes back", () => {
  it("keeps it, has it reset, or has it closed as broken", () => {
    const kept = leased()
    expect(kept.leave(0, keep)).toEqual([])
    expect(kept.view.idle).toEqual([0])
    expect(leased().leave(0, reset)).toEqual(["reset 0"])
    expect(leased().leave(0, broken)).toEqual(["close 0: Broken"])
    expect(keep._tag).toBe("Keep")
  })
})

describe("the decision that nothing is to be done", () => {
  it("has no place among the decisions that are carried out in order", () => {
    const bench = leased()
    expect(bench.closed(7)).toEqual([])
    const { decision } = bench.history.at(-1)!
    expect(decision._tag).toBe("Act")
    expect(decision).toHaveProperty("order", nothing.order)
    // The first decision with work is number 0.
    expect(nothing.order).toBeLessThan(0)
  })
})
