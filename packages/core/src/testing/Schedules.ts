/**
 * Runs a program many times, each time with another order of its fibers, so that what goes wrong in one order out of a thousand goes
 * wrong in a test.
 *
 * Each seed is a `World`: whoever is ready may go on, anybody may be preempted at any operation, time is virtual and passes when nobody can
 * go on. The same seed is the same run, on any machine, as long as the program is the same. It makes no promise that all orders are
 * seen: more seeds see more.
 *
 * The program makes all that it needs itself, layers included, and does no I/O: a promise never ends there.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import { FakeConnector, Schedules, TestPool } from "@cenote/core/testing"
 * import * as Effect from "effect/Effect"
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}
 *
 * const program = Effect.gen(function*() {
 *   let inUse = 0
 *   const one = Db.use((connection) =>
 *     Effect.gen(function*() {
 *       if (++inUse > 2) return yield* Effect.dieMessage("three at once")
 *       yield* connection.call
 *       inUse--
 *     })
 *   )
 *   yield* Effect.all(Array.from({ length: 10 }, () => one), { concurrency: "unbounded" })
 * }).pipe(Effect.provide(TestPool.layer(Db, { maxSize: 2 })))
 *
 * export const test = Schedules.check(program, { seeds: 20 })
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as World from "./World.js"

/**
 * How a program is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  /**
   * The probability that a fiber is preempted before an operation, from 0 to 1. 0: they take turns only where they wait. 1: nobody does two
   * things in a row. Default: 0.25.
   */
  readonly preemption?: number | undefined
  /**
   * The probability that time goes on, by 20 ms at most, though somebody is ready, as on a busy event loop. Where it is not 0, nothing is
   * on time. Default: 0.
   */
  readonly haste?: number | undefined
  /** Which defects of fibers that nobody joins are no failure. Default: none. */
  readonly isExpected?: ((defect: unknown) => boolean) | undefined
  /** After so many turns a program is taken not to end. Default: 50,000. */
  readonly mostTurns?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Policy {
  /** How many, from 1 on, or which. Default: 100. */
  readonly seeds?: number | Iterable<number> | undefined
}

/**
 * How a program ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run<A, E> {
  readonly seed: number
  readonly exit: Exit.Exit<A, E>
  /** What fibers died of that nobody joined, as text. */
  readonly defects: ReadonlyArray<string>
  /** Fibers that are left, and will never go on. */
  readonly left: number
  /** How much time passed, in milliseconds. */
  readonly time: number
}

/**
 * A seed with which the program failed, died, never ended, or left a fiber that died.
 *
 * @since 0.1.0
 * @category errors
 */
export class ScheduleFailed<E = unknown> extends Data.TaggedError("ScheduleFailed")<{
  readonly seed: number
  /** How many seeds went well before. */
  readonly passed: number
  readonly cause: Cause.Cause<E>
  /** The virtual time at which all was over, in milliseconds. */
  readonly time: number
}> {
  override get message(): string {
    return `Seed ${this.seed} failed after ${this.time} ms of virtual time; ${this.passed} went well before. To run it alone: { seeds: [${this.seed}] }.\n${
      Cause.pretty(this.cause, { renderErrorCause: true })
    }`
  }
}

/**
 * Runs a program once, to the end of all that it begins, without a real timer.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, seed: number, policy: Policy = {}): Run<A, E> => {
  const { haste = 0, isExpected, mostTurns, preemption = 0.25 } = policy
  const shuffled = World.shuffled(new World.Numbers(seed), preemption, haste)
  const world = new World.World(shuffled, { isExpected, mostTurns })
  const exit = world.run(Effect.scoped(program), seed)
  return { seed, exit, defects: world.defects, left: world.alive, time: world.time }
}

const seedsOf = (seeds: number | Iterable<number>): Iterable<number> =>
  typeof seeds === "number" ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds

const causeOf = <A, E>({ defects, exit }: Run<A, E>): Cause.Cause<E> | undefined => {
  if (Exit.isFailure(exit)) return exit.cause
  return defects.length === 0
    ? undefined
    : Cause.die(new Error(`A fiber that nobody joined died: ${defects.join("\n")}`))
}

/**
 * Runs a program with each seed, and fails with the first that goes wrong. Between two seeds it can be interrupted, as by a test's
 * timeout.
 *
 * @since 0.1.0
 * @category running
 */
export const check = <A, E>(
  program: Effect.Effect<A, E, Scope.Scope>,
  { seeds = 100, ...policy }: Options = {}
): Effect.Effect<void, ScheduleFailed<E>> =>
  Effect.suspend(() => {
    let passed = 0
    return Effect.forEach(seedsOf(seeds), (seed) =>
      Effect.zipRight(
        Effect.yieldNow(),
        Effect.suspend(() => {
          const result = run(program, seed, policy)
          const cause = causeOf(result)
          if (cause !== undefined) {
            return Effect.fail(new ScheduleFailed<E>({ seed, passed, cause, time: result.time }))
          }
          passed++
          return Effect.void
        })
      ), { discard: true })
  })
