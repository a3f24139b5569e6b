import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Waits for something, but not longer than this, in a finalizer too.
 *
 * A finalizer cannot be interrupted, but the fibers that `Effect.timeout` starts in it can: a second interruption of who runs it
 * is handed on to them, and the finalizer would go on too early. A daemon gets none.
 */
export const within = <A>(wait: Effect.Effect<A>, time: Duration.DurationInput): Effect.Effect<void> =>
  Effect.asVoid(Effect.flatMap(
    Effect.forkDaemon(Effect.interruptible(Effect.timeoutOption(wait, time))),
    Fiber.await
  ))
