/**
 * A ticket: what a caller holds while it waits, and the one place of the pool where anything waits.
 *
 * A grant is a lease in the allocator's state from the commit on. The ticket only carries the notice of it, so nothing is
 * lost when either side is interrupted or preempted between the commit and the notice: the notice is kept until the wait
 * reads it, and whoever stops waiting gives back, by `Leave`, what the state says the ticket has.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Option } from "effect/Option"
import type { ConnectFailure, Sizes } from "../model/stats.js"

/** Why a caller gets no connection. */
export type Denial =
  | {
    readonly _tag: "TimedOut"
    readonly waited: number
    readonly place: number
    readonly sizes: Sizes
    readonly lastConnectFailure: Option<ConnectFailure>
    readonly at: number
  }
  | { readonly _tag: "QueueFull"; readonly sizes: Sizes }
  | { readonly _tag: "Down"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Closed" }

export type Notice =
  /** The ticket has this connection. */
  | { readonly _tag: "Granted"; readonly connection: number }
  | { readonly _tag: "Denied"; readonly denial: Denial }
  /** What was waited for has come: the pool is started, or closed. */
  | { readonly _tag: "Done" }

export class Ticket {
  /**
   * When its holder gives up, in whole milliseconds of the pool's clock; Infinity: never. Not before 0, where the keys of an
   * OrderedMap begin: a clock that was set to before 1970 must not be more than late.
   */
  readonly deadline: number
  private notice: Notice | undefined = undefined
  private listener: ((notice: Notice) => void) | undefined = undefined

  constructor(
    /** When it was drawn, in milliseconds of the pool's clock. */
    readonly since: number,
    deadline: number
  ) {
    this.deadline = Math.max(0, Math.ceil(deadline))
  }

  /** Tells the holder. Called after the commit that decided it, at most once. */
  notify(notice: Notice): void {
    this.notice = notice
    this.listener?.(notice)
  }

  /**
   * Waits for the notice, and goes on with it. Interrupting it changes nothing in the state: the caller must commit a `Leave` on
   * every exit. It always ends where the deadline is finite, interruptible or not, because the allocator denies what is overdue.
   */
  wait<A, E, R>(next: (notice: Notice) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.async<A, E, R>((resume) => {
      // What is next is the holder's to do, not that of who brings the notice.
      const wake = (notice: Notice) => resume(Effect.suspend(() => next(notice)))
      if (this.notice !== undefined) return wake(this.notice)
      this.listener = wake
    })
  }
}
