/**
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { ConnectFailure, Sizes } from "./stats.js"

const format = (millis: number): string => millis < 1 ? "0ms" : Duration.format(Duration.millis(millis))

const describeSizes = (sizes: Sizes): string =>
  (["leased", "idle", "opening", "checking", "resetting", "closing"] as const)
    .filter((state) => sizes[state] > 0 || state === "leased")
    .map((state) => `${sizes[state]} ${state}`)
    .join(", ")

const remedy = (sizes: Sizes, failure: Option.Option<ConnectFailure>): string => {
  if (Option.isSome(failure) && sizes.leased === 0) {
    return "Connections cannot be opened: see the last connect failure."
  }
  if (sizes.leased >= sizes.maxSize) {
    return "All connections are in use: hold them for a shorter time, or raise maxSize if the server can serve more at once."
  }
  if (sizes.opening > 0) {
    return "Connections were still opening: look at how long a connect takes, or raise acquireTimeout."
  }
  return "Raise acquireTimeout, or ask less often."
}

/**
 * No connection came free within the caller's `acquireTimeout`.
 *
 * @since 0.1.0
 * @category errors
 */
export class AcquireTimeout extends Data.TaggedError("AcquireTimeout")<{
  readonly pool: string
  /** How long the caller waited, in milliseconds. 0 where it asked to try once. */
  readonly waited: number
  /** Its place in the queue when it gave up: 1 is next. */
  readonly place: number
  readonly sizes: Sizes
  readonly lastConnectFailure: Option.Option<ConnectFailure>
  /** When the caller gave up, in milliseconds of the pool's clock. */
  readonly at: number
}> {
  override get message(): string {
    const { lastConnectFailure: failure, sizes } = this
    return [
      `No connection of pool "${this.pool}" in ${format(this.waited)}: place ${this.place} of ${
        Math.max(this.place, sizes.waiting)
      } in the queue, ${describeSizes(sizes)} of ${sizes.maxSize}.`,
      ...(Option.isSome(failure)
        ? [`Last connect failure, ${format(this.at - failure.value.at)} ago: ${summary(failure.value.cause)}.`]
        : []),
      remedy(sizes, failure)
    ].join(" ")
  }
}

const summary = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const text = error instanceof Error && error.message !== "" ? error.message : Cause.pretty(cause)
  return text.replace(/[.\s]+$/, "")
}

/**
 * Why a pool refused a caller at once.
 *
 * - `QueueFull`: `maxWaiters` callers wait already for what others hold.
 * - `Overloaded`: waits have been too long for too long. Not produced yet.
 * - `Suspended`: the pool was suspended. Not produced yet.
 * - `DeadlineTooShort`: by the rate of returns, the caller's deadline cannot be met. Not produced yet.
 *
 * @since 0.1.0
 * @category models
 */
export type RefusalReason = "QueueFull" | "Overloaded" | "Suspended" | "DeadlineTooShort"

const refusals: Record<RefusalReason, string> = {
  QueueFull: "as many callers wait as maxWaiters allows. Ask again later, or raise maxWaiters.",
  Overloaded: "waits have been too long for too long. Ask again later.",
  Suspended: "it is suspended. Ask again when it was resumed.",
  DeadlineTooShort: "the wait would be longer than acquireTimeout. Ask again later."
}

/**
 * The pool refused the caller at once, without a wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolRefused extends Data.TaggedError("PoolRefused")<{
  readonly pool: string
  readonly reason: RefusalReason
  readonly sizes: Sizes
}> {
  override get message(): string {
    return `Pool "${this.pool}" refused (${this.reason}): ${refusals[this.reason]} ${
      describeSizes(this.sizes)
    } of ${this.sizes.maxSize}, ${this.sizes.waiting} waiting.`
  }
}

/**
 * The asking fiber holds a connection of this pool itself, and so does everyone whose return it would wait for. Not produced
 * yet.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolDeadlock extends Data.TaggedError("PoolDeadlock")<{
  readonly pool: string
  readonly sizes: Sizes
}> {
  override get message(): string {
    return `Every holder of a connection of pool "${this.pool}" waits for another one of it, this fiber included. Take one connection and pass it on, instead of asking inside a use.`
  }
}

/**
 * An opening, its retries included, took longer than `connectTimeout`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectTimeout extends Data.TaggedError("ConnectTimeout")<{
  readonly pool: string
  /** The pool's `connectTimeout`, in milliseconds. */
  readonly after: number
}> {
  override get message(): string {
    return `Opening a connection of pool "${this.pool}" took longer than connectTimeout (${
      format(this.after)
    }). Is the address right, and does a firewall swallow the packets?`
  }
}

/**
 * The pool is closed, or is closing.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolClosed extends Data.TaggedError("PoolClosed")<{
  readonly pool: string
}> {
  override get message(): string {
    return `Pool "${this.pool}" is closed: the Scope that it was made in has ended.`
  }
}

/**
 * One option that cannot be.
 *
 * @since 0.1.0
 * @category models
 */
export interface InvalidOption {
  readonly field: string
  /** What was wrong and what to write instead. */
  readonly problem: string
}

/**
 * Options that cannot be: names every bad one, and what to write instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  readonly issues: ReadonlyArray<InvalidOption>
}> {
  override get message(): string {
    return `Invalid pool options: ${this.issues.map(({ field, problem }) => `${field} ${problem}`).join("; ")}.`
  }
}

/**
 * What asking for a connection can fail with, besides the connector's own error.
 *
 * @since 0.1.0
 * @category models
 */
export type AcquireError = AcquireTimeout | PoolRefused | PoolDeadlock | ConnectTimeout | PoolClosed

/**
 * The defect of using a lease that has ended: the connection may be somebody else's by now.
 *
 * @since 0.1.0
 * @category errors
 */
export class LeaseEnded extends Data.TaggedError("LeaseEnded")<{
  readonly pool: string
  readonly lease: number
  readonly connection: number
}> {
  override get message(): string {
    return `Lease ${this.lease} of connection ${this.connection} of pool "${this.pool}" has ended, and was used afterwards. Keep the connection inside of its Scope.`
  }
}
