import { beforeEach, describe, expect, it } from "@effect/vitest"
import type { Conduct } from "../support/matrix.js"
import { brokenByClosing, conducts, cross, steps } from "../support/matrix.js"

const all = Object.keys(conducts) as ReadonlyArray<Conduct>

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

for (const step of steps) {
  describe(step, () => {
    for (const conduct of all) {
      const cells = cross({
        moment: ["before", "during", "after"] as const,
        maxSize: [1, 2],
        callers: [3],
        whenDown: ["wait"] as const,
        // What this step does is what closes do, where it is the step.
        closes: step === "close" ? [conduct] : all
      })
      it(`that ${conduct} holds up no closing pool, whatever its closes do (${cells.length} cells)`, () => {
        expect(cells.flatMap((cell) => brokenByClosing({ step, conduct, ...cell }))).toEqual([])
      })
    }
  })
}
