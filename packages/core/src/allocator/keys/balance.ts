/**
 * Brings the permits that all keys have in common to those that need them, at the end of every transaction of a keyed pool.
 *
 * A free one goes to who is next. Where none is free, the connection ends that is idle for longest, of all keys: nobody waits for it. A key whose
 * callers wait keeps what it has for a second; after that one of its connections ends when it comes back, if this makes the shares more even. So two
 * busy keys do not open anew for each caller, and the one does not starve the other.
 */
import type { Input, Work } from "../decision.js"
import * as OrderedMap from "../OrderedMap.js"
import { leavingCount } from "../shared.js"
import type { State } from "../state.js"
import { liveCount, spentCount, withUpkeep } from "../state.js"
import { transition } from "../transition.js"
import * as WaitQueue from "../WaitQueue.js"
import * as Hungry from "./Hungry.js"
import { dropIfOver, restDue } from "./resting.js"
import type { Key, Keys } from "./state.js"
import { put } from "./state.js"

/** How long a key with waiters keeps its connections after another began to need one, in milliseconds. */
export const HOLD = 1_000

/** Whether one connection more for who is hungry, and one fewer for a key with so many, makes the shares more even; or who is hungry has none. */
const isFairer = (live: number, hunger: Hungry.Hunger): boolean => hunger.live === 0 || live - hunger.live >= 2

/** Whether a connection of a key is to end when it comes back, though others wait for it. */
export const isToCede = (keys: Keys, key: Key, now: number): boolean => {
  const next = Hungry.nextBut(keys.hungry, key.id, keys.coming)
  return next !== undefined && now - next.hunger.since >= HOLD &&
    isFairer(liveCount(key.state) - leavingCount(key.state), next.hunger)
}

const withQuota = (state: State, quota: number): State =>
  state.upkeep.quota === quota ? state : withUpkeep(state, { quota })

/** How many permits a key may spend in a transition of its own: what is free, unless somebody waits for that. */
const quotaOf = (keys: Keys, key: Key, now: number): number => {
  const { state } = key
  if (keys.hungry.size > 0) return liveCount(state) - (isToCede(keys, key, now) ? 1 : 0)
  const spent = spentCount(state)
  const free = keys.rules.maxTotal - keys.spent
  return spent + free >= state.rules.maxSize ? Infinity : spent + free
}

/** A key's state, with what it may spend in a transition. */
export const allotted = (keys: Keys, key: Key, now: number): State => withQuota(key.state, quotaOf(keys, key, now))

/** One key's transition, as part of another's. */
export const step = (
  before: Keys,
  key: Key,
  state: State,
  input: Exclude<Input, { _tag: "Take" | "Claim" }>,
  work: Array<Work>
): Keys => {
  const { id } = key
  const [decision, after] = transition(state, input)
  const keys = put(before, key, after, input.now)
  const due = Math.min(decision.due, restDue(keys, id))
  if (decision.work.length > 0 || due < Infinity) {
    work.push({ _tag: "Elsewhere", key: id, work: decision.work, due })
  }
  return dropIfOver(keys, id, input.now, work)
}

/** The key whose idle connection is idle for longest, of those that nobody waits for. */
const longestIdle = (keys: Keys): Key | undefined => {
  if (keys.idle === 0) return undefined
  let longest: Key | undefined = undefined
  let since = Infinity
  for (const id of OrderedMap.keys(keys.busy)) {
    const key = OrderedMap.get(keys.all, id)!
    const idle = OrderedMap.first(key.state.idle.places)
    if (idle !== undefined && idle.idleSince < since && WaitQueue.size(key.state.queue) === 0) {
      longest = key
      since = idle.idleSince
    }
  }
  return longest
}

/** Of those that share connections, which might never be empty by themselves, the one that has the most and is to give one up. */
const mostShared = (keys: Keys, now: number): Key | undefined =>
  OrderedMap.keys(keys.busy)
    .map((id) => OrderedMap.get(keys.all, id)!)
    .filter((key) => key.state.shared.size > leavingCount(key.state) && isToCede(keys, key, now))
    .reduce<Key | undefined>(
      (most, key) => most === undefined || liveCount(key.state) > liveCount(most.state) ? key : most,
      undefined
    )

export const balance = (before: Keys, now: number, work: Array<Work>): Keys => {
  let keys = before
  for (let next = Hungry.first(keys.hungry); next !== undefined; next = Hungry.first(keys.hungry)) {
    if (keys.spent < keys.rules.maxTotal) {
      const key = OrderedMap.get(keys.all, next.id)!
      const state = withQuota(key.state, spentCount(key.state) + 1)
      keys = step(keys, key, state, { _tag: "Tick", now }, work)
      continue
    }
    if (keys.coming >= keys.hungry.size) return keys
    const key = longestIdle(keys) ?? mostShared(keys, now)
    if (key === undefined) return keys
    keys = step(keys, key, withQuota(key.state, liveCount(key.state)), { _tag: "Cede", now }, work)
  }
  return keys
}
