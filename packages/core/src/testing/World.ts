/**
 * Worlds: a Scheduler and a Clock of a test's own, in which a program runs to its end without a real timer or a promise.
 *
 * Nothing else runs in a world, so it knows when nothing more can happen: time then goes on to the next sleep, and when there
 * is none and the program has not ended, it never will. What is open, whose turn it is and who is preempted where, a policy
 * decides: the same policy makes the same run, operation by operation. `Schedules` runs a program in many worlds.
 *
 * What a program waits for must be in the world: a promise or a timer of the platform never ends there. Time is the world's own, without
 * `TestClock`: who needs time to pass sleeps.
 *
 * @example
 * import { World } from "@cenote/core/testing"
 * import * as Effect from "effect/Effect"
 *
 * // An hour passes at once.
 * export const exit = new World.World().run(Effect.as(Effect.sleep("1 hour"), "done"))
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { constFalse } from "effect/Function"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type * as Scheduler from "effect/Scheduler"
import type { Numbers } from "./numbers.js"

/**
 * @since 0.1.0
 */
export * from "./numbers.js"

/**
 * @since 0.1.0
 * @category models
 */
export type AnyFiber = Fiber.RuntimeFiber<any, any>

/**
 * What a world leaves open.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  /** Whose turn it is: an index below `ready`, which is in order of becoming ready. */
  readonly turn: (ready: number) => number
  /** Asked before each operation of a fiber: whether it is preempted there. */
  readonly preempts: (fiber: AnyFiber, world: World) => boolean
  /** Whether time goes on, by so many milliseconds, to the next sleep, though somebody is ready: a busy event loop. */
  readonly hurries: (millis: number) => boolean
}

/**
 * In order of becoming ready, and nobody is preempted before Effect's own limit.
 *
 * @since 0.1.0
 * @category policies
 */
export const inOrder: Policy = {
  turn: () => 0,
  preempts: (fiber) => fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield),
  hurries: () => false
}

/** The longest that everybody ready is kept waiting by a policy that hurries, in milliseconds. */
const LONGEST_DELAY = 20

/**
 * Preempts, and hurries, with these probabilities, and lets any of the ready go on. Where it hurries, time goes on by 20 ms at most at
 * once.
 *
 * @since 0.1.0
 * @category policies
 */
export const shuffled = (numbers: Numbers, preemption: number, haste: number): Policy => ({
  turn: (ready) => numbers.below(ready),
  preempts: () => numbers.chance(preemption),
  hurries: (millis) => haste > 0 && millis <= LONGEST_DELAY && numbers.chance(haste)
})

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Which defects are no surprise, as those that a test planted. Default: none. */
  readonly isExpected?: ((defect: unknown) => boolean) | undefined
  /** After so many turns a program is taken not to end. Default: 50,000. */
  readonly mostTurns?: number | undefined
}

interface Task {
  readonly run: () => void
  readonly fiber: AnyFiber | undefined
}

interface Sleeper {
  readonly at: number
  readonly fiber: AnyFiber
  readonly wake: () => void
}

/**
 * A world. It is made for one program.
 *
 * @since 0.1.0
 * @category worlds
 */
export class World implements Scheduler.Scheduler {
  private now = 0
  private skew = 0
  private readonly fibers = new Set<AnyFiber>()
  private ready: Array<Task> = []
  private sleepers: Array<Sleeper> = []
  private held: { readonly fiber: AnyFiber; readonly until: number; readonly tasks: Array<Task> } | undefined
  private readonly tails = new WeakMap<object, number>()
  private readonly isExpected: (defect: unknown) => boolean
  private readonly mostTurns: number
  /**
   * What fibers died of that nobody looked at, but for what was expected.
   *
   * @since 0.1.0
   */
  readonly defects: Array<string> = []
  /**
   * Operations of all fibers so far, those of the preemptions themselves excepted.
   *
   * @since 0.1.0
   */
  operations = 0

  constructor(readonly policy: Policy = inOrder, { isExpected = constFalse, mostTurns = 50_000 }: Options = {}) {
    this.isExpected = isExpected
    this.mostTurns = mostTurns
    measurePreemption()
  }

  /**
   * The world's own. A program that runs in the world has it already.
   *
   * @since 0.1.0
   */
  readonly clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => this.time,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(this.time * 1e6)),
    currentTimeMillis: Effect.sync(() => this.time),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(this.time * 1e6))),
    sleep: (duration) =>
      Effect.withFiberRuntime((fiber) =>
        Effect.async((resume) => {
          const sleeper = { at: this.now + Duration.toMillis(duration), fiber, wake: () => resume(Effect.void) }
          const later = this.sleepers.findIndex(({ at }) => at > sleeper.at)
          if (later === -1) this.sleepers.push(sleeper)
          else this.sleepers.splice(later, 0, sleeper)
          return Effect.sync(() => {
            this.sleepers = this.sleepers.filter((other) => other !== sleeper)
          })
        })
      )
  }

  /**
   * What the clock shows, in milliseconds: 0 at the beginning.
   *
   * @since 0.1.0
   */
  get time(): number {
    return this.now + this.skew
  }

  /**
   * Sets the clock forward or back, by milliseconds. Whoever sleeps is not woken by it.
   *
   * @since 0.1.0
   */
  setClock(by: number): void {
    this.skew += by
  }

  /**
   * How many fibers have begun and not ended. After `run`: those that the program has left behind for ever.
   *
   * @since 0.1.0
   */
  get alive(): number {
    return [...this.fibers].filter((fiber) => fiber.unsafePoll() === null).length
  }

  /**
   * Sleeps that will end and wake somebody. Effect.async registers in one operation and sees to the interruption in the next: a
   * sleep that is interrupted in between is never told, and wakes nobody.
   *
   * @since 0.1.0
   */
  get timers(): number {
    return this.sleepers.filter(({ at, fiber }) => at < Infinity && fiber.unsafePoll() === null).length
  }

  /**
   * Called by Effect.
   *
   * @since 0.1.0
   */
  scheduleTask(run: () => void, _priority: number, fiber?: AnyFiber): void {
    if (fiber !== undefined) this.fibers.add(fiber)
    const tasks = this.held !== undefined && this.held.fiber === fiber ? this.held.tasks : this.ready
    tasks.push({ run, fiber })
  }

  /**
   * Called by Effect. A preemption costs the fiber some operations of its own. In these it is not preempted again: they would breed
   * more. It is never asked for inside of a transaction, which is one operation.
   *
   * @since 0.1.0
   */
  shouldYield(fiber: AnyFiber): number | false {
    const tail = this.tails.get(fiber)
    if (tail !== undefined && tail > 0) {
      this.tails.set(fiber, tail - 1)
      return false
    }
    this.operations++
    if (!this.policy.preempts(fiber, this)) return false
    this.tails.set(fiber, preemptionCost)
    return 0
  }

  /**
   * Lets the fiber, which must be preempted at once, go on only when nothing else happens up to that time, in milliseconds from now.
   *
   * @since 0.1.0
   */
  hold(fiber: AnyFiber, millis: number): void {
    this.held = { fiber, until: this.now + millis, tasks: [] }
  }

  // Does one thing. False: there is nothing left to do, now or later.
  private readonly step = (): boolean => {
    const sleeper = this.sleepers[0]
    const mayWake = sleeper !== undefined && sleeper.at < Infinity &&
      (this.held === undefined || sleeper.at <= this.held.until)
    if (this.ready.length > 0 && !(mayWake && this.policy.hurries(sleeper.at - this.now))) {
      const [task] = this.ready.splice(this.policy.turn(this.ready.length), 1)
      task!.run()
    } else if (mayWake) {
      this.now = Math.max(this.now, sleeper.at)
      this.sleepers.shift()
      sleeper.wake()
    } else if (this.held !== undefined) {
      this.ready = this.held.tasks
      this.held = undefined
    } else {
      return false
    }
    return true
  }

  /**
   * Runs a program, and what it leaves behind, until nothing more happens. Dies where the program has not ended by then, or goes on for
   * longer than `mostTurns`. `seed` is that of Effect's `Random`. Logs are not printed.
   *
   * @since 0.1.0
   */
  run<A, E>(program: Effect.Effect<A, E>, seed = 0): Exit.Exit<A, E> {
    const observer = Logger.make(({ cause }) => {
      for (const defect of Cause.defects(cause)) {
        if (!this.isExpected(defect)) {
          this.defects.push(defect instanceof Error ? defect.stack ?? String(defect) : String(defect))
        }
      }
    })
    const inside = Effect.withRandom(Effect.withClock(program, this.clock), Random.make(seed)).pipe(
      Effect.locally(FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Fatal)),
      Effect.locally(FiberRef.currentLoggers, HashSet.make<ReadonlyArray<Logger.Logger<unknown, any>>>(observer))
    )
    const fiber = Runtime.runFork(Runtime.defaultRuntime)(inside, { scheduler: this, immediate: false })
    for (let turns = 0; this.step(); turns++) {
      if (turns === this.mostTurns) {
        return Exit.die(new Error(`The program goes on and on: ${this.alive} fibers are busy`))
      }
    }
    return fiber.unsafePoll() ??
      Exit.die(new Error(`The program never ends: nothing more happens after ${this.now} ms`))
  }
}

/** How many operations of its own a preemption costs a fiber. */
let preemptionCost = 0
let isMeasured = false

/** The operations of a program with a preemption, less those without. */
const measurePreemption = (): void => {
  if (isMeasured) return
  isMeasured = true
  const operations = (preempted: boolean): number => {
    const preempts: Policy["preempts"] = (_, { operations }) => preempted && operations === 1
    const world = new World({ ...inOrder, preempts })
    world.run(Effect.void)
    return world.operations
  }
  preemptionCost = operations(true) - operations(false)
}
