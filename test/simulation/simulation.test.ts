import { beforeEach, describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import type { AnyFiber, Policy } from "../support/schedulers.js"
import { inOrder, World } from "../support/schedulers.js"
import { parse } from "./arguments.js"
import { rotten } from "./bundle.js"
import { mutants } from "./mutants/index.js"
import { failureOf, runScenario } from "./run.js"
import type { Scenario } from "./scenario.js"
import { draw } from "./scenario.js"
import { shrink } from "./shrink.js"
import type { Part } from "./stage.js"
import { profiles } from "./stage.js"

// These tests never wait: between them, the runner gets a turn to report.
beforeEach(() => new Promise<void>((resolve) => setImmediate(resolve)))

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index)

describe("the simulation", () => {
  for (const profile of profiles) {
    it(`keeps every promise, and does the same again: profile ${profile}`, { timeout: 120_000 }, () => {
      const problems = seeds(1, 10).flatMap((seed) => {
        const run = runScenario(draw(seed, profile))
        const again = runScenario(draw(seed, profile))
        return [
          ...run.problems,
          ...run.trace.join() === again.trace.join() ? [] : ["it went in another way the second time"]
        ].map((problem) => `seed ${seed}: ${problem}`)
      })
      expect(problems).toEqual([])
      // What a profile is about has to be there, by its name.
      expect(draw(1, profile).parts.length).toBeGreaterThan(0)
    })
  }

  it("is another run for another seed", () => {
    expect(runScenario(draw(1)).trace).not.toEqual(runScenario(draw(2)).trace)
  })

  it("tells a promise that is broken, and shrinks what broke it to the part that did", { timeout: 60_000 }, () => {
    // Its body is no effect at all, so it dies of something that nobody told it to die of.
    const guilty: Part = { capability: "caller", way: "use", at: 4, hold: 9, end: "nonsense", times: 1 }
    const scenario: Scenario = { ...draw(7, "calm"), parts: [...draw(7, "calm").parts, guilty] }
    const { run, scenario: shortest } = shrink(scenario, 300)
    expect(failureOf(run)).toContain("caller died")
    expect(shortest.parts.map(({ capability, end }) => ({ capability, end }))).toEqual([
      { capability: "caller", end: "nonsense" }
    ])
  })
})

/** What the simulation has found, each as the shortest scenario that showed it. */
const found: ReadonlyArray<{ readonly what: string; readonly scenario: Partial<Scenario> }> = [
  {
    what: "a subscriber of events is told the end of a pool that closes as it begins to wait",
    scenario: { schedule: 2, preemption: 0.044444444444444446, parts: [{ capability: "look", at: 0 }] }
  },
  {
    what: "a pool without waiters whose connections are checked before each use serves who asks",
    scenario: { schedule: 2, preemption: 0.05, tuning: { maxWaiters: 0, checkAfterIdle: 0 } }
  },
  {
    what: "a reset that is overtaken by the pool's end leaves no fiber behind",
    scenario: {
      schedule: 21,
      preemption: 0.2,
      tuning: { maxSize: 1, maxWaiters: 2, whenDown: "wait", order: "fifo", startup: "fill", checkAfterIdle: 5 },
      server: { alwaysReset: true }
    }
  },
  {
    what: "a deadline out of order on a clock that is set back stops nobody",
    scenario: {
      tuning: { maxSize: 1 },
      parts: [
        { capability: "caller", ...callerAt(1), hold: 40 },
        { capability: "caller", ...callerAt(2), acquireTimeout: 30 },
        { capability: "clock", at: 3, by: -10_900 },
        { capability: "caller", ...callerAt(5), acquireTimeout: 20 }
      ]
    }
  }
]

function callerAt(at: number) {
  return {
    way: "use",
    at,
    hold: 3,
    end: "well",
    mood: "clean",
    times: 1,
    isUninterruptible: false,
    acquireTimeout: -1,
    interruptAt: -1
  }
}

describe("what the simulation has found", () => {
  for (const { scenario, what } of found) {
    it(what, () => {
      const whole: Scenario = {
        profile: "mixed",
        schedule: 1,
        preemption: 0,
        haste: 0,
        tuning: {},
        server: {},
        parts: [],
        ...scenario
      }
      expect(seeds(whole.schedule, 20).flatMap((schedule) => runScenario({ ...whole, schedule }).problems)).toEqual([])
    })
  }
})

/** Interrupts the program's fiber at its n-th operation, where it is preempted. */
const interruptAt = (n: number): Policy => {
  let target: AnyFiber | undefined
  let operations = 0
  return {
    ...inOrder,
    preempts: (fiber) => {
      target ??= fiber
      if (fiber !== target || ++operations !== n) return false
      fiber.unsafeInterruptAsFork(FiberId.none)
      return true
    }
  }
}

describe("a fault of Effect's own, which the core goes round", () => {
  it("a race that is interrupted between making its fibers and starting them never ends", () => {
    const race = Effect.raceFirst(Effect.sleep(5), Effect.sleep(9))
    const ends = seeds(1, 80).map((n) => new World(interruptAt(n)).run(race))
    const hung = ends.filter((exit) => exit._tag === "Failure" && Cause.pretty(exit.cause).includes("never ends"))
    expect(hung.length).toBeGreaterThan(0)
  })
})

it("every mutant still applies", async () => {
  expect(await rotten(mutants)).toEqual([])
  expect(mutants.length).toBeGreaterThanOrEqual(20)
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
})

it("nonsense on the command line is refused, with all that is wrong and what would be right", () => {
  const message = Either.getOrThrow(Either.flip(parse(["--seeds=-3", "--profile", "wild"])))
  expect(message).toContain("--seeds must be a whole number from 1 to")
  expect(message).toContain("--profile must be one of mixed, calm, faults")
  expect(Either.getOrThrow(Either.flip(parse(["--sedes", "3"])))).toContain("Unknown option '--sedes'")
})
