import type { Statement } from "./text.js"

/** What the driver can bind. It ends the process over a boolean, and over an object that stands alone. */
export type Bound = null | string | number | bigint | Uint8Array

const smallest = -(2n ** 63n)
const largest = 2n ** 63n - 1n

/** A value, or why it cannot be bound: the rest of a sentence about it. */
const encodeOne = (value: unknown): { readonly bound: Bound } | { readonly problem: string } => {
  switch (typeof value) {
    case "undefined":
      return { bound: null }
    case "boolean":
      return { bound: value ? 1n : 0n }
    case "bigint":
      return value >= smallest && value <= largest
        ? { bound: value }
        : { problem: "is a bigint beyond 64 bits: bind it as a string" }
    case "number":
      if (Number.isNaN(value)) return { problem: "is NaN, which SQLite would store as NULL: bind null" }
      // The driver binds every number as a REAL, which a TEXT column shows: "1.0".
      return { bound: Number.isSafeInteger(value) ? BigInt(value) : value }
    case "string":
      // The driver reads a text up to its first NUL only.
      return value.includes("\0")
        ? { problem: "is a string with a NUL character, after which nothing would be read: bind bytes" }
        : { bound: value }
    case "object":
      if (value === null) return { bound: null }
      if (value instanceof Date) {
        return Number.isNaN(value.getTime())
          ? { problem: "is a Date without a time" }
          : { bound: value.toISOString() }
      }
      if (value instanceof ArrayBuffer) return { bound: new Uint8Array(value) }
      if (ArrayBuffer.isView(value)) {
        return { bound: new Uint8Array(value.buffer, value.byteOffset, value.byteLength) }
      }
      return { problem: "is an object: bind its fields, or its JSON" }
    default:
      return { problem: `is a ${typeof value}` }
  }
}

/**
 * The values to bind, or what is wrong with them. As many as there are parameters: the driver would leave the rest as the
 * statement's last use has bound it.
 */
export const encode = (
  statement: Statement,
  params: ReadonlyArray<unknown> = []
): { readonly bound: ReadonlyArray<Bound> } | { readonly problem: string } => {
  const { parameters } = statement
  if (params.length !== parameters) {
    const needed = parameters === 1 ? "1 parameter" : `${parameters} parameters`
    return { problem: `The statement has ${needed}, and ${params.length} were given.` }
  }
  const bound: Array<Bound> = []
  for (let at = 0; at < params.length; at++) {
    const encoded = encodeOne(params[at])
    if ("problem" in encoded) return { problem: `Parameter ${at + 1} ${encoded.problem}.` }
    bound.push(encoded.bound)
  }
  return { bound }
}

/** How rows are to be. */
export interface Shape {
  readonly rowMode: "object" | "array"
  readonly safeIntegers: boolean
}

/** The driver is asked for every integer as a bigint, as it would round those that a number cannot hold. */
export const integer = (value: bigint, safeIntegers: boolean): number | bigint => {
  if (safeIntegers) return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const decodeOne = (value: unknown, safeIntegers: boolean): unknown => {
  if (typeof value === "bigint") return integer(value, safeIntegers)
  return value instanceof ArrayBuffer ? Buffer.from(value) : value
}

/** Puts right what the driver gives, in place. */
export const decode = (rows: ReadonlyArray<object>, { rowMode, safeIntegers }: Shape): void => {
  if (rowMode === "array") {
    for (const row of rows as ReadonlyArray<Array<unknown>>) {
      for (let column = 0; column < row.length; column++) row[column] = decodeOne(row[column], safeIntegers)
    }
  } else {
    for (const row of rows as ReadonlyArray<Record<string, unknown>>) {
      for (const column in row) row[column] = decodeOne(row[column], safeIntegers)
    }
  }
}

/**
 * The second column `a` of a subquery is called `a:1`, and the third may have any number. Gives it its own name back, so that the last
 * of them counts as it does everywhere else.
 */
export const mergeNames = (rows: ReadonlyArray<object>): void => {
  const [first] = rows
  if (first === undefined) return
  const names = Object.keys(first)
  if (!names.some((name) => name.includes(":"))) return
  const known = new Set(names.map((name) => name.toLowerCase()))
  const numbered = names.flatMap((name) => {
    const own = name.replace(/:[0-9]+$/, "")
    return own !== name && known.has(own.toLowerCase()) ? [[name, own] as const] : []
  })
  for (const row of rows as ReadonlyArray<Record<string, unknown>>) {
    for (const [name, own] of numbered) {
      row[own] = row[name]
      delete row[name]
    }
  }
}
