import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { isDeepStrictEqual } from "node:util"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"

type Operation =
  | { readonly _tag: "Set"; readonly key: number; readonly value: string }
  | { readonly _tag: "Remove"; readonly key: number }

const near = (base: number, span: number) => fc.nat({ max: span }).map((offset) => base + offset)

const near2to53 = fc.nat({ max: 2_000 }).map((offset) => Number.MAX_SAFE_INTEGER - offset)

/** Keys that meet each other, and keys that are far apart. */
const keysOf = {
  "dense": near(0, 70),
  "around the width of a node": near(1_000, 80),
  "sparse": fc.nat({ max: 2 ** 30 }),
  "beyond 32 bits": near(2 ** 32 - 40, 80),
  "across the last levels": fc.integer({ min: 0, max: 53 }).map((bits) => Math.min(2 ** bits, Number.MAX_SAFE_INTEGER)),
  "near 2^53": near2to53,
  "of every size": fc.oneof(near(0, 40), near(2 ** 20, 40), near(2 ** 32, 40), near(2 ** 47, 40), near2to53)
} satisfies Record<string, fc.Arbitrary<number>>

const operationsOn = (key: fc.Arbitrary<number>): fc.Arbitrary<ReadonlyArray<Operation>> =>
  fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ _tag: fc.constant("Set" as const), key, value: fc.string({ maxLength: 3 }) })
      },
      { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Remove" as const), key }) }
    ),
    { maxLength: 120, size: "max" }
  )

const apply = (self: OrderedMap.OrderedMap<string>, operation: Operation): OrderedMap.OrderedMap<string> =>
  operation._tag === "Set"
    ? OrderedMap.set(self, operation.key, operation.value)
    : OrderedMap.remove(self, operation.key)

const applyPlain = (self: ReadonlyMap<number, string>, operation: Operation): ReadonlyMap<number, string> => {
  const copy = new Map(self)
  if (operation._tag === "Set") copy.set(operation.key, operation.value)
  else copy.delete(operation.key)
  return copy
}

/** All that can be asked of a map, in two ways. */
const seen = (self: OrderedMap.OrderedMap<string>, probes: ReadonlyArray<number>) => ({
  size: self.size,
  keys: OrderedMap.keys(self),
  values: OrderedMap.values(self),
  firstKey: OrderedMap.firstKey(self),
  lastKey: OrderedMap.lastKey(self),
  first: OrderedMap.first(self),
  last: OrderedMap.last(self),
  got: probes.map((key) => OrderedMap.get(self, key)),
  has: probes.map((key) => OrderedMap.has(self, key)),
  rank: probes.map((key) => OrderedMap.rank(self, key)),
  some: probes.map((key) => OrderedMap.some(self, (value) => value === OrderedMap.get(self, key))),
  // In the order of the keys, so that a test which holds up to a key holds for a beginning.
  countWhile: probes.map((key) => OrderedMap.countWhile(OrderedMap.map(self, at(self)), (other) => other < key)),
  mapped: OrderedMap.values(OrderedMap.map(self, (value) => `${value}!`)),
  mappedKeys: OrderedMap.keys(OrderedMap.map(self, (value) => `${value}!`))
})

/** Each key, in the order in which `map` visits the values. */
const at = (self: OrderedMap.OrderedMap<string>) => {
  const keys = OrderedMap.keys(self)
  let index = 0
  return () => keys[index++]!
}

const seenPlain = (self: ReadonlyMap<number, string>, probes: ReadonlyArray<number>): ReturnType<typeof seen> => {
  const keys = [...self.keys()].sort((a, b) => a - b)
  const values = keys.map((key) => self.get(key)!)
  return {
    size: self.size,
    keys,
    values,
    firstKey: keys[0],
    lastKey: keys.at(-1),
    first: values[0],
    last: values.at(-1),
    got: probes.map((key) => self.get(key)),
    has: probes.map((key) => self.has(key)),
    rank: probes.map((key) => keys.filter((other) => other < key).length),
    some: probes.map((key) => values.includes(self.get(key)!)),
    countWhile: probes.map((key) => keys.filter((other) => other < key).length),
    mapped: values.map((value) => `${value}!`),
    mappedKeys: keys
  }
}

/** `expect` explains a difference well, but is too slow to be asked each time. */
const agree = (actual: unknown, expected: unknown) => {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected)
}

describe("OrderedMap", () => {
  for (const [name, key] of Object.entries(keysOf)) {
    it(`is a map in the order of its keys, where they are ${name}, and its old versions stay as they were`, () => {
      fc.assert(
        fc.property(operationsOn(key), fc.array(key, { maxLength: 8 }), (operations, strangers) => {
          const probes = [...strangers, ...operations.slice(0, 8).map((operation) => operation.key)]
          const versions = [{ self: OrderedMap.empty<string>(), plain: new Map() as ReadonlyMap<number, string> }]
          for (const operation of operations) {
            const { plain, self } = versions.at(-1)!
            versions.push({ self: apply(self, operation), plain: applyPlain(plain, operation) })
          }
          for (const { plain, self } of versions) agree(seen(self, probes), seenPlain(plain, probes))
        }),
        { numRuns: 25 }
      )
    })
  }

  it("is as deep as its keys need, whatever it held before", () => {
    const fresh = (map: OrderedMap.OrderedMap<string>) =>
      OrderedMap.keys(map).reduce(
        (fresh, key) => OrderedMap.set(fresh, key, OrderedMap.get(map, key)!),
        OrderedMap.empty<string>()
      )
    fc.assert(
      fc.property(operationsOn(keysOf["of every size"]), (operations) => {
        const map = operations.reduce(apply, OrderedMap.empty<string>())
        expect(map).toEqual(fresh(map))
      }),
      { numRuns: 50 }
    )
  })

  it("is as shallow as before when a key that is far away has left", () => {
    const near = OrderedMap.set(OrderedMap.set(OrderedMap.empty<string>(), 5, "a"), 40, "b")
    const both = OrderedMap.set(near, 2 ** 40, "c")
    expect(both).not.toEqual(near)
    expect(OrderedMap.remove(both, 2 ** 40)).toEqual(near)
    expect(OrderedMap.remove(OrderedMap.remove(both, 5), 40)).toEqual(OrderedMap.set(OrderedMap.empty(), 2 ** 40, "c"))
  })

  it("slides for ever", () => {
    for (const width of [1, 32, 33, 1_024]) {
      for (const at of [0, 2 ** 40 - 1_500]) {
        let window = OrderedMap.empty<number>()
        for (let key = at; key < at + 3_000; key++) {
          window = OrderedMap.remove(OrderedMap.set(window, key, key), key - width)
        }
        const expected = Array.from({ length: width }, (_, index) => at + 3_000 - width + index)
        expect(OrderedMap.keys(window)).toEqual(expected)
        expect(OrderedMap.values(window)).toEqual(expected)
        expect(OrderedMap.firstKey(window)).toBe(expected[0])
        expect(OrderedMap.lastKey(window)).toBe(expected.at(-1))
      }
    }
  })

  it("is the same map where nothing was removed", () => {
    fc.assert(
      fc.property(operationsOn(keysOf["of every size"]), keysOf["of every size"], (operations, key) => {
        const map = operations.reduce(apply, OrderedMap.empty<string>())
        fc.pre(!OrderedMap.has(map, key))
        expect(OrderedMap.remove(map, key)).toBe(map)
      }),
      { numRuns: 50 }
    )
  })

  it("ranks a key that is not in it where it would be", () => {
    const map = [10, 40, 2 ** 33].reduce((map, key) => OrderedMap.set(map, key, key), OrderedMap.empty<number>())
    expect([0, 10, 11, 40, 41, 2 ** 33, 2 ** 40].map((key) => OrderedMap.rank(map, key))).toEqual([0, 0, 1, 1, 2, 2, 3])
    expect(OrderedMap.rank(map, 2_000), "between two nodes").toBe(2)
    expect(OrderedMap.rank(OrderedMap.remove(OrderedMap.remove(map, 10), 40), 5), "below all of them").toBe(0)
  })

  it("finds the lowest key whose value passes a test, where there is one", () => {
    const map = [3, 40, 2_000].reduce((map, key) => OrderedMap.set(map, key, key), OrderedMap.empty<number>())
    expect(OrderedMap.findKey(map, (value) => value > 3)).toBe(40)
    expect(OrderedMap.findKey(map, (value) => value > 2_000)).toBe(undefined)
    expect(OrderedMap.findKey(OrderedMap.empty<number>(), () => true)).toBe(undefined)
  })

  it("has nothing to show when it is empty", () => {
    const map = OrderedMap.remove(OrderedMap.set(OrderedMap.empty<string>(), 5, "a"), 5)
    expect(seen(map, [5])).toEqual(seenPlain(new Map(), [5]))
    expect(map).toBe(OrderedMap.empty())
  })
})
