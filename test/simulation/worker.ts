/** A worker thread: runs the seeds that it is told to, and shrinks a failing one. */
import { parentPort, workerData } from "node:worker_threads"
import { runScenario } from "./run.js"
import type { Scenario } from "./scenario.js"
import { draw } from "./scenario.js"
import { shrink } from "./shrink.js"
import type { Profile } from "./stage.js"

export type Order =
  | {
    readonly _tag: "Run"
    readonly first: number
    readonly count: number
    readonly profile: Profile | undefined
    /** Whether no more is run once a seed has failed. */
    readonly stopsAtFailure: boolean
  }
  | { readonly _tag: "Shrink"; readonly scenario: Scenario }

export interface Failure {
  readonly seed: number
  readonly scenario: Scenario
  readonly problems: ReadonlyArray<string>
}

export type Answer =
  | { readonly _tag: "Ran"; readonly count: number; readonly failures: ReadonlyArray<Failure> }
  | {
    readonly _tag: "Shrunk"
    readonly scenario: Scenario
    readonly problems: ReadonlyArray<string>
    readonly trace: ReadonlyArray<string>
    readonly tried: number
  }

/** How long a failing seed is shrunk for, in milliseconds: a thread that does not answer for longer is taken to run for ever. */
const SHRINKING = 30_000

/** One seed in so many is run twice, to see that it goes the same way. */
const TWICE = 50

const problemsOf = (seed: number, scenario: Scenario): ReadonlyArray<string> => {
  const { problems, trace } = runScenario(scenario)
  const again = seed % TWICE === 0 ? runScenario(scenario).trace : trace
  return trace.join() === again.join() ? problems : [...problems, "it went in another way the second time"]
}

// The seed that is being run, for whoever waits for a thread that never answers.
const current = workerData as Int32Array

const obey = (order: Order): Answer => {
  if (order._tag === "Shrink") {
    const { run: { problems, trace }, scenario, tried } = shrink(order.scenario, undefined, SHRINKING)
    return { _tag: "Shrunk", scenario, problems, trace, tried }
  }
  const failures: Array<Failure> = []
  let seed = order.first
  const end = order.first + order.count
  for (; seed < end && !(order.stopsAtFailure && failures.length > 0); seed++) {
    Atomics.store(current, 0, seed)
    const scenario = draw(seed, order.profile)
    const problems = problemsOf(seed, scenario)
    if (problems.length > 0) failures.push({ seed, scenario, problems })
  }
  return { _tag: "Ran", count: seed - order.first, failures }
}

parentPort?.on("message", (order: Order) => parentPort!.postMessage(obey(order)))
