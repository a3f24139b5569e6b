/** What is written into the text of a statement, as it cannot be a parameter. */
const levels: ReadonlyMap<unknown, string> = new Map(
  ["read uncommitted", "read committed", "repeatable read", "serializable"].map((level) => [level, level.toUpperCase()])
)

/** Throws for anything else: what comes from elsewhere than a program's own text may be any SQL. */
export const isolationLevel = (isolation: unknown): string => {
  const level = levels.get(isolation)
  if (level === undefined) throw new TypeError(`isolation must be one of ${[...levels.keys()].join(", ")}`)
  return level
}
