/**
 * Something happens to a caller at each operation of its fiber, and of all fibers that work for it, one run for each. The pool
 * keeps its promises in every run, nobody else suffers, and in the end it is at rest with all of its capacity.
 */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import { naive, operations } from "./operations.js"
import type { Intervention } from "./sweep.js"
import { sweep } from "./sweep.js"

const outcomes: ReadonlyArray<readonly [Intervention, string]> = [
  ["interrupt", "loses nothing when it is interrupted, at any step"],
  ["interrupt while paused", "loses nothing when it is interrupted while somebody stands still, at any step"],
  ["close while paused", "leaves a pool that closes while somebody stands still, at any step"],
  ["pause for long", "loses nothing when somebody stands still for longer than every timeout, at any step"]
]

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

for (const operation of operations) {
  describe(operation.name, () => {
    for (const [intervention, outcome] of outcomes) {
      if (operation.interventions?.includes(intervention) === false) continue
      it(outcome, { timeout: 120_000 }, () => {
        const { problems, steps } = sweep(operation, intervention)
        expect(problems.slice(0, 10)).toEqual([])
        // It was a sweep: the shortest of these operations has more steps than that.
        expect(steps).toBeGreaterThan(50)
      })
    }
  })
}

describe("where every fiber yields after so many operations, an interruption loses nothing:", () => {
  // 1 is every operation, but for those that a yield itself costs.
  for (const maxOps of [1, 12, 17]) {
    for (const operation of operations) {
      it(`${operation.name}, ${maxOps}`, { timeout: 120_000 }, () => {
        const { problems, steps } = sweep(operation, "interrupt", { every: 13, maxOps })
        expect(problems.slice(0, 10)).toEqual([])
        expect(steps).toBeGreaterThan(50)
      })
    }
  }
})

describe("a use that is wrong is found to lose its connection:", () => {
  for (const operation of naive) {
    it(operation.name, () => {
      for (const intervention of ["interrupt", "interrupt while paused"] as const) {
        const { problems } = sweep(operation, intervention)
        expect(problems.filter((problem) => problem.includes("leased at rest")).length).toBeGreaterThan(0)
      }
    })
  }
})
