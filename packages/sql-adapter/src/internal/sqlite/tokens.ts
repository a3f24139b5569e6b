/**
 * - `word`: a keyword, or a name that is not quoted.
 * - `quoted`: a name in "", `` or [], a string in '', or a blob.
 * - `variable`: the place of a parameter: ?, ?1, :a, @a, $a.
 * - `unclear`: what SQLite refuses, or would not see.
 */
export interface Token {
  readonly kind: "word" | "quoted" | "variable" | "number" | "symbol" | "unclear"
  readonly text: string
  readonly start: number
  readonly end: number
}

const space = /[ \t\n\f\r]+/y
const variable = /\?[0-9]*|[$@:](?:[A-Za-z0-9_$\u0080-\uffff]|::)+(?:\([^ \t\n\f\r)]*\))?/y
const word = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const number = /\.?[0-9][A-Za-z0-9_.]*/y
const symbol = /[-+*/%=<>!|&~,;().]/y
const quotes: Readonly<Record<string, string>> = { "'": "'", "\"": "\"", "`": "`", "[": "]" }
const byteOrderMark = "\ufeff"

const endOf = (pattern: RegExp, sql: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.test(sql) ? pattern.lastIndex : at
}

const endOfLine = (sql: string, at: number): number => {
  const end = sql.indexOf("\n", at)
  return end < 0 ? sql.length : end
}

/** One that has no end lasts to the end of the text. */
const endOfComment = (sql: string, at: number): number => {
  const end = sql.indexOf("*/", at + 2)
  return end < 0 ? sql.length : end + 2
}

/** Where spaces and comments end that begin here, if any do. */
const endOfGap = (sql: string, at: number): number => {
  if (sql.startsWith("--", at)) return endOfLine(sql, at)
  // At the very end these are two operators.
  if (sql.startsWith("/*", at) && at + 2 < sql.length) return endOfComment(sql, at)
  return endOf(space, sql, at)
}

/** A quote that is doubled does not end it, except a bracket. Undefined where nothing does. */
const endOfQuoted = (sql: string, at: number): number | undefined => {
  const quote = quotes[sql[at]!]!
  for (let from = at + 1;;) {
    const end = sql.indexOf(quote, from)
    if (end < 0) return undefined
    if (quote === "]" || sql[end + 1] !== quote) return end + 1
    from = end + 2
  }
}

const tokenAt = (sql: string, start: number): Token => {
  const token = (kind: Token["kind"], end: number): Token => ({ kind, text: sql.slice(start, end), start, end })
  const isBlob = /[xX]/.test(sql[start]!) && sql[start + 1] === "'"
  const opening = isBlob ? start + 1 : start
  if (sql[opening]! in quotes) {
    const end = endOfQuoted(sql, opening)
    return end === undefined ? token("unclear", sql.length) : token("quoted", end)
  }
  for (
    const [kind, pattern] of [["variable", variable], ["word", word], ["number", number], ["symbol", symbol]] as const
  ) {
    const end = endOf(pattern, sql, start)
    if (end === start) continue
    // SQLite takes one at the beginning of a word for a space.
    return token(sql[start] === byteOrderMark ? "unclear" : kind, end)
  }
  return token("unclear", start + 1)
}

/** What a statement's text consists of, as SQLite's own tokenizer divides it, without spaces and comments. */
export const tokenize = (sql: string): ReadonlyArray<Token> => {
  const tokens: Array<Token> = []
  for (let at = 0; at < sql.length;) {
    const gap = endOfGap(sql, at)
    if (gap > at) {
      at = gap
      continue
    }
    const token = tokenAt(sql, at)
    tokens.push(token)
    at = token.end
  }
  return tokens
}
