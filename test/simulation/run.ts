/**
 * Runs a scenario: makes a pool on a fake server, in a world that takes turns and preempts at random, lets every part of the
 * scenario loose on it, waits until all is over, and asks for every promise.
 */
import { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as List from "effect/List"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TRef from "effect/TRef"
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { decode } from "../../packages/core/src/model/settings.js"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"
import { isTold, Numbers, shuffled, World } from "../support/schedulers.js"
import { capabilities } from "./capabilities/index.js"
import { atRest, brokenStates, leftovers } from "./rest.js"
import type { Scenario } from "./scenario.js"
import { shortTimes } from "./scenario.js"
import type { Capability, Finished, Part, Site, Stage } from "./stage.js"
import type { Line } from "./trace.js"
import { trace } from "./trace.js"

/** What the clock shows at the beginning, in milliseconds. */
const START = 10_000

/** Longer than any step of a connection, in milliseconds. */
const LONG = 60

export interface Run {
  /** What went wrong. */
  readonly problems: ReadonlyArray<string>
  /** What happened, a line each. The same scenario gives the same lines. */
  readonly trace: ReadonlyArray<string>
}

const partsOf = ({ parts }: Scenario, { name }: Capability<any>): ReadonlyArray<Part> =>
  parts.filter((part) => part.capability === name)

/** Says what a fiber ended with, and whether it died of something that it was not told to die of. */
const report = (site: Site, name: string, exit: Exit.Exit<unknown, unknown>): void => {
  if (Exit.isSuccess(exit)) return
  const defects = [...Cause.defects(exit.cause)].filter((defect) => !isTold(defect))
  if (defects.length > 0) site.broken(`${name} died: ${Cause.pretty(exit.cause)}`)
}

const forked = <E>(
  site: Site,
  scenario: Scenario,
  begin: (capability: Capability<any>, part: Part) => Effect.Effect<void, E> | undefined
): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(
    Effect.forEach(scenario.parts, (part) => {
      const capability = capabilities.find(({ name }) => name === part.capability)!
      const effect = begin(capability, part)
      return effect === undefined
        ? Effect.succeed(Effect.void)
        : Effect.map(Effect.forkDaemon(effect), (fiber) =>
          Effect.map(Fiber.await(fiber), (exit) => report(site, part.capability, exit)))
    }),
    (fibers) =>
      Effect.forEach(fibers, (ended) => ended, { discard: true })
  )

const program = (scenario: Scenario, world: World): Effect.Effect<Run> =>
  Effect.gen(function*() {
    const problems: Array<string> = []
    const lines: Array<Line> = []
    const fake = yield* FakeConnector.make(scenario.server)
    const gate = yield* FakeConnector.makeGate
    let hanging = 0
    const pass = Effect.acquireUseRelease(
      Effect.sync(() => hanging++),
      () => gate.pass,
      () => Effect.sync(() => hanging--)
    )
    const options = { ...shortTimes, ...scenario.tuning, connector: fake.connector }
    const site: Site = {
      world,
      fake,
      gate,
      skew: { by: 0, jumps: [] },
      hang: FakeConnector.wait({ ...gate, pass }),
      settings: yield* Effect.orDie(decode(options)),
      broken: (problem) => problems.push(problem),
      tell: (text) => lines.push({ at: world.time, text })
    }
    const isPunctual = scenario.haste === 0 && !scenario.parts.some(({ capability }) => capability === "clock")

    for (const capability of capabilities) {
      const parts = partsOf(scenario, capability)
      if (capability.prepare !== undefined) yield* capability.prepare(site, parts)
    }

    const ref = yield* TRef.make(List.empty<Entry>())
    const scope = yield* Scope.make()
    const making = yield* Effect.forkDaemon(Scope.extend(make(options, ref), scope))
    const makingEnded = yield* forked(site, scenario, ({ making: meanwhile }, part) => meanwhile?.(site, part, making))
    const made = yield* Fiber.await(making)
    report(site, "make", made)
    yield* makingEnded
    const close = Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      yield* Scope.close(scope, Exit.void)
      const took = (yield* Clock.currentTimeMillis) - began
      if (isPunctual && took > site.settings.shutdownTimeout) site.broken(`closing took ${took} ms`)
      // In this time whoever was interrupted has ended.
      yield* Effect.sleep(1)
      if (isPunctual && hanging > 0) site.broken(`${hanging} steps go on after the pool was closed`)
    })

    let events: Finished["events"] = []
    if (Exit.isSuccess(made)) {
      const core = made.value
      const pool = fromCore(core)
      const stage: Stage = {
        ...site,
        pool,
        allocator: core.allocator,
        close,
        holders: new Map(),
        isPunctual,
        isUnhurried: scenario.haste === 0
      }
      const watches = scenario.parts.some(({ capability }) => capability === "look")
      const watching = yield* Effect.forkDaemon(
        watches ? Stream.runCollect(pool.events) : Effect.succeed(Chunk.empty())
      )
      const ended = yield* forked(site, scenario, ({ run }, part) => run?.(stage, part))
      yield* ended
      yield* Effect.sleep(LONG)
      yield* atRest(stage)
      yield* close
      // What was given up on may sleep in its finalizers.
      if (isPunctual && world.timers > 0 && (yield* fake.counts).aborted === 0) {
        site.broken(`${world.timers} timers go on after the pool was closed`)
      }
      yield* gate.open
      events = Chunk.toReadonlyArray(yield* Effect.orDie(Fiber.join(watching)))
    }
    yield* close
    // Hung steps end first.
    yield* gate.open
    yield* Effect.sleep(LONG)

    const history = List.toArray(List.reverse(yield* TRef.get(ref)))
    const server = yield* fake.counts
    problems.push(...leftovers(world, server, history))
    problems.push(...brokenStates(site.settings.rules, history, scenario.haste > 0))
    const finished: Finished = { settings: site.settings, isPunctual, history, events, server }
    for (const { check } of capabilities) problems.push(...check?.(finished) ?? [])
    return { problems, trace: trace(history, yield* fake.log, lines, world) }
  })

/** Runs it. The same scenario makes the same run. */
export const runScenario = (scenario: Scenario): Run => {
  const policy = shuffled(new Numbers(scenario.schedule ^ 0x5eed), scenario.preemption, scenario.haste)
  const world = new World(policy)
  // A clock that is set back must not come to before 1970.
  world.setClock(START)
  const exit = world.run(program(scenario, world), scenario.schedule)
  return Exit.match(exit, {
    onFailure: (cause) => ({ problems: [Cause.pretty(cause), ...world.defects], trace: [] }),
    onSuccess: ({ problems, trace }) => ({ problems: [...problems, ...world.defects], trace })
  })
}

/** The first promise that a run broke, without the numbers in it: two runs that break it alike are the same failure. */
export const failureOf = ({ problems }: Run): string | undefined =>
  Option.getOrUndefined(
    Option.map(Option.fromNullable(problems[0]), (problem) => problem.split("\n")[0]!.replace(/\d+/g, "#"))
  )
