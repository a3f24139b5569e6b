/** Registers the tests that sweep operations: each intervention at each step of each of them. */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import type { Intervention, Operation } from "./sweep.js"
import { sweep } from "./sweep.js"

const outcomes: ReadonlyArray<readonly [Intervention, string]> = [
  ["interrupt", "loses nothing when it is interrupted, at any step"],
  ["interrupt while paused", "loses nothing when it is interrupted while somebody stands still, at any step"],
  ["close while paused", "leaves a pool that closes while somebody stands still, at any step"],
  ["pause for long", "loses nothing when somebody stands still for longer than every timeout, at any step"]
]

const losesNothing = (...how: Parameters<typeof sweep>): void => {
  const { problems, steps } = sweep(...how)
  expect(problems.slice(0, 10)).toEqual([])
  // It was a sweep: the shortest of these operations has more steps than that.
  expect(steps).toBeGreaterThan(50)
}

export const sweeps = (operations: ReadonlyArray<Operation>): void => {
  // These tests never wait: between them, the runner gets a turn to report.
  beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

  for (const operation of operations) {
    describe(operation.name, () => {
      for (const [intervention, outcome] of outcomes) {
        if (operation.interventions?.includes(intervention) === false) continue
        it(outcome, { timeout: 120_000 }, () => losesNothing(operation, intervention))
      }
    })
  }

  describe("where every fiber yields after so many operations, an interruption loses nothing:", () => {
    // 1 is every operation, but for those that a yield itself costs.
    for (const maxOps of [1, 12, 17]) {
      for (const operation of operations) {
        it(
          `${operation.name}, ${maxOps}`,
          { timeout: 120_000 },
          () => losesNothing(operation, "interrupt", { every: 13, maxOps })
        )
      }
    }
  })
}
