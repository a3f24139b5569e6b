/**
 * Makes a failing scenario smaller: takes away parts, options and preemption, one after the other, for as long as the same
 * promise is broken. What is taken away changes every turn after it, so each smaller one is tried with several schedules.
 */
import type { Run } from "./run.js"
import { failureOf, runScenario } from "./run.js"
import type { Scenario } from "./scenario.js"

export interface Shrunk {
  readonly scenario: Scenario
  readonly run: Run
  readonly tried: number
}

const SCHEDULES = 30

const without = <A extends object>(record: A, key: string): A =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key)) as A

/** Each with one thing less, the largest things first. */
const smaller = (scenario: Scenario): ReadonlyArray<Scenario> => {
  const { haste, parts, preemption, server, tuning } = scenario
  const half = Math.ceil(parts.length / 2)
  return [
    ...parts.length > 3 ? [parts.slice(0, half), parts.slice(half)].map((parts) => ({ ...scenario, parts })) : [],
    ...parts.map((_, index) => ({ ...scenario, parts: parts.filter((_, other) => other !== index) })),
    ...haste > 0 ? [{ ...scenario, haste: 0 }] : [],
    ...preemption > 0 ? [{ ...scenario, preemption: preemption < 0.05 ? 0 : preemption / 3 }] : [],
    ...Object.keys(tuning).map((key) => ({ ...scenario, tuning: without(tuning, key) })),
    ...Object.keys(server).map((key) => ({ ...scenario, server: without(server, key) })),
    ...parts.flatMap((part, index) =>
      Object.entries(part).flatMap(([key, value]) =>
        typeof value === "number" && value > 0
          ? [0, Math.floor(value / 2)].filter((less) => less < value).map((less) => ({
            ...scenario,
            parts: parts.map((other, at) => (at === index ? { ...part, [key]: less } : other))
          }))
          : []
      )
    )
  ]
}

/** The shortest that `tries` runs find, or as many as there is time for, in milliseconds. */
export const shrink = (failing: Scenario, tries = 1_500, time = Infinity): Shrunk => {
  const until = performance.now() + time
  let found = { scenario: failing, run: runScenario(failing) }
  const failure = failureOf(found.run)
  let tried = 1
  const attempt = (candidate: Scenario): boolean => {
    for (let schedule = 0; schedule <= SCHEDULES && tried < tries && performance.now() < until; schedule++) {
      const scenario = schedule === 0 ? candidate : { ...candidate, schedule }
      const run = runScenario(scenario)
      tried++
      if (failureOf(run) === failure) {
        found = { scenario, run }
        return true
      }
    }
    return false
  }
  while (smaller(found.scenario).some(attempt));
  return { ...found, tried }
}
