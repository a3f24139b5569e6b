/**
 * A persistent map from whole numbers to values, in order of the numbers: a 32-way trie.
 *
 * The allocator's lines are kept in it: waiters by ticket, idle connections by place, leases by ticket. Keys mostly grow, old
 * ones leave from the front, some from the middle. Each operation copies one path, of length log₃₂ of the distance
 * between the first and the last key: what has left costs nothing. Keys may go up to 2^53, which is why positions are taken
 * by division and not by shifts.
 */

const WIDTH = 32

/** SPAN[level]: how many keys one child of a node at that level covers. 32^11 is beyond 2^53. */
const SPAN: ReadonlyArray<number> = Array.from({ length: 12 }, (_, level) => WIDTH ** level)

/** A copy of its start is as long as the items of a node will be: one that grows, or a spread, takes half as long again. */
const BLANK: ReadonlyArray<unknown> = Array.from({ length: WIDTH }, () => undefined)

/** Items are values at level 0, nodes above it; the bitmap says which of the 32 places are taken. */
class Node {
  constructor(
    readonly bitmap: number,
    readonly size: number,
    readonly items: ReadonlyArray<unknown>
  ) {}
}

export interface OrderedMap<out V> {
  readonly size: number
  /** @internal */
  readonly root: Node | undefined
  /** @internal The root's level, kept as low as the keys allow. */
  readonly level: number
  /** @internal What all keys have in common above the root. */
  readonly prefix: number
  /** Never set: keeps `V` in the type. */
  readonly _V?: () => V
}

const EMPTY: OrderedMap<never> = { size: 0, root: undefined, level: 0, prefix: 0 }

export const empty = <V>(): OrderedMap<V> => EMPTY

const wrap = <V>(root: Node, level: number, prefix: number): OrderedMap<V> => ({ size: root.size, root, level, prefix })

const placeOf = (key: number, level: number): number => Math.floor(key / SPAN[level]!) % WIDTH

/** How many bits of the bitmap are set below the place. */
const indexOf = (bitmap: number, place: number): number => {
  let n = bitmap & ((1 << place) - 1)
  n -= (n >>> 1) & 0x55555555
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333)
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

const lowestPlace = (bitmap: number): number => 31 - Math.clz32(bitmap & -bitmap)

const highestPlace = (bitmap: number): number => 31 - Math.clz32(bitmap)

const replaced = (items: ReadonlyArray<unknown>, index: number, item: unknown): Array<unknown> => {
  const copy = items.slice()
  copy[index] = item
  return copy
}

const inserted = (items: ReadonlyArray<unknown>, index: number, item: unknown): Array<unknown> => {
  const copy = BLANK.slice(0, items.length + 1)
  for (let i = 0; i < index; i++) copy[i] = items[i]
  copy[index] = item
  for (let i = index; i < items.length; i++) copy[i + 1] = items[i]
  return copy
}

const removed = (items: ReadonlyArray<unknown>, index: number): Array<unknown> => {
  if (index === 0) return items.slice(1)
  const copy = items.slice(0, -1)
  for (let i = index; i < copy.length; i++) copy[i] = items[i + 1]
  return copy
}

const branchTo = (key: number, level: number, value: unknown): Node => {
  let node = new Node(1 << placeOf(key, 0), 1, [value])
  for (let at = 1; at <= level; at++) node = new Node(1 << placeOf(key, at), 1, [node])
  return node
}

const setIn = (node: Node, level: number, key: number, value: unknown): Node => {
  const place = placeOf(key, level)
  const index = indexOf(node.bitmap, place)
  if ((node.bitmap & (1 << place)) === 0) {
    const item = level === 0 ? value : branchTo(key, level - 1, value)
    return new Node(node.bitmap | (1 << place), node.size + 1, inserted(node.items, index, item))
  }
  if (level === 0) return new Node(node.bitmap, node.size, replaced(node.items, index, value))
  const before = node.items[index] as Node
  const after = setIn(before, level - 1, key, value)
  return new Node(node.bitmap, node.size + after.size - before.size, replaced(node.items, index, after))
}

/** The node without the key: the same node where the key is not in it, undefined where nothing is left. */
const removeIn = (node: Node, level: number, key: number): Node | undefined => {
  const place = placeOf(key, level)
  if ((node.bitmap & (1 << place)) === 0) return node
  const index = indexOf(node.bitmap, place)
  if (level > 0) {
    const before = node.items[index] as Node
    const after = removeIn(before, level - 1, key)
    if (after === before) return node
    if (after !== undefined) return new Node(node.bitmap, node.size - 1, replaced(node.items, index, after))
  }
  return node.items.length === 1
    ? undefined
    : new Node(node.bitmap & ~(1 << place), node.size - 1, removed(node.items, index))
}

const covers = (self: OrderedMap<unknown>, key: number): boolean =>
  Math.floor(key / SPAN[self.level + 1]!) === self.prefix

export const set = <V>(self: OrderedMap<V>, key: number, value: V): OrderedMap<V> => {
  if (self.root === undefined) return wrap(branchTo(key, 0, value), 0, Math.floor(key / WIDTH))
  let { level, prefix, root } = self
  while (Math.floor(key / SPAN[level + 1]!) !== prefix) {
    root = new Node(1 << (prefix % WIDTH), root.size, [root])
    prefix = Math.floor(prefix / WIDTH)
    level++
  }
  return wrap(setIn(root, level, key, value), level, prefix)
}

export const remove = <V>(self: OrderedMap<V>, key: number): OrderedMap<V> => {
  if (self.root === undefined || !covers(self, key)) return self
  let root = removeIn(self.root, self.level, key)
  if (root === self.root) return self
  if (root === undefined) return EMPTY
  let { level, prefix } = self
  while (level > 0 && root.items.length === 1) {
    prefix = prefix * WIDTH + lowestPlace(root.bitmap)
    root = root.items[0] as Node
    level--
  }
  return wrap(root, level, prefix)
}

export const get = <V>(self: OrderedMap<V>, key: number): V | undefined => {
  if (self.root === undefined || !covers(self, key)) return undefined
  let item: unknown = self.root
  let level = self.level
  do {
    const { bitmap, items } = item as Node
    const place = placeOf(key, level)
    if ((bitmap & (1 << place)) === 0) return undefined
    item = items[indexOf(bitmap, place)]
  } while (level-- > 0)
  return item as V
}

export const has = (self: OrderedMap<unknown>, key: number): boolean => get(self, key) !== undefined

const end = <V>(
  self: Pick<OrderedMap<V>, "root" | "level">,
  pick: (items: ReadonlyArray<unknown>) => unknown
): V | undefined => {
  if (self.root === undefined) return undefined
  let item: unknown = self.root
  for (let level = self.level; level >= 0; level--) item = pick((item as Node).items)
  return item as V
}

const firstOf = (items: ReadonlyArray<unknown>): unknown => items[0]
const lastOf = (items: ReadonlyArray<unknown>): unknown => items[items.length - 1]

/** The value of the lowest key. */
export const first = <V>(self: OrderedMap<V>): V | undefined => end(self, firstOf)

/** The value of the highest key. */
export const last = <V>(self: OrderedMap<V>): V | undefined => end(self, lastOf)

const endKey = (
  self: OrderedMap<unknown>,
  pick: (items: ReadonlyArray<unknown>) => unknown,
  place: (bitmap: number) => number
): number | undefined => {
  if (self.root === undefined) return undefined
  let node = self.root
  let key = self.prefix
  for (let level = self.level;; level--) {
    key = key * WIDTH + place(node.bitmap)
    if (level === 0) break
    node = pick(node.items) as Node
  }
  return key
}

export const firstKey = (self: OrderedMap<unknown>): number | undefined => endKey(self, firstOf, lowestPlace)

export const lastKey = (self: OrderedMap<unknown>): number | undefined => endKey(self, lastOf, highestPlace)

/** How many keys are lower than this one. */
export const rank = (self: OrderedMap<unknown>, key: number): number => {
  if (self.root === undefined) return 0
  if (!covers(self, key)) return Math.floor(key / SPAN[self.level + 1]!) < self.prefix ? 0 : self.size
  let node = self.root
  let before = 0
  for (let level = self.level; level > 0; level--) {
    const place = placeOf(key, level)
    const index = indexOf(node.bitmap, place)
    for (let i = 0; i < index; i++) before += (node.items[i] as Node).size
    if ((node.bitmap & (1 << place)) === 0) return before
    node = node.items[index] as Node
  }
  return before + indexOf(node.bitmap, placeOf(key, 0))
}

/** How many values from the first on pass the test, if none passes it that comes after one that does not. */
export const countWhile = <V>(self: OrderedMap<V>, test: (value: V) => boolean): number => {
  let node = self.root
  let before = 0
  for (let level = self.level; node !== undefined && level > 0; level--) {
    let next: Node | undefined = undefined
    for (const child of node.items as ReadonlyArray<Node>) {
      if (!test(end({ root: child, level: level - 1 }, lastOf) as V)) {
        next = child
        break
      }
      before += child.size
    }
    node = next
  }
  const index = node === undefined ? 0 : (node.items as ReadonlyArray<V>).findIndex((value) => !test(value))
  return node === undefined ? before : before + (index < 0 ? node.items.length : index)
}

const collect = (node: Node, level: number, into: Array<unknown>): void => {
  for (const item of node.items) {
    if (level === 0) into.push(item)
    else collect(item as Node, level - 1, into)
  }
}

/** All values, lowest key first. */
export const values = <V>(self: OrderedMap<V>): Array<V> => {
  const all: Array<unknown> = []
  if (self.root !== undefined) collect(self.root, self.level, all)
  return all as Array<V>
}

const someIn = (node: Node, level: number, test: (value: any) => boolean): boolean => {
  for (const item of node.items) {
    if (level === 0 ? test(item) : someIn(item as Node, level - 1, test)) return true
  }
  return false
}

const findIn = (node: Node, level: number, prefix: number, test: (value: any) => boolean): number | undefined => {
  for (let place = 0, index = 0; index < node.items.length; place++) {
    if ((node.bitmap & (1 << place)) === 0) continue
    const item = node.items[index++]
    const key = prefix * WIDTH + place
    if (level > 0) {
      const found = findIn(item as Node, level - 1, key, test)
      if (found !== undefined) return found
    } else if (test(item)) {
      return key
    }
  }
  return undefined
}

/** The lowest key whose value passes the test. */
export const findKey = <V>(self: OrderedMap<V>, test: (value: V) => boolean): number | undefined =>
  self.root === undefined ? undefined : findIn(self.root, self.level, self.prefix, test)

/** Whether a value passes the test. */
export const some = <V>(self: OrderedMap<V>, test: (value: V) => boolean): boolean =>
  self.root !== undefined && someIn(self.root, self.level, test)

const mapIn = (node: Node, level: number, change: (value: any) => unknown): Node =>
  new Node(
    node.bitmap,
    node.size,
    node.items.map((item) => level === 0 ? change(item) : mapIn(item as Node, level - 1, change))
  )

/** The same keys with other values. */
export const map = <V, W>(self: OrderedMap<V>, change: (value: V) => W): OrderedMap<W> =>
  self.root === undefined ? EMPTY : wrap(mapIn(self.root, self.level, change), self.level, self.prefix)

const collectKeys = (node: Node, level: number, prefix: number, into: Array<number>): void => {
  for (let place = 0, index = 0; index < node.items.length; place++) {
    if ((node.bitmap & (1 << place)) === 0) continue
    const key = prefix * WIDTH + place
    if (level === 0) into.push(key)
    else collectKeys(node.items[index] as Node, level - 1, key, into)
    index++
  }
}

/** All keys, lowest first. */
export const keys = (self: OrderedMap<unknown>): Array<number> => {
  const all: Array<number> = []
  if (self.root !== undefined) collectKeys(self.root, self.level, self.prefix, all)
  return all
}
