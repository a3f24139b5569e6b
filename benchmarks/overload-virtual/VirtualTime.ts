/**
 * A Clock and a Scheduler in which a program runs at once, whatever time it takes: when nobody has anything left to do, time goes on to
 * the next sleep. The same program makes the same run.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type * as Scheduler from "effect/Scheduler"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

class VirtualTime implements Scheduler.Scheduler {
  private now = 0
  private ready: Array<() => void> = []
  /** The first to wake comes first; of those that wake together, the first to have gone to sleep. */
  private sleepers: Array<Sleeper> = []

  readonly clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => this.now,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(this.now * 1e6)),
    currentTimeMillis: Effect.sync(() => this.now),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(this.now * 1e6))),
    sleep: (duration) =>
      Effect.async((resume) => {
        const sleeper = { at: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        const later = this.sleepers.findIndex(({ at }) => at > sleeper.at)
        this.sleepers.splice(later < 0 ? this.sleepers.length : later, 0, sleeper)
        return Effect.sync(() => {
          this.sleepers = this.sleepers.filter((other) => other !== sleeper)
        })
      })
  }

  scheduleTask(task: () => void): void {
    this.ready.push(task)
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield) ? 0 : false
  }

  /** Does everything that can be done, now or later, until this is so. */
  runUntil(isOver: () => boolean): void {
    while (!isOver()) {
      const tasks = this.ready
      this.ready = []
      for (const task of tasks) task()
      if (this.ready.length > 0) continue
      const sleeper = this.sleepers.shift()
      if (sleeper === undefined) return
      this.now = sleeper.at
      sleeper.wake()
    }
  }
}

/** Runs a program to its end. Undefined: it never ends. */
export const run = <A, E>(program: Effect.Effect<A, E>, seed: number): Exit.Exit<A, E> | undefined => {
  const time = new VirtualTime()
  const inside = program.pipe(Effect.withClock(time.clock), Effect.withRandom(Random.make(seed)))
  const fiber = Runtime.runFork(Runtime.defaultRuntime)(inside, { scheduler: time, immediate: false })
  time.runUntil(() => fiber.unsafePoll() !== null)
  return fiber.unsafePoll() ?? undefined
}
