import { describe, expect, it } from "@effect/vitest"
import { explore } from "./exhaustive.js"

describe("a pool of two connections and three callers, with at most one fault and two operations", () => {
  const result = explore({ callers: 3, faults: 1, operations: 2, depth: 5 })

  it("keeps its promises in every sequence of up to five inputs, and always finds a way to rest", () => {
    expect(result.problem).toBeUndefined()
  })

  it("has been tried with every kind of input, in thousands of states", () => {
    expect(Object.keys(result.inputs).sort()).toEqual([
      "Checked",
      "Claim",
      "Clear",
      "Closed",
      "Condemn",
      "Drain",
      "Leave",
      "OpenFailed",
      "Opened",
      "Recycle",
      "ResetDone",
      "Resize",
      "Resume",
      "Shutdown",
      "Suspect",
      "Suspend",
      "Take",
      "Tick"
    ])
    expect(result.states).toBeGreaterThan(2_000)
  })
})
