/**
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { ConnectFailure, LeaseInfo, PoolPhase, Sizes } from "./stats.js"

/** As Data's; as JSON the error has its message too, which is a getter and so no field of its own. */
const TaggedError = <const Tag extends string>(tag: Tag): ReturnType<typeof Data.TaggedError<Tag>> =>
  class extends Data.TaggedError(tag) {
    override toJSON(): unknown {
      return { ...super.toJSON() as object, message: this.message }
    }
  } as never

const format = (millis: number): string => millis < 1 ? "0ms" : Duration.format(Duration.millis(millis))

const describeSizes = (sizes: Sizes): string =>
  (["leased", "idle", "opening", "checking", "resetting", "closing"] as const)
    .filter((state) => sizes[state] > 0 || state === "leased")
    .map((state) => `${sizes[state]} ${state}`)
    .join(", ")

const describeLease = ({ age, connection, fiber, span, stack }: LeaseInfo): string =>
  [
    `connection ${connection} for ${format(age)} by ${fiber ?? "a fiber that is not known"}`,
    ...span === undefined ? [] : [` in span "${span}"`],
    ...stack === undefined ? [] : [`\n${stack}\n`]
  ].join("")

const describeLeases = (leases: ReadonlyArray<LeaseInfo>): ReadonlyArray<string> =>
  leases.length === 0 ? [] : [`Held the longest: ${leases.map(describeLease).join("; ")}.`]

const remedy = (
  error: Pick<AcquireTimeout, "lastConnectFailure" | "phase" | "quota" | "sizes" | "waited" | "youngestLease">
): string => {
  const { lastConnectFailure: failure, phase, quota, sizes, waited, youngestLease } = error
  if (phase === "suspended") return "The pool is suspended: it hands out nothing until it is resumed."
  if (quota < sizes.maxSize && sizes.opening === 0) {
    return "Other keys have the rest of what maxTotal allows: hold connections for a shorter time, or raise maxTotal if the servers can serve more at once."
  }
  if (Option.isSome(failure) && sizes.leased === 0) {
    return "Connections cannot be opened: see the last connect failure."
  }
  if (sizes.leased >= sizes.maxSize) {
    if (waited > 0 && youngestLease >= waited) {
      return "Not one connection was given back in that time: do their holders wait for this caller, as where it was asked inside of a use by a child fiber (timeout, race, all)? Then pass the connection on. Else find out what they do: leakThreshold and leakTracing tell."
    }
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
export class AcquireTimeout extends TaggedError("AcquireTimeout")<{
  readonly pool: string
  /** How long the caller waited, in milliseconds. 0 where it asked to try once. */
  readonly waited: number
  /** Its place in the queue when it gave up: 1 is next. */
  readonly place: number
  /** Where the pool was in its life. */
  readonly phase: PoolPhase
  readonly sizes: Sizes
  /** How many of `maxSize` the other keys of a keyed pool left to this one. In a plain pool it is `maxSize`. */
  readonly quota: number
  /** The oldest leases, three at most. */
  readonly leases: ReadonlyArray<LeaseInfo>
  /** How long the youngest lease has lasted, in milliseconds; 0: there is none. */
  readonly youngestLease: number
  /** How many connections came back in a second while callers waited. 0: not known. */
  readonly returnRate: number
  readonly lastConnectFailure: Option.Option<ConnectFailure>
  /** When the caller gave up, in milliseconds of the pool's clock. */
  readonly at: number
}> {
  override get message(): string {
    const { lastConnectFailure: failure, leases, returnRate, sizes } = this
    return [
      `No connection of pool "${this.pool}" in ${format(this.waited)}: place ${this.place} of ${
        Math.max(this.place, sizes.waiting)
      } in the queue, ${describeSizes(sizes)} of ${sizes.maxSize}.`,
      ...describeLeases(leases),
      ...returnRate > 0 ? [`${Number(returnRate.toPrecision(3))} came back in a second.`] : [],
      ...(Option.isSome(failure)
        ? [`Last connect failure, ${format(this.at - failure.value.at)} ago: ${summary(failure.value.cause)}.`]
        : []),
      remedy(this)
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
 * - `Overloaded`: waits have been too long for too long, and this one was too: see the option `overload`.
 * - `Suspended`: the pool was suspended, and newcomers are to be refused.
 * - `DeadlineTooShort`: by the measured rate of returns, the caller's deadline cannot be met: see the option `overload`.
 *
 * @since 0.1.0
 * @category models
 */
export type RefusalReason = "QueueFull" | "Overloaded" | "Suspended" | "DeadlineTooShort" | "BeyondCapacity"

const refusals: Record<RefusalReason, string> = {
  QueueFull: "as many callers wait as maxWaiters allows. Ask again later, or raise maxWaiters.",
  Overloaded: "waits have been too long for too long. Ask again later.",
  Suspended: "it is suspended. Ask again when it was resumed.",
  DeadlineTooShort: "the wait would be longer than acquireTimeout. Ask again later.",
  BeyondCapacity: "it was asked for more connections at once than maxSize allows. Ask for fewer, or raise maxSize."
}

/**
 * The pool refused the caller at once, without a wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolRefused extends TaggedError("PoolRefused")<{
  readonly pool: string
  readonly reason: RefusalReason
  readonly sizes: Sizes
  /** How many connections came back in a second while callers waited. 0: not known. */
  readonly returnRate: number
}> {
  override get message(): string {
    return `Pool "${this.pool}" refused (${this.reason}): ${refusals[this.reason]} ${
      describeSizes(this.sizes)
    } of ${this.sizes.maxSize}, ${this.sizes.waiting} waiting.`
  }
}

/**
 * The asking fiber holds a connection of this pool itself, and every connection is held by a fiber that waits for another one of it, so
 * only one that gives up can free one: the last to ask is told at once. Asks from child fibers (`timeout`, `race`, `all`) are not
 * seen, and end by their `acquireTimeout`.
 *
 * @since 0.1.0
 * @category errors
 */
export class PoolDeadlock extends TaggedError("PoolDeadlock")<{
  readonly pool: string
  readonly sizes: Sizes
  /** The oldest leases, three at most. */
  readonly leases: ReadonlyArray<LeaseInfo>
}> {
  override get message(): string {
    return [
      `Every holder of a connection of pool "${this.pool}" waits for another one of it, this fiber included.`,
      ...describeLeases(this.leases),
      "Take one connection and pass it on, instead of asking inside a use."
    ].join(" ")
  }
}

/**
 * An opening, its retries included, took longer than `connectTimeout`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectTimeout extends TaggedError("ConnectTimeout")<{
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
export class PoolClosed extends TaggedError("PoolClosed")<{
  readonly pool: string
}> {
  override get message(): string {
    return `Pool "${this.pool}" is closed, or closing: nothing can be asked of it any more.`
  }
}

/**
 * What was given for a key cannot be one: two that are the same would not be found to be.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidKey extends TaggedError("InvalidKey")<{
  readonly pool: string
  readonly problem: string
}> {
  override get message(): string {
    return `A key of pool "${this.pool}" ${this.problem}`
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
export class InvalidOptions extends TaggedError("InvalidOptions")<{
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
export class LeaseEnded extends TaggedError("LeaseEnded")<{
  readonly pool: string
  readonly lease: number
  readonly connection: number
}> {
  override get message(): string {
    return `Lease ${this.lease} of connection ${this.connection} of pool "${this.pool}" has ended, and was used afterwards. Keep the connection inside of its Scope.`
  }
}
