/**
 * The pool's time: that of its Clock, less the time that was skipped.
 *
 * It never goes back: where the Clock is set back, the pool's time stands still for a moment and goes on from there. And it does not
 * leap: where an alarm of the pool rings more than five seconds late, the machine slept, the process was frozen or its event loop
 * blocked, or the Clock was set forward. What was to happen in that time did not, so no deadline may have passed in it: the time goes on
 * from when the alarm should have rung. In both cases what is idle may have died meanwhile.
 */
import type * as Clock from "effect/Clock"

/** Later than a timer ever is, in milliseconds. */
const LATE = 5_000

export class Time {
  private skipped = 0
  private last = -Infinity
  /** When the next alarm rings, in the pool's time. */
  expected = Infinity
  /** Whether time has jumped, and nobody has yet said so to the allocator. */
  hasJumped = false

  constructor(private readonly clock: Clock.Clock) {}

  /** In whole milliseconds: with fractions, a sum of two times could lie a hair before the moment that it says. */
  now(): number {
    const at = Math.floor(this.clock.unsafeCurrentTimeMillis()) - this.skipped
    if (at < this.last || at > this.expected + LATE) return this.jump(at)
    this.last = at
    return at
  }

  private jump(at: number): number {
    const now = Math.max(this.last, Math.min(at, this.expected))
    this.skipped += at - now
    this.last = now
    this.hasJumped = true
    return now
  }
}
