/**
 * How a caller gets a connection and gives it back.
 *
 * The take is committed in an uninterruptible region, and what the ticket has is given back on every exit of what follows:
 * the wait, and the use. Both of these are as interruptible as the caller is. So a grant that meets an interruption on its
 * way goes on to the next waiter, and nothing is between getting a connection and being bound to give it back.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Scope from "effect/Scope"
import type { Answer, Verdict } from "../allocator/decision.js"
import * as Verdicts from "../allocator/decision.js"
import type { Denial } from "../allocator/Ticket.js"
import { Ticket } from "../allocator/Ticket.js"
import type { Manner } from "../model/asker.js"
import { plain, sharing } from "../model/asker.js"
import type { AcquireError, ConnectTimeout } from "../model/errors.js"
import { AcquireTimeout, PoolClosed, PoolDeadlock, PoolRefused } from "../model/errors.js"
import { PoolEvent } from "../model/events.js"
import type { AcquireOptions, LeaseOptions, Priority } from "../model/options.js"
import { decodeAcquireTimeout, decodeExclusive, decodePriority } from "../model/settings.js"
import type { Resource } from "../resource/Resource.js"
import { afterJump } from "./commit.js"
import type { Core } from "./core.js"
import { now, publish } from "./core.js"
import { currentFiber } from "./currentFiber.js"
import { diagnose } from "./diagnosis.js"
import { perform } from "./perform.js"
import { traced } from "./tracing.js"

/** What a caller gets: the connection, and the number that it gives it back by. */
export interface Hold<A> {
  readonly number: number
  readonly id: number
  readonly resource: Resource<A, any, any>
}

/** The key that was asked for is gone since it was looked up: no caller sees it, because it is looked up again. */
export const forgotten = { _tag: "Forgotten" } as const

const failure = <A, E>(core: Core<A, E>, denial: Denial): Cause.Cause<E | AcquireError> => {
  const pool = core.settings.name
  switch (denial._tag) {
    case "TimedOut": {
      const { at, place, situation, waited } = denial
      const { lastConnectFailure, phase, quota, youngest = at } = situation
      return Cause.fail(
        new AcquireTimeout({
          pool,
          waited,
          place,
          phase,
          quota,
          youngestLease: at - youngest,
          lastConnectFailure,
          at,
          ...diagnose(situation, at)
        })
      )
    }
    case "QueueFull":
    case "Overloaded":
    case "Suspended":
    case "DeadlineTooShort":
    case "BeyondCapacity": {
      const { returnRate, sizes } = diagnose(denial.situation, denial.at)
      return Cause.fail(new PoolRefused({ pool, reason: denial._tag, sizes, returnRate }))
    }
    case "Deadlock": {
      const { leases, sizes } = diagnose(denial.situation, denial.at)
      return Cause.fail(new PoolDeadlock({ pool, leases, sizes }))
    }
    case "Closed":
      return Cause.fail(new PoolClosed({ pool }))
    case "Down":
      return denial.cause as Cause.Cause<E | ConnectTimeout>
    case "Forgotten":
      return Cause.fail(forgotten) as Cause.Cause<never>
  }
}

export const fail = <A, E>(
  core: Core<A, E>,
  ticket: Ticket,
  denial: Denial
): Effect.Effect<never, E | AcquireError> => {
  const cause = failure(core, denial)
  if (denial._tag !== "Forgotten") {
    publish(core, (at) => PoolEvent.AcquireFailed({ at, waited: at - ticket.since, cause }))
  }
  return Effect.failCause(cause)
}

/** The connection that the ticket has: none where the pool's close deadline has taken it away in between. */
export const hold = <A, E>(core: Core<A, E>, ticket: Ticket, number: number, id: number): Hold<A> | undefined => {
  const resource = core.resources.get(id)
  if (resource === undefined) return undefined
  if (core.events.isObserved) {
    publish(core, (at) => PoolEvent.Acquired({ at, id, lease: number, waited: at - ticket.since }))
  }
  return { number, id, resource }
}

const closed: Denial = { _tag: "Closed" }

/** Waits for a connection, and goes on with it. */
const wait = <A, E, B, E2, R2>(
  core: Core<A, E>,
  ticket: Ticket,
  number: number,
  next: (held: Hold<A>) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2 | AcquireError, R2> =>
  traced(core, ticket, number, (notice): Effect.Effect<B, E | E2 | AcquireError, R2> => {
    switch (notice._tag) {
      case "Granted": {
        const held = hold(core, ticket, number, notice.connection)
        return held === undefined ? fail(core, ticket, closed) : next(held)
      }
      case "Denied":
        return fail(core, ticket, notice.denial)
      case "Done":
        return Effect.dieMessage("Bug in Cenote: a caller's ticket was finished")
    }
  })

const verdict = (held: Hold<any> | undefined): Verdict => {
  if (held === undefined) return Verdicts.keep
  switch (held.resource.condition) {
    case "Clean":
      return Verdicts.keep
    case "NeedsReset":
      return Verdicts.reset
    case "Broken":
      return Verdicts.broken
  }
}

/** Gives back what the ticket has. Must be run uninterruptibly. */
export const leave = <A, E, B>(
  core: Core<A, E>,
  number: number,
  held: Hold<A> | undefined,
  result: B
): Effect.Effect<B> => {
  const input = { _tag: "Leave", now: now(core), number, verdict: verdict(held) } as const
  const decide = core.allocator.decide(input)
  return Effect.flatMap(afterJump(core, decide), (decision) => {
    if (held !== undefined && core.events.isObserved) {
      publish(core, (at) => PoolEvent.Released({ at, id: held.id, lease: number }))
    }
    perform(core, decision)
    return Effect.succeed(result)
  })
}

export const timeoutOf = (core: Core<any, any>, options: AcquireOptions | undefined): number => {
  if (options?.acquireTimeout === undefined) return core.settings.acquireTimeout
  return Either.getOrThrowWith(decodeAcquireTimeout(options.acquireTimeout), (error) => error)
}

const ranks: Record<Priority, number> = { high: 1, normal: 0, low: -1 }

/** Where this is called from, when a lease that lasts too long is to be traced to that place. */
export const originOf = ({ leakTracing }: { readonly leakTracing: boolean }): Error | undefined =>
  leakTracing ? new Error("asked for") : undefined

const isExclusive = (options: AcquireOptions | undefined): boolean =>
  options?.exclusive !== undefined &&
  Either.getOrThrowWith(decodeExclusive(options.exclusive), (error) => error)

export const mannerOf = (
  { settings }: Core<any, any>,
  options: LeaseOptions | undefined,
  origin: Error | undefined
): Manner => {
  const { concurrency } = settings.rules
  if (options === undefined && origin === undefined) return concurrency === 1 ? plain : sharing
  const priority = options?.priority === undefined
    ? "normal"
    : Either.getOrThrowWith(decodePriority(options.priority), (error) => error)
  return {
    priority,
    headStart: priority === "normal" ? 0 : ranks[priority] * settings.ageing,
    isLong: options?.long === true,
    mayShare: !isExclusive(options) && concurrency > 1,
    party: undefined,
    origin
  }
}

/** Commits a take, and goes on with the decision. Must be run uninterruptibly. */
const take = <A, E, B, E2, R2>(
  core: Core<A, E>,
  options: LeaseOptions | undefined,
  origin: Error | undefined,
  next: (ticket: Ticket, decision: Exclude<Answer, { _tag: "Refuse" }>) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2 | AcquireError, R2> => {
  const at = now(core)
  const ticket = new Ticket(at, at + timeoutOf(core, options), currentFiber(), mannerOf(core, options, origin))
  if (core.events.isObserved) publish(core, (at) => PoolEvent.AcquireStarted({ at }))
  const decide = core.allocator.decide({ _tag: "Take", now: at, ticket })
  return Effect.flatMap(
    afterJump(core, decide),
    (decision): Effect.Effect<B, E | E2 | AcquireError, R2> => {
      perform(core, decision)
      switch (decision._tag) {
        case "Reuse":
        case "Wait":
          return next(ticket, decision)
        case "Refuse":
          return fail(core, ticket, decision.denial)
      }
    }
  )
}

/** What `f` throws here would come before what gives the connection back is in place. */
const apply = <A, B, E, R>(f: (connection: A) => Effect.Effect<B, E, R>, connection: A): Effect.Effect<B, E, R> => {
  try {
    return f(connection)
  } catch (defect) {
    return Effect.die(defect)
  }
}

/** Runs `f` with a connection, and gives it back when `f` has ended, however it did. */
export const use = <A, E, B, E2, R2>(
  core: Core<A, E>,
  f: (connection: A) => Effect.Effect<B, E2, R2>,
  options: AcquireOptions | undefined,
  origin: Error | undefined
): Effect.Effect<B, E | E2 | AcquireError, R2> =>
  Effect.uninterruptibleMask((restore) =>
    take(core, options, origin, (ticket, decision) => {
      let held: Hold<A> | undefined
      let body: Effect.Effect<B, E | E2 | AcquireError, R2>
      if (decision._tag === "Reuse") {
        held = hold(core, ticket, decision.number, decision.connection)
        body = held === undefined ? fail(core, ticket, closed) : apply(f, held.resource.connection)
      } else {
        body = wait(core, ticket, decision.number, (granted) => {
          held = granted
          return f(granted.resource.connection)
        })
      }
      return Effect.matchCauseEffect(restore(body), {
        onSuccess: (value) => leave(core, decision.number, held, value),
        onFailure: (cause) => Effect.flatMap(leave(core, decision.number, held, cause), Effect.failCause)
      })
    })
  )

/**
 * Takes a connection that is given back when the Scope closes. `toGiven` makes of it what the caller gets, and `end` is told
 * before it goes back.
 */
export const scoped = <A, E, B>(
  core: Core<A, E>,
  options: LeaseOptions | undefined,
  origin: Error | undefined,
  toGiven: (held: Hold<A>) => B,
  end: (given: B) => void
): Effect.Effect<B, E | AcquireError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    take(core, options, origin, (ticket, decision) => {
      const { number } = decision
      const keep = (held: Hold<A>) =>
        Effect.flatMap(Effect.scope, (scope) => {
          const given = toGiven(held)
          const giveBack = () => {
            end(given)
            return leave(core, number, held, undefined)
          }
          return Effect.as(Scope.addFinalizerExit(scope, giveBack), given)
        })
      if (decision._tag === "Reuse") {
        const held = hold(core, ticket, number, decision.connection)
        return held === undefined ? fail(core, ticket, closed) : keep(held)
      }
      let held: Hold<A> | undefined
      const waiting = wait(core, ticket, number, (granted) => {
        held = granted
        return Effect.succeed(granted)
      })
      return Effect.matchCauseEffect(restore(waiting), {
        onSuccess: keep,
        onFailure: (cause) => Effect.flatMap(leave(core, number, held, cause), Effect.failCause)
      })
    })
  )
