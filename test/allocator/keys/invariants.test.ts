import { describe, expect, it } from "@effect/vitest"
import { brokenByKeys, keysInvariants } from "../../../packages/core/src/allocator/keys/invariants.js"
import type { Key, Keys } from "../../../packages/core/src/allocator/keys/state.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import * as State from "../../../packages/core/src/allocator/state.js"
import { KeysBench } from "./bench.js"

/** Key 0 has a connection in use, key 1 an idle one, and there are no more permits. */
const busy = (): KeysBench => {
  const bench = new KeysBench({ maxTotal: 2 }, { maxSize: 1 })
  bench.take(0)
  bench.endAll()
  const caller = bench.take(1)!
  bench.endAll()
  bench.leave(caller)
  expect(bench.broken).toEqual([])
  return bench
}

/** The same, in use both, and keys 2 and 3 need a connection. */
const hungry = (): KeysBench => {
  const bench = busy()
  bench.take(1)
  bench.take(2)
  bench.take(3)
  expect(bench.keys.hungry.size).toBe(2)
  return bench
}

const change = (keys: Keys, id: number, change: (key: Key) => Partial<Key>): Keys => {
  const key = OrderedMap.get(keys.all, id)!
  return { ...keys, all: OrderedMap.set(keys.all, id, { ...key, ...change(key) }) }
}

/** What is wrong with it once it is changed: it was well before. */
const broken = (bench: KeysBench, spoil: (keys: Keys) => Keys): ReadonlyArray<string> => {
  expect(brokenByKeys(bench.keys, bench.now)).toEqual([])
  return brokenByKeys(spoil(bench.keys), bench.now)
}

describe("invariant 19, no more permits are spent than there are, and all are counted,", () => {
  it("is broken where more are spent than maxTotal", () => {
    expect(broken(busy(), (keys) => ({ ...keys, rules: { ...keys.rules, maxTotal: 1 } }))).toEqual([
      "invariant 19: 2 permits of 1 are spent"
    ])
  })

  it("is broken where what is kept is not what is there", () => {
    expect(broken(busy(), (keys) => ({ ...keys, spent: 1 }))).toEqual(["invariant 19: 2 are spent, and 1 are counted"])
    expect(broken(busy(), (keys) => ({ ...keys, idle: 0 }))).toEqual(["invariant 19: 1 are idle, and 0 are counted"])
    expect(broken(busy(), (keys) => ({ ...keys, coming: 1 }))).toEqual([
      "invariant 19: 0 are coming, and 1 are counted"
    ])
  })

  it("is broken where a key that has a permit is not known to", () => {
    expect(broken(busy(), (keys) => ({ ...keys, busy: OrderedMap.remove(keys.busy, 0) }))).toEqual([
      "invariant 19: a key is busy and not known as such, or is not"
    ])
  })
})

describe("invariant 20, no key needs a permit while one is free or could be,", () => {
  it("is broken where one is free", () => {
    expect(broken(hungry(), (keys) => ({ ...keys, rules: { ...keys.rules, maxTotal: 3 } }))).toEqual([
      "invariant 20: key 2 needs a permit, and one is free"
    ])
  })

  it("is broken where a connection of another key is idle", () => {
    // It is as if it had come back and stayed.
    const idle = OrderedMap.get(busy().keys.all, 1)!.state
    expect(broken(hungry(), (keys) => ({ ...change(keys, 1, () => ({ state: idle })), idle: 1 }))).toEqual([
      "invariant 20: key 2 needs a permit, and a connection of key 1 is idle"
    ])
  })

  it("is broken where a key needs one and is not known to, or is counted and needs none", () => {
    expect(broken(hungry(), (keys) => change(keys, 2, () => ({ hunger: undefined })))).toEqual([
      "invariant 20: key 2 needs a permit, and nobody knows",
      "invariant 21: key 2 is next, and not key 3"
    ])
    expect(broken(hungry(), (keys) => ({ ...keys, hungry: { ...keys.hungry, size: 3 } }))).toEqual([
      "invariant 20: 2 keys need a permit, and 3 are counted"
    ])
  })

  it("lets a key back off", () => {
    const bench = new KeysBench({ maxTotal: 1 }, { whenDown: "wait" })
    bench.take(0)
    bench.end(bench.running[0]!, false)
    bench.endAll()
    expect(bench.keys.hungry.size).toBe(0)
    expect(bench.broken).toEqual([])
  })
})

describe("invariant 21, the fewest connections and the longest wait come first,", () => {
  it("is broken where a key is taken to have other connections than it has", () => {
    expect(broken(hungry(), (keys) => change(keys, 2, ({ hunger }) => ({ hunger: { ...hunger!, live: 3 } })))).toEqual([
      "invariant 21: key 2 is taken to have 3 connections"
    ])
  })

  it("is broken where another is next", () => {
    expect(broken(hungry(), (keys) => change(keys, 2, ({ hunger }) => ({ hunger: { ...hunger!, turn: 99 } })))).toEqual(
      [
        "invariant 21: key 2 is next, and not key 3"
      ]
    )
    expect(
      broken(hungry(), (keys) => ({ ...keys, hungry: { ...keys.hungry, lines: OrderedMap.empty() } }))
    ).toEqual(["invariant 21: key undefined is next, and not key 2"])
  })
})

describe("invariant 22, nothing is kept of a key that is over,", () => {
  const rested = (): KeysBench => {
    const bench = busy()
    bench.add(7)
    return bench
  }

  it("is broken where it is not known whether a key rests", () => {
    expect(broken(busy(), (keys) => change(keys, 0, () => ({ restsSince: 3 })))).toEqual([
      "invariant 22: whether key 0 rests is not known"
    ])
    expect(broken(rested(), (keys) => change(keys, 7, () => ({ restsSince: Infinity })))).toEqual([
      "invariant 22: whether key 7 rests is not known"
    ])
  })

  it("is broken where a key is kept that is forgotten, or closed", () => {
    const kept = ["invariant 22: key 7 is kept though nothing is left of it"]
    expect(broken(rested(), (keys) => change(keys, 7, () => ({ isForgotten: true })))).toEqual(kept)
    expect(
      broken(
        rested(),
        (keys) => change(keys, 7, ({ state }) => ({ state: State.withPhase(state, { _tag: "Closed" }) }))
      )
    ).toEqual(kept)
  })

  it("is broken where a pool that ends has no keys, and has not ended", () => {
    expect(broken(new KeysBench(), (keys) => ({ ...keys, phase: { _tag: "Closing", tickets: [] } }))).toEqual([
      "invariant 22: a pool without keys has not ended"
    ])
  })
})

it("each is a sentence with a number of its own", () => {
  expect(keysInvariants.map(({ number }) => number)).toEqual([19, 20, 21, 22])
  for (const { sentence } of keysInvariants) expect(sentence).toMatch(/^[a-z].*[^.]$/)
})
