/** A copy of plain data that may hang together in any way: what is one thing is one thing in the copy, too. Objects of a class stay as they are. */
export const copy = <A>(value: A, seen = new Map<unknown, unknown>()): A => {
  const known = seen.get(value)
  if (known !== undefined) return known as A
  const made = (value: unknown): unknown => {
    if (Array.isArray(value)) return fill(value, [])
    if (value instanceof Map) return new Map([...value].map(([key, value]) => [key, copy(value, seen)]))
    if (value instanceof Set) return new Set([...value].map((item) => copy(item, seen)))
    const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
    return isPlain ? fill(value, {}) : value
  }
  const fill = (from: object, to: object) => {
    seen.set(from, to)
    for (const [key, value] of Object.entries(from)) (to as Record<string, unknown>)[key] = copy(value, seen)
    return to
  }
  return made(value) as A
}
