/**
 * The pool's alarm clock: makes sure that a Tick is committed when something is due.
 *
 * There is no timer for each waiter or connection. An alarm is only added when something is due before all that are set, and
 * one that is not needed any more is left to ring: a Tick too many changes nothing, and asks for the next alarm. An alarm that
 * is added to others is set to half of the time: so times that keep falling, each below the one before, find an alarm that is
 * early enough, and there are never more alarms than the logarithm of the time.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Time } from "./Time.js"

/** Clock.sleep does not end for more than 2^31 - 1 ms. Waking early is harmless. */
const LONGEST_SLEEP = 2 ** 31 - 1

/** Not worth halving. In milliseconds. */
const SHORT = 4

interface Alarm {
  readonly at: number
  readonly fiber: Fiber.RuntimeFiber<unknown>
}

export class Keeper {
  private alarms: ReadonlyArray<Alarm> = []
  private stopped = false

  constructor(
    private readonly time: Time,
    private readonly fork: (effect: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown>,
    private readonly tick: Effect.Effect<unknown>
  ) {}

  /** Makes sure that a Tick comes at this time at the latest. */
  arm(due: number): void {
    if (this.stopped || due >= (this.alarms.at(-1)?.at ?? Infinity)) return
    const now = this.time.now()
    const left = Math.min(Math.max(0, due - now), LONGEST_SLEEP)
    const sleep = this.alarms.length === 0 || left <= SHORT ? left : Math.floor(left / 2)
    const at = now + sleep
    const rings = Effect.zipRight(Effect.sleep(sleep), Effect.suspend(() => this.ring(alarm)))
    const alarm: Alarm = { at, fiber: this.fork(rings) }
    this.set([...this.alarms, alarm])
  }

  private ring(alarm: Alarm): Effect.Effect<unknown> {
    // Read while the alarm is still expected, so that it is seen how late it is.
    this.time.now()
    // Until the tick has asked for the next one, this is still what is expected: else a freeze in between would not be seen.
    this.alarms = this.alarms.filter((other) => other !== alarm)
    return Effect.zipLeft(this.tick, Effect.sync(() => this.set(this.alarms)))
  }

  private set(alarms: ReadonlyArray<Alarm>): void {
    this.alarms = alarms
    this.time.expected = alarms.at(-1)?.at ?? Infinity
  }

  /** Drops every alarm, and takes no more. */
  stop(): void {
    this.stopped = true
    this.clear()
  }

  /** Drops every alarm, as none is right any more once time has jumped. Whoever does arms it anew. */
  clear(): void {
    for (const { fiber } of this.alarms) fiber.unsafeInterruptAsFork(FiberId.none)
    this.set([])
  }
}
