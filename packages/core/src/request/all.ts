/**
 * How a caller gets connections of several pools at once, and gives them back.
 *
 * As in `acquire.ts`, all is committed in an uninterruptible region, and what there is to give back is given back on every exit of what follows.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { situationOf } from "../allocator/situation.js"
import type { State } from "../allocator/state.js"
import type { Denial } from "../allocator/Ticket.js"
import { Ticket } from "../allocator/Ticket.js"
import type { Decided, Group, Outcome, Wish } from "../allocator/together.js"
import * as Together from "../allocator/together.js"
import * as WaitQueue from "../allocator/WaitQueue.js"
import type { AcquireError } from "../model/errors.js"
import { PoolEvent } from "../model/events.js"
import type { LeaseOptions } from "../model/options.js"
import type { Hold } from "./acquire.js"
import { fail, hold, leave, mannerOf, timeoutOf } from "./acquire.js"
import { afterJump } from "./commit.js"
import type { Core } from "./core.js"
import { now, publish } from "./core.js"
import { currentFiber } from "./currentFiber.js"
import { perform } from "./perform.js"

type AnyCore = Core<any, any>

/** A caller that waits for several connections. Its seats know it, so that who looks after them finds the others. */
class Party {
  /** Its seats by pool, once it has them. */
  groups: ReadonlyArray<Group<AnyCore>> = []
}

interface Seat {
  readonly core: AnyCore
  readonly ticket: Ticket
  readonly number: number
  /** What it has, once it was told so. */
  held: Hold<any> | undefined
}

const closed: Denial = { _tag: "Closed" }

const afterJumps = <A>(cores: Iterable<AnyCore>, effect: Effect.Effect<A>): Effect.Effect<A> =>
  [...new Set(cores)].reduce((effect, core) => afterJump(core, effect), effect)

const performAll = (decided: ReadonlyArray<Decided<AnyCore>>): void => {
  for (const { decision, pool } of decided) perform(pool, decision)
}

/** Serves a party if it can be served now, and says which of its pools lack something idle. Must be run uninterruptibly. */
const gatherParty = (party: Party): Effect.Effect<ReadonlyArray<AnyCore>> =>
  Effect.suspend(() => {
    const groups = party.groups.map((group) => ({ ...group, now: now(group.pool) }))
    const gathered = afterJumps(groups.map(({ pool }) => pool), Together.gather(groups))
    return Effect.map(gathered, ({ decided, lacking }) => {
      performAll(decided)
      return lacking
    })
  })

const partiesOf = (state: State): ReadonlyArray<Party> => [
  ...new Set(WaitQueue.seats(state.queue).map(({ manner }) => manner.party as Party))
]

/**
 * Looks after those that have a seat in a pool, the first first. Who needs a pool that lacks something for who came before is not asked again: where it
 * is this pool, that is everybody.
 */
export const gather = (core: AnyCore): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.flatMap(core.allocator.snapshot, (state) => {
      const parties = partiesOf(state)
      const lacking = new Set<AnyCore>()
      let next = 0
      return Effect.whileLoop({
        while: () => next < parties.length && !lacking.has(core),
        body: () => {
          const party = parties[next++]!
          return party.groups.some(({ pool }) => lacking.has(pool)) ? Effect.succeed([]) : gatherParty(party)
        },
        step: (pools) => pools.forEach((pool) => lacking.add(pool))
      })
    })
  )

const groupsOf = (seats: ReadonlyArray<Seat>): ReadonlyArray<Group<AnyCore>> =>
  [...new Set(seats.map(({ core }) => core))].map((pool) => ({
    pool,
    now: 0,
    numbers: seats.filter(({ core }) => core === pool).map(({ number }) => number)
  }))

/** Waits until all seats have a connection, or one is told that it gets none. */
const wait = (seats: ReadonlyArray<Seat>): Effect.Effect<void, AcquireError> =>
  Effect.async((resume) => {
    let left = seats.length
    const end = (effect: Effect.Effect<void, AcquireError>) => {
      left = -1
      resume(effect)
    }
    for (const seat of seats) {
      const { core, number, ticket } = seat
      ticket.listen((notice) => {
        if (left < 0) return
        if (notice._tag === "Denied") return end(Effect.suspend(() => fail(core, ticket, notice.denial)))
        if (notice._tag === "Done") return end(Effect.dieMessage("Bug in Cenote: a caller's ticket was finished"))
        seat.held = hold(core, ticket, number, notice.connection)
        if (seat.held === undefined) return end(Effect.suspend(() => fail(core, ticket, closed)))
        if (--left === 0) end(Effect.void)
      })
    }
  })

/** Gives back what the seats have, the last first. Must be run uninterruptibly. */
const leaveAll = (seats: ReadonlyArray<Seat>): Effect.Effect<void> =>
  Effect.forEach([...seats].reverse(), ({ core, held, number }) => leave(core, number, held, undefined), {
    discard: true
  })

/** What there is to be waited for once the outcome is known. */
const seated = (
  wishes: ReadonlyArray<Wish<AnyCore>>,
  outcome: Extract<Outcome<AnyCore>, { _tag: "Answered" }>,
  party: Party
): readonly [ReadonlyArray<Seat>, Effect.Effect<void, AcquireError>] => {
  const seats = wishes.map(({ pool: core, ticket }, index): Seat => {
    const answer = outcome.answers[index]!
    if (answer._tag === "Refuse") throw new Error("Bug in Cenote: a refusal has a seat")
    const held = answer._tag === "Reuse" ? hold(core, ticket, answer.number, answer.connection) : undefined
    return { core, ticket, number: answer.number, held }
  })
  if (outcome.answers[0]?._tag !== "Wait") {
    const lost = seats.find(({ held }) => held === undefined)
    return [seats, lost === undefined ? Effect.void : Effect.suspend(() => fail(lost.core, lost.ticket, closed))]
  }
  party.groups = groupsOf(seats)
  // Who looked before did not know where the other seats are.
  return [seats, Effect.zipRight(Effect.uninterruptible(gatherParty(party)), wait(seats))]
}

/** Commits a take of all, and goes on with the seats. Must be run uninterruptibly. */
const take = <B, E, R>(
  cores: ReadonlyArray<AnyCore>,
  options: LeaseOptions | undefined,
  origin: Error | undefined,
  next: (seats: ReadonlyArray<Seat>, ready: Effect.Effect<void, AcquireError>) => Effect.Effect<B, E, R>
): Effect.Effect<B, E | AcquireError, R> => {
  const party = new Party()
  const fiber = currentFiber()
  const wishes = cores.map((pool): Wish<AnyCore> => {
    const at = now(pool)
    // Several at once are never shared: each is one that is idle.
    const manner = { ...mannerOf(pool, options, origin), mayShare: false, party }
    if (pool.events.isObserved) publish(pool, (at) => PoolEvent.AcquireStarted({ at }))
    return { pool, now: at, ticket: new Ticket(at, at + timeoutOf(pool, options), fiber, manner) }
  })
  return Effect.flatMap(
    afterJumps(cores, Together.takeAll(wishes)),
    (outcome): Effect.Effect<B, E | AcquireError, R> => {
      if (outcome._tag === "BeyondCapacity") {
        const { state, wish: { now: at, pool, ticket } } = outcome
        return fail(pool, ticket, { _tag: "BeyondCapacity", at, situation: situationOf(state, at) })
      }
      performAll(outcome.decided)
      for (const [index, answer] of outcome.answers.entries()) {
        const { pool, ticket } = wishes[index]!
        if (answer._tag === "Refuse") return fail(pool, ticket, answer.denial)
      }
      return next(...seated(wishes, outcome, party))
    }
  )
}

const connectionsOf = (seats: ReadonlyArray<Seat>): ReadonlyArray<unknown> =>
  seats.map(({ held }) => held!.resource.connection)

/** Runs `f` with a connection of each pool, and gives all back when `f` has ended, however it did. */
export const useAll = <B, E2, R2>(
  cores: ReadonlyArray<AnyCore>,
  f: (connections: ReadonlyArray<any>) => Effect.Effect<B, E2, R2>,
  options: LeaseOptions | undefined,
  origin: Error | undefined
): Effect.Effect<B, E2 | AcquireError, R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() =>
      take(cores, options, origin, (seats, ready) =>
        Effect.onExit(
          restore(Effect.flatMap(ready, () => Effect.suspend(() => f(connectionsOf(seats))))),
          () => leaveAll(seats)
        ))
    )
  )

/** A connection of each pool, which are given back when the Scope closes. */
export const scopedAll = (
  cores: ReadonlyArray<AnyCore>,
  options: LeaseOptions | undefined,
  origin: Error | undefined
): Effect.Effect<ReadonlyArray<any>, AcquireError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() =>
      take(cores, options, origin, (seats, ready) =>
        Effect.matchCauseEffect(restore(ready), {
          onSuccess: () =>
            Effect.flatMap(
              Effect.scope,
              (scope) => Effect.as(Scope.addFinalizer(scope, leaveAll(seats)), connectionsOf(seats))
            ),
          onFailure: (cause) => Effect.zipRight(leaveAll(seats), Effect.failCause(cause))
        }))
    )
  )
