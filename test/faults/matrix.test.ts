import { beforeEach, describe, expect, it } from "@effect/vitest"
import type { Conduct } from "../support/matrix.js"
import { brokenByInterruption, conducts, cross, moments, steps } from "../support/matrix.js"

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

for (const step of steps) {
  describe(step, () => {
    for (const conduct of Object.keys(conducts) as Array<Conduct>) {
      const cells = cross({
        moment: moments,
        maxSize: [1, 2],
        callers: [1, 3],
        whenDown: ["wait", "fail"] as const
      })
      it(`that ${conduct} costs no permit and no close, whenever callers are interrupted (${cells.length} cells)`, () => {
        expect(cells.flatMap((cell) => brokenByInterruption({ step, conduct, ...cell }))).toEqual([])
      })
    }
  })
}
