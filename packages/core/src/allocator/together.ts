/**
 * Connections of several pools in one transaction, all or none.
 *
 * Who cannot be served at once takes a seat in each queue, in the same transaction: so of two such callers the same one is first everywhere. It holds
 * nothing while it waits, and so nobody waits for it.
 */
import * as STM from "effect/STM"
import type { Allocator } from "./Allocator.js"
import type { Act, Answer, Decision, Input } from "./decision.js"
import { areTaken, canServe, needsCare } from "./seats.js"
import type { State } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { transition } from "./transition.js"
import { isAble } from "./turns.js"

interface Pool {
  readonly allocator: Allocator
}

/** A connection that is asked for. */
export interface Wish<P> {
  readonly pool: P
  readonly now: number
  readonly ticket: Ticket
}

/** The seats of one caller in one pool. */
export interface Group<P> {
  readonly pool: P
  readonly now: number
  readonly numbers: ReadonlyArray<number>
}

export interface Decided<P> {
  readonly pool: P
  readonly decision: Decision
}

export type Outcome<P> =
  /** A pool has fewer connections than are asked of it. Nothing has changed. */
  | { readonly _tag: "BeyondCapacity"; readonly wish: Wish<P>; readonly state: State }
  /** What each wish got: all have a connection, or all a seat; or one was refused, and none has anything. */
  | { readonly _tag: "Answered"; readonly answers: ReadonlyArray<Answer>; readonly decided: ReadonlyArray<Decided<P>> }

const snapshots = <P extends Pool>(pools: ReadonlyArray<P>): STM.STM<ReadonlyMap<P, State>> =>
  STM.map(
    STM.forEach([...new Set(pools)], (pool) => STM.map(pool.allocator.snapshot, (state) => [pool, state] as const)),
    (entries) => new Map(entries)
  )

/** Whether every wish would be served at once. */
const canClaim = <P>(before: ReadonlyMap<P, State>, wishes: ReadonlyArray<Wish<P>>): boolean => {
  const states = new Map(before)
  return wishes.every(({ now, pool, ticket }) => {
    const [decision, state] = transition(states.get(pool)!, { _tag: "Claim", now, ticket })
    states.set(pool, state)
    return decision._tag === "Reuse"
  })
}

const beyond = <P>(
  states: ReadonlyMap<P, State>,
  wishes: ReadonlyArray<Wish<P>>
): Extract<Outcome<P>, { _tag: "BeyondCapacity" }> | undefined => {
  for (const wish of wishes) {
    const state = states.get(wish.pool)!
    const count = wishes.filter(({ pool }) => pool === wish.pool).length
    if (count > state.rules.maxSize) return { _tag: "BeyondCapacity", wish, state }
  }
  return undefined
}

/** A connection for each wish at once, or a seat for each. */
export const takeAll = <P extends Pool>(wishes: ReadonlyArray<Wish<P>>): STM.STM<Outcome<P>> =>
  STM.flatMap(snapshots(wishes.map(({ pool }) => pool)), (states): STM.STM<Outcome<P>> => {
    const tooMany = beyond(states, wishes)
    if (tooMany !== undefined) return STM.succeed(tooMany)
    const _tag = canClaim(states, wishes) ? "Claim" : "Take"
    return STM.flatMap(
      STM.forEach(
        wishes,
        ({ now, pool, ticket }): STM.STM<Answer | Act> =>
          pool.allocator.decide<Extract<Input, { _tag: "Take" | "Claim" }>>({ _tag, now, ticket })
      ),
      (taken): STM.STM<Outcome<P>> => {
        // A claim that was found out to be served is.
        const answers = taken.filter((answer): answer is Answer => answer._tag !== "Act")
        const decided = wishes.map(({ pool }, index) => ({ pool, decision: taken[index]! }))
        return answers.some(({ _tag }) => _tag === "Refuse")
          ? STM.map(giveBackAll(wishes, answers), (left): Outcome<P> => ({
            _tag: "Answered",
            answers,
            decided: [...decided, ...left]
          }))
          : STM.succeed({ _tag: "Answered", answers, decided })
      }
    )
  })

/** One was refused, so the others give up their seats. */
const giveBackAll = <P extends Pool>(
  wishes: ReadonlyArray<Wish<P>>,
  answers: ReadonlyArray<Answer>
): STM.STM<ReadonlyArray<Decided<P>>> =>
  STM.map(
    STM.forEach(wishes.map((wish, index) => ({ ...wish, answer: answers[index]! })), (
      { answer, now, pool }
    ): STM.STM<ReadonlyArray<Decided<P>>> => {
      return answer._tag === "Refuse"
        ? STM.succeed([])
        : STM.map(
          pool.allocator.decide({ _tag: "Leave", now, number: answer.number, verdict: { _tag: "Keep" } }),
          (decision) => [{ pool, decision }]
        )
    }),
    (left) => left.flat()
  )

/** What is to be done about a caller's seats, by what its pools are like. */
type Judgement<P> =
  | { readonly _tag: "Gone" }
  | { readonly _tag: "Served" }
  | { readonly _tag: "BeyondCapacity"; readonly group: Group<P> }
  | { readonly _tag: "Waits" }

const judge = <P>(states: ReadonlyMap<P, State>, groups: ReadonlyArray<Group<P>>): Judgement<P> => {
  const all = groups.map((group) => ({ group, state: states.get(group.pool)! }))
  if (!all.every(({ group, state }) => areTaken(state, group.numbers))) return { _tag: "Gone" }
  const tooMany = all.find(({ group, state }) => group.numbers.length > state.rules.maxSize)
  if (tooMany !== undefined) return { _tag: "BeyondCapacity", group: tooMany.group }
  return all.every(({ group: { now, numbers }, state }) => canServe(state, numbers, now))
    ? { _tag: "Served" }
    : { _tag: "Waits" }
}

export interface Gathered<P> {
  readonly decided: ReadonlyArray<Decided<P>>
  /** Pools that have nothing idle, so that nobody who comes later can be served there either, and that are able, so that nobody is to be set free. */
  readonly lacking: ReadonlyArray<P>
}

/** Serves all seats of a caller, if all can be; else sees to it that what is missing is on its way, and that no pool waits for one that is not able. */
export const gather = <P extends Pool>(groups: ReadonlyArray<Group<P>>): STM.STM<Gathered<P>> =>
  STM.flatMap(snapshots(groups.map(({ pool }) => pool)), (states) =>
    STM.map(look(states, groups), (decided) => ({
      decided,
      lacking: groups.map(({ pool }) => pool).filter((pool) => {
        const state = states.get(pool)!
        return isAble(state) && state.idle.places.size === 0
      })
    })))

const look = <P extends Pool>(
  states: ReadonlyMap<P, State>,
  groups: ReadonlyArray<Group<P>>
): STM.STM<ReadonlyArray<Decided<P>>> => {
  const judgement = judge(states, groups)
  const decided = ({ pool }: Group<P>) => (decision: Act): Decided<P> => ({ pool, decision })
  switch (judgement._tag) {
    case "Gone":
      return STM.succeed([])
    case "BeyondCapacity": {
      const { group } = judgement
      const { now, numbers, pool } = group
      return STM.map(pool.allocator.decide({ _tag: "Expel", now, number: numbers[0]! }), (decision) => [
        decided(group)(decision)
      ])
    }
    case "Served":
      return STM.forEach(groups, (group) =>
        STM.map(
          group.pool.allocator.decide({ _tag: "Seat", now: group.now, numbers: group.numbers }),
          decided(group)
        ))
    case "Waits": {
      const isBound = (group: Group<P>) => groups.every((other) => other === group || isAble(states.get(other.pool)!))
      return STM.forEach(
        groups.filter((group) => needsCare(states.get(group.pool)!, group.now, group.numbers, isBound(group))),
        (group) => {
          const { now, numbers, pool } = group
          return STM.map(
            pool.allocator.decide({ _tag: "Bind", now, numbers, isBound: isBound(group) }),
            decided(group)
          )
        }
      )
    }
  }
}
