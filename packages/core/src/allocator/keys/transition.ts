/** A keyed pool as one pure function: the transition of one of its keys, and what follows from it for the others. */
import type { Rules } from "../../model/settings.js"
import type { Act, Decision, DecisionOf, Input, Refuse, Work } from "../decision.js"
import { nothing } from "../decision.js"
import * as OrderedMap from "../OrderedMap.js"
import type { State } from "../state.js"
import * as State_ from "../state.js"
import { Ticket } from "../Ticket.js"
import { transition } from "../transition.js"
import { allotted, balance, step } from "./balance.js"
import { dropIfOver, restDue } from "./resting.js"
import type { Key, Keys } from "./state.js"
import { put } from "./state.js"

/** A pool that ends is closed when its last key is gone. */
const endIfEmpty = (keys: Keys, work: Array<Work>): Keys => {
  const { phase } = keys
  if (phase._tag === "Running" || phase._tag === "Closed" || keys.all.size > 0) return keys
  work.push({ _tag: "Over" })
  for (const ticket of phase.tickets) work.push({ _tag: "Finish", ticket })
  return { ...keys, phase: { _tag: "Closed" } }
}

/** What a decision comes with: its own work, and that of other keys. All of a commit has one number. */
const conclude = <D extends Exclude<Decision, { _tag: "Reuse" }>>(
  keys: Keys,
  decision: D,
  others: ReadonlyArray<Work>,
  due: number
): readonly [D | Act, Keys] => {
  const work = others.length === 0 ? decision.work : [...decision.work, ...others]
  if (work.length === 0 && due === Infinity && decision._tag === "Act") return [nothing, keys]
  return [
    { ...decision, work, order: keys.decided, due },
    work.length === 0 ? keys : { ...keys, decided: keys.decided + 1 }
  ]
}

/** A key's answer where there is no such key any more, or the pool is closed. */
const absent = (keys: Keys, input: Input): Act | Refuse =>
  input._tag === "Take"
    ? {
      _tag: "Refuse",
      denial: keys.phase._tag === "Running" ? { _tag: "Forgotten" } : { _tag: "Closed" },
      work: [],
      order: -1,
      due: Infinity
    }
    : nothing

export const transitionOf: <I extends Input>(keys: Keys, id: number, input: I) => readonly [DecisionOf<I>, Keys] = (
  before: Keys,
  id: number,
  input: Input
): readonly [any, Keys] => {
  const key = OrderedMap.get(before.all, id)
  if (key === undefined) return [absent(before, input), before]
  const { now } = input
  const [decision, state] = transition(allotted(before, key, now), input)
  const after = put(before, key, state, now)
  // It took what was idle, so there is no more of anything than before.
  if (decision._tag === "Reuse") return [decision, after]
  const others: Array<Work> = []
  const keys = endIfEmpty(dropIfOver(balance(after, now, others), id, now, others), others)
  return conclude(keys, decision, others, Math.min(decision.due, restDue(keys, id)))
}

/** There is one more key. Not where the pool takes no new ones. */
export const add = (keys: Keys, id: number, rules: Rules, now: number): readonly [Act | undefined, Keys] => {
  if (keys.phase._tag !== "Running") return [undefined, keys]
  const state: State = State_.initial(rules)
  const key: Key = { id, state, restsSince: now, isForgotten: false, hunger: undefined }
  const after: Keys = { ...keys, all: OrderedMap.set(keys.all, id, key) }
  return conclude(after, nothing, [], restDue(after, id))
}

/** Its connections end, leased ones when they come back, and it goes as soon as it rests. Who asks meanwhile is served. */
export const forget = (keys: Keys, id: number, now: number): readonly [Act, Keys] => {
  const key = OrderedMap.get(keys.all, id)
  if (key === undefined) return [nothing, keys]
  const forgotten = { ...keys, all: OrderedMap.set(keys.all, id, { ...key, isForgotten: true }) }
  const [decision, after] = transitionOf(forgotten, id, { _tag: "Clear", now, abortLeases: false })
  // A key that closes goes anyway.
  return [{ ...decision, _tag: "Act" }, after]
}

/** Ends every key: it takes nobody else, and serves who waits, or nobody. The ticket waits until all are gone, until its deadline. */
export const end = (
  before: Keys,
  how: "Drain" | "Shutdown",
  now: number,
  ticket: Ticket
): readonly [Act, Keys] => {
  const work: Array<Work> = []
  const { phase } = before
  if (phase._tag === "Closed") return conclude(before, nothing, [{ _tag: "Finish", ticket }], Infinity)
  const tickets = phase._tag === "Running" ? [ticket] : [...phase.tickets, ticket]
  const _tag = how === "Shutdown" || phase._tag === "Closing" ? "Closing" : "Draining"
  let keys: Keys = { ...before, phase: { _tag, tickets } }
  for (const id of OrderedMap.keys(before.all)) {
    const key = OrderedMap.get(keys.all, id)!
    // Nobody listens: the pool's own ticket is told when all are gone.
    const input = { _tag: how, now, ticket: new Ticket(now, ticket.deadline) } as const
    keys = step(keys, key, allotted(keys, key, now), input, work)
  }
  return conclude(endIfEmpty(balance(keys, now, work), work), nothing, work, Infinity)
}
