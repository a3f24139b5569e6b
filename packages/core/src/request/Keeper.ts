/**
 * The pool's alarm clock: makes sure that a Tick is committed when something is due.
 *
 * There is no timer for each waiter or connection. Sleeps are only added when something is due before all that are already
 * armed, and a sleep that is not needed any more is left to fire: a Tick too many changes nothing. So the armed times
 * always fall, and the last one is the earliest.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** Clock.sleep does not end for more than 2^31 - 1 ms. Waking early is harmless. */
const LONGEST_SLEEP = 2 ** 31 - 1

interface Alarm {
  readonly at: number
  readonly fiber: Fiber.RuntimeFiber<unknown>
}

export class Keeper {
  private alarms: ReadonlyArray<Alarm> = []
  private stopped = false

  constructor(
    private readonly now: () => number,
    private readonly fork: (effect: Effect.Effect<unknown>) => Fiber.RuntimeFiber<unknown>,
    private readonly tick: Effect.Effect<unknown>
  ) {}

  /** Makes sure that a Tick comes at this time at the latest. */
  arm(due: number): void {
    if (this.stopped || due >= (this.alarms.at(-1)?.at ?? Infinity)) return
    const now = this.now()
    const at = Math.min(due, now + LONGEST_SLEEP)
    const rings = Effect.zipRight(Effect.sleep(Math.max(0, at - now)), Effect.suspend(() => this.ring(at)))
    this.alarms = [...this.alarms, { at, fiber: this.fork(rings) }]
  }

  private ring(at: number): Effect.Effect<unknown> {
    this.alarms = this.alarms.filter((alarm) => alarm.at !== at)
    return this.tick
  }

  /** Drops every alarm, and takes no more. */
  stop(): void {
    this.stopped = true
    for (const { fiber } of this.alarms) fiber.unsafeInterruptAsFork(FiberId.none)
    this.alarms = []
  }
}
