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
import type { Asker, Manner } from "../model/asker.js"
import { plain } from "../model/asker.js"
import type { RefusalReason } from "../model/errors.js"
import type { Priority } from "../model/options.js"
import type { ConnectFailure, PoolPhase, Sizes } from "../model/stats.js"

/** Who has a connection, and since when. */
export interface Holder {
  readonly connection: number
  readonly lease: number
  readonly since: number
  readonly fiber: Asker | undefined
  readonly manner: Manner
}

/** What a caller that gets nothing is told of the pool. */
export interface Situation {
  readonly phase: PoolPhase
  readonly sizes: Sizes
  /** How many of `maxSize` other keys leave to this one. */
  readonly quota: number
  /** The oldest leases. */
  readonly holders: ReadonlyArray<Holder>
  /** When the youngest lease began, if there is one. */
  readonly youngest: number | undefined
  /** In connections a second; 0: it is not known. */
  readonly returnRate: number
  readonly lastConnectFailure: Option<ConnectFailure>
}

/** Why a caller gets no connection. */
export type Denial =
  | {
    readonly _tag: "TimedOut"
    readonly waited: number
    readonly place: number
    readonly at: number
    readonly situation: Situation
  }
  | { readonly _tag: RefusalReason; readonly at: number; readonly situation: Situation }
  | { readonly _tag: "Deadlock"; readonly at: number; readonly situation: Situation }
  | { readonly _tag: "Down"; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Closed" }
  /** Its key is gone since it was looked up. No caller is told: it asks again. */
  | { readonly _tag: "Forgotten" }

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
  /** Whose turn comes first is served first. */
  readonly turn: number
  private notice: Notice | undefined = undefined
  private listener: ((notice: Notice) => void) | undefined = undefined

  constructor(
    /** When it was drawn, in milliseconds of the pool's clock. */
    readonly since: number,
    deadline: number,
    /** None where the pool itself waits. */
    readonly fiber: Asker | undefined = undefined,
    readonly manner: Manner = plain
  ) {
    this.deadline = Math.max(0, Math.ceil(deadline))
    this.turn = since - manner.headStart
  }

  get priority(): Priority {
    return this.manner.priority
  }

  /** Tells the holder. Called after the commit that decided it, at most once. */
  notify(notice: Notice): void {
    this.notice = notice
    this.listener?.(notice)
  }

  /** Calls back with the notice, once. One listener, in place of `wait`. */
  listen(listener: (notice: Notice) => void): void {
    if (this.notice !== undefined) return listener(this.notice)
    this.listener = listener
  }

  /**
   * Waits for the notice, and goes on with it. Interrupting it changes nothing in the state: the caller must commit a `Leave` on
   * every exit. It always ends where the deadline is finite, interruptible or not, because the allocator denies what is overdue.
   */
  wait<A, E, R>(next: (notice: Notice) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.async<A, E, R>((resume) => {
      // What is next is the holder's to do, not that of who brings the notice.
      this.listen((notice) => resume(Effect.suspend(() => next(notice))))
    })
  }
}
