/**
 * Callers that use, get, lease, time out, are interrupted and die; a server with random faults; a pool that is closed at a random
 * moment: in worlds that take turns and preempt at random, a seed for each.
 *
 * `SEEDS=20000 npx vitest run test/interruption/shuffle` runs that many, and `FIRST_SEED=1234 SEEDS=1` runs one again.
 */
import { beforeEach, describe, expect, it } from "@effect/vitest"
import { waitsElsewhere } from "./operations.js"
import { runOf } from "./workload.js"

const FIRST = Number(process.env.FIRST_SEED ?? 1)
const COUNT = Number(process.env.SEEDS ?? 800)
const BATCH = 100

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index)

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe("a pool among callers at random", () => {
  for (const first of seeds(FIRST, COUNT).filter((seed) => (seed - FIRST) % BATCH === 0)) {
    const batch = seeds(first, Math.min(BATCH, FIRST + COUNT - first))
    it(`keeps its promises, and does the same again: seeds ${first} to ${batch.at(-1)}`, { timeout: 120_000 }, () => {
      const problems = batch.flatMap((seed) => {
        const run = runOf(seed)
        const again = runOf(seed)
        return [
          ...run.problems,
          ...JSON.stringify(run.trace) === JSON.stringify(again.trace) ? [] : ["it went in another way the second time"]
        ].map((problem) => `seed ${seed}: ${problem}`)
      })
      expect(problems.slice(0, 10)).toEqual([])
    })
  }
})

it("two seeds are two runs", () => {
  expect(JSON.stringify(runOf(FIRST).trace)).not.toBe(JSON.stringify(runOf(FIRST + 1).trace))
})

it("a use that lets another fiber wait is found to lose its connection", { timeout: 120_000 }, () => {
  const losing = seeds(1, 50).filter((seed) =>
    runOf(seed, [waitsElsewhere]).problems.some((problem) => problem.includes("leased at rest"))
  )
  // Half of the pools are closed before anybody looks.
  expect(losing.length).toBeGreaterThan(4)
})
