/** What a keyed pool promises of all its keys together, each as a sentence and a check on the state that a commit has left. */
import type { Invariant } from "../invariants.js"
import * as OrderedMap from "../OrderedMap.js"
import { lacksPermit } from "../settle.js"
import { liveCount } from "../state.js"
import * as WaitQueue from "../WaitQueue.js"
import type { Key, Keys, Tally } from "./state.js"
import { isAtRest, tallyOf } from "./state.js"

type KeysInvariant = Omit<Invariant, "broken"> & {
  readonly broken: (keys: Keys, now: number) => string | undefined
}

const keysOf = ({ all }: Keys): ReadonlyArray<Key> => OrderedMap.values(all)

const counted: KeysInvariant = {
  number: 19,
  sentence: "all keys together spend at most maxTotal permits, and what is kept of them all is what they have",
  broken: (keys) => {
    const sum = keysOf(keys).map(({ state }) => tallyOf(state)).reduce<Tally>(
      (a, b) => ({ spent: a.spent + b.spent, idle: a.idle + b.idle, coming: a.coming + b.coming }),
      { spent: 0, idle: 0, coming: 0 }
    )
    if (sum.spent > keys.rules.maxTotal) return `${sum.spent} permits of ${keys.rules.maxTotal} are spent`
    for (const what of ["spent", "idle", "coming"] as const) {
      if (sum[what] !== keys[what]) return `${sum[what]} are ${what}, and ${keys[what]} are counted`
    }
    const busy = keysOf(keys).filter(({ state }) => tallyOf(state).spent > 0).map(({ id }) => id)
    return OrderedMap.keys(keys.busy).join() === busy.join()
      ? undefined
      : "a key is busy and not known as such, or is not"
  }
}

const nobodyForgotten: KeysInvariant = {
  number: 20,
  sentence: "no key needs a permit while one is free, or while one could come from a connection that is idle",
  broken: (keys, now) => {
    const needing = keysOf(keys).filter(({ hunger, state }) => hunger !== undefined && lacksPermit(state, now))
    const unknown = keysOf(keys).find(({ hunger, state }) =>
      hunger === undefined && lacksPermit(state, now) &&
      state.upkeep.notBefore === 0
    )
    if (unknown !== undefined) return `key ${unknown.id} needs a permit, and nobody knows`
    if (needing.length !== keys.hungry.size) {
      return `${needing.length} keys need a permit, and ${keys.hungry.size} are counted`
    }
    if (needing.length === 0) return undefined
    if (keys.spent < keys.rules.maxTotal) return `key ${needing[0]!.id} needs a permit, and one is free`
    const idle = keysOf(keys).find(({ state }) => state.idle.places.size > 0 && WaitQueue.size(state.queue) === 0)
    return idle !== undefined && keys.coming < needing.length
      ? `key ${needing[0]!.id} needs a permit, and a connection of key ${idle.id} is idle`
      : undefined
  }
}

const inOrder: KeysInvariant = {
  number: 21,
  sentence:
    "of the keys that need a permit, the one with the fewest connections is next, and of equals who waits the longest",
  broken: (keys) => {
    const hungry = keysOf(keys).flatMap(({ hunger, id, state }) => hunger === undefined ? [] : [{ hunger, id, state }])
    const wrong = hungry.find(({ hunger, state }) => hunger.live !== liveCount(state))
    if (wrong !== undefined) return `key ${wrong.id} is taken to have ${wrong.hunger.live} connections`
    const line = OrderedMap.first(keys.hungry.lines)
    const next = line === undefined ? undefined : OrderedMap.first(line)
    const best = hungry.reduce<typeof hungry[number] | undefined>(
      (a, b) =>
        a === undefined || b.hunger.live < a.hunger.live ||
          (b.hunger.live === a.hunger.live && b.hunger.turn < a.hunger.turn)
          ? b
          : a,
      undefined
    )
    return next?.id === best?.id ? undefined : `key ${next?.id} is next, and not key ${best?.id}`
  }
}

const nothingKept: KeysInvariant = {
  number: 22,
  sentence:
    "nothing is kept of a key that is forgotten or closed and rests, and a pool that ends is closed when its last key is gone",
  broken: (keys) => {
    const wrong = keysOf(keys).find((key) => (key.restsSince < Infinity) !== isAtRest(key.state))
    if (wrong !== undefined) return `whether key ${wrong.id} rests is not known`
    const kept = keysOf(keys).find(({ isForgotten, state }) =>
      isAtRest(state) && (isForgotten || state.phase._tag === "Closed")
    )
    if (kept !== undefined) return `key ${kept.id} is kept though nothing is left of it`
    return keys.phase._tag !== "Running" && keys.phase._tag !== "Closed" && keys.all.size === 0
      ? "a pool without keys has not ended"
      : undefined
  }
}

export const keysInvariants: ReadonlyArray<KeysInvariant> = [counted, nobodyForgotten, inOrder, nothingKept]

/** Everything that is wrong with the state of a keyed pool, but for what is wrong with one of its keys. */
export const brokenByKeys = (keys: Keys, now: number): ReadonlyArray<string> =>
  keysInvariants.flatMap(({ broken, number }) => {
    const problem = broken(keys, now)
    return problem === undefined ? [] : [`invariant ${number}: ${problem}`]
  })
