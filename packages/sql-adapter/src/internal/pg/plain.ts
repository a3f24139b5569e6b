/** A comment that has none inside: PostgreSQL's nest. */
const comment = String.raw`\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\/|--[^\n]*\n`

const begins = new RegExp(
  String.raw`^(?:[\s(]|${comment})*(?:select|insert|update|delete|with|values|table|merge|explain|show)\b`,
  "i"
)

/** What would leave something behind in the session, or needs to find it there; a second statement; and what no server understands. */
const leavesBehind =
  /\b(?:set_config|pg_(?:try_)?advisory_(?:un)?lock|currval|lastval|setseed|into\s+(?:(?:local|global)\s+)?temp)|;\s*\S|\0/i

let lastText = ""
let lastAnswer = false

const read = (sql: string): boolean => begins.test(sql) && !leavesBehind.test(sql)

/**
 * Whether it is one statement that reads or writes rows and leaves nothing behind in the session, so that others may be sent before it
 * is answered. What is not certain is not. What a function does that a statement calls cannot be seen.
 */
export const isPlain = (sql: string): boolean => {
  // Whoever asks for a connection asks once more when the statement is sent, most often next.
  if (sql === lastText) return lastAnswer
  lastText = sql
  lastAnswer = read(sql)
  return lastAnswer
}
