/**
 * Something happens to a caller at each operation of its fiber, and of all fibers that work for it, one run for each. The pool
 * keeps its promises in every run, nobody else suffers, and in the end it is at rest with all of its capacity.
 */
import { describe, expect, it } from "@effect/vitest"
import { naive, operations } from "./operations.js"
import { sweep } from "./sweep.js"
import { sweeps } from "./sweeps.js"

sweeps(operations)

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
