import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

/** Calls `f` after some milliseconds, unless what it answers is called before. */
export type Timer = (millis: number, f: () => void) => () => void

/** Timers for code that runs in a driver's callbacks, on the Clock of whoever opens the connection. */
export const timer: Effect.Effect<Timer> = Effect.map(Effect.runtime<never>(), (runtime) => {
  const fork = Runtime.runFork(runtime)
  return (millis, f) => {
    // The runtime of an opening may be one that cannot be interrupted.
    const fiber = fork(Effect.interruptible(Effect.zipRight(Effect.sleep(millis), Effect.sync(f))))
    return () => fiber.unsafeInterruptAsFork(FiberId.none)
  }
})
