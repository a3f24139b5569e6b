/**
 * What goes into the allocator and what comes out of it, as data. Each transaction commits one input and answers one
 * decision, and whoever committed it acts on it: notifies tickets, and starts the steps that connections need.
 */
import type * as Cause from "effect/Cause"
import type { CloseReason, OpenPurpose, PoolEvent } from "../model/events.js"
import type { Rules } from "../model/settings.js"
import type { Denial, Holder, Ticket } from "./Ticket.js"

/** What to do with a connection that comes back. */
export type Verdict =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Reset" }
  | { readonly _tag: "Discard"; readonly reason: CloseReason }

export type Input =
  /** A caller asks. */
  | { readonly _tag: "Take"; readonly now: number; readonly ticket: Ticket }
  /** A user's own transaction asks for what is there now. */
  | { readonly _tag: "Claim"; readonly now: number; readonly ticket: Ticket }
  /** A caller is done, or gives up: gives back the place or the connection, whichever the ticket has. Idempotent. */
  | { readonly _tag: "Leave"; readonly now: number; readonly number: number; readonly verdict: Verdict }
  /** A connection is open; `spread`, from 0 to 1, places it in the jitter window of its lifetime. */
  | { readonly _tag: "Opened"; readonly now: number; readonly id: number; readonly spread: number }
  /** An opening failed; `jitter`, from 0 to 1, spreads the back-off. */
  | {
    readonly _tag: "OpenFailed"
    readonly now: number
    readonly id: number
    readonly cause: Cause.Cause<unknown>
    readonly jitter: number
  }
  /** A check or ping ended. */
  | { readonly _tag: "Checked"; readonly now: number; readonly id: number; readonly passed: boolean }
  | { readonly _tag: "ResetDone"; readonly now: number; readonly id: number; readonly passed: boolean }
  /** A close ended, or was given up on and aborted. */
  | { readonly _tag: "Closed"; readonly now: number; readonly id: number; readonly aborted: boolean }
  /** A connection died, or a caller says that it is no good. */
  | { readonly _tag: "Condemn"; readonly now: number; readonly id: number; readonly reason: CloseReason }
  /** Serves seats of this pool, as all others of their caller are served. */
  | { readonly _tag: "Seat"; readonly now: number; readonly numbers: ReadonlyArray<number> }
  /** Whether the other pools of these seats' caller can serve anybody. */
  | {
    readonly _tag: "Bind"
    readonly now: number
    readonly numbers: ReadonlyArray<number>
    readonly isBound: boolean
  }
  /** A seat is one of more than the pool may have connections. */
  | { readonly _tag: "Expel"; readonly now: number; readonly number: number }
  /** Another key has more need of a permit than this one: an idle connection ends, or a shared one when it comes back. */
  | { readonly _tag: "Cede"; readonly now: number }
  /** Time has passed. */
  | { readonly _tag: "Tick"; readonly now: number }
  /** Opens `target` connections; the ticket waits for them. Once, before anyone asks. */
  | { readonly _tag: "Start"; readonly now: number; readonly target: number; readonly ticket: Ticket }
  /** Closes the pool; the ticket waits until every permit is back, until its deadline. */
  | { readonly _tag: "Shutdown"; readonly now: number; readonly ticket: Ticket }
  /** Serves who waits, takes nobody else, and closes; the ticket waits until every permit is back. */
  | { readonly _tag: "Drain"; readonly now: number; readonly ticket: Ticket }
  /** Ends every connection of today, the leased ones when they come back, or now. */
  | { readonly _tag: "Clear"; readonly now: number; readonly abortLeases: boolean }
  /** Ends every connection of today within the time, one after the other. */
  | { readonly _tag: "Recycle"; readonly now: number; readonly within: number }
  /** Hands out nothing and begins nothing, until then. */
  | { readonly _tag: "Suspend"; readonly now: number; readonly newcomers: "wait" | "refuse"; readonly until: number }
  | { readonly _tag: "Resume"; readonly now: number }
  | {
    readonly _tag: "Resize"
    readonly now: number
    readonly sizes: Partial<Pick<Rules, "maxSize" | "minSize" | "minIdle">>
  }
  /** Every idle connection may be dead: the clock has jumped, or a connector said so. */
  | { readonly _tag: "Suspect"; readonly now: number }

/** An event that still has to be given the time. */
export type Announcement<
  E = Extract<
    PoolEvent,
    {
      _tag:
        | "PoolCleared"
        | "PoolRecycled"
        | "PoolSuspended"
        | "PoolResumed"
        | "PoolResized"
        | "PoolDraining"
        | "PoolClosing"
    }
  >
> = E extends unknown ? Omit<E, "at"> : never

export type Work =
  /** The ticket holds the connection now: tell it. */
  | { readonly _tag: "HandOver"; readonly ticket: Ticket; readonly connection: number }
  | { readonly _tag: "Deny"; readonly ticket: Ticket; readonly denial: Denial }
  /** What the ticket waits for has come: the pool is started, or closed. */
  | { readonly _tag: "Finish"; readonly ticket: Ticket }
  /** The pool is closed: nothing will happen any more. Once. */
  | { readonly _tag: "End" }
  /** Seats may be served now, or the pool cannot serve anybody: their other pools are to be looked at. */
  | { readonly _tag: "Gather" }
  /** What is to be done for another key of a keyed pool, which changed in the same transaction. */
  | { readonly _tag: "Elsewhere"; readonly key: number; readonly work: ReadonlyArray<Work>; readonly due: number }
  /** Nothing is left of a key. */
  | { readonly _tag: "Gone"; readonly key: number }
  /** A keyed pool is closed. Once. */
  | { readonly _tag: "Over" }
  /** An operation has changed something. */
  | { readonly _tag: "Announce"; readonly announcement: Announcement }
  | { readonly _tag: "Open"; readonly id: number; readonly purpose: OpenPurpose }
  | { readonly _tag: "Check"; readonly id: number; readonly step: "check" | "ping" }
  | { readonly _tag: "Reset"; readonly id: number }
  | { readonly _tag: "Close"; readonly id: number; readonly reason: CloseReason }
  /** Ends a lease from outside: kill the connection under its holder, who gives it back. */
  | { readonly _tag: "Abort"; readonly holder: Holder; readonly reason: CloseReason }
  /** A lease lasts for longer than it should. */
  | { readonly _tag: "Report"; readonly holder: Holder }
  /** One that was reported or aborted has ended. */
  | { readonly _tag: "ReportEnd"; readonly holder: Holder }
  /**
   * The close deadline is over: abort it, and do not wait for its close. `closingSince`: when that began, unless it was leased
   * until now.
   */
  | {
    readonly _tag: "Abandon"
    readonly id: number
    readonly reason: CloseReason
    readonly closingSince: number | undefined
  }

/** What has to be done about a decision. */
interface ToDo {
  readonly work: ReadonlyArray<Work>
  /** Numbers the decisions that come with work: it is done in this order, whoever comes first to do it. */
  readonly order: number
  /** When the next Tick is needed at the latest. */
  readonly due: number
}

/** The answer to a Take. */
export type Answer =
  /** The caller holds the connection. */
  | { readonly _tag: "Reuse"; readonly connection: number; readonly number: number }
  /** The caller waits for its ticket's notice, which may have come with the work. */
  | ToDo & { readonly _tag: "Wait"; readonly number: number }
  /** The caller gets nothing. */
  | ToDo & { readonly _tag: "Refuse"; readonly denial: Denial }

/** The answer to every other input. */
export interface Act extends ToDo {
  readonly _tag: "Act"
}

export type Decision = Answer | Act

/** The caller holds a connection from now on. */
export type Reuse = Extract<Answer, { _tag: "Reuse" }>

/** The answer to a Claim: an Act is that there is nothing for it now. */
export type Claimed = Reuse | Act

/** The caller gets nothing. */
export type Refuse = Extract<Answer, { _tag: "Refuse" }>

/** The inputs that a pool which is closing refuses. */
type Operation = "Clear" | "Recycle" | "Suspend" | "Resume" | "Resize"

/** What kind of decision an input gets. */
export type DecisionOf<I extends Input> = I extends { readonly _tag: "Take" } ? Answer
  : I extends { readonly _tag: "Claim" } ? Claimed
  : I extends { readonly _tag: Operation } ? Act | Refuse
  : Act

export const keep: Verdict = { _tag: "Keep" }

export const reset: Verdict = { _tag: "Reset" }

export const broken: Verdict = { _tag: "Discard", reason: "Broken" }

/** The decision that nothing is to be done, and that nothing is due earlier than before. */
export const nothing: Act = { _tag: "Act", work: [], order: -1, due: Infinity }
