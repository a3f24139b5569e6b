import type { Token } from "./tokens.js"
import { tokenize } from "./tokens.js"

/** A statement, and what is to be known of it before SQLite sees it. */
export interface Statement {
  readonly _tag: "Statement"
  /** Without what surrounds it. */
  readonly sql: string
  /** How many parameters it takes. */
  readonly parameters: number
  /** A SELECT or VALUES, which can be part of another statement as it is. */
  readonly isQuery: boolean
  /** An INSERT, UPDATE or DELETE, which an interruption undoes. */
  readonly isChange: boolean
  /** An EXPLAIN, which must not be interrupted: SQLite does not end it then, and all that follows on the connection is interrupted. */
  readonly isExplained: boolean
  /** Which end it makes to a transaction. */
  readonly ends: "COMMIT" | "ROLLBACK" | undefined
}

export type Text =
  | Statement
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Refused"; readonly problem: string }

/** The token's word, in capitals. */
export const wordOf = (token: Token | undefined): string | undefined =>
  token?.kind === "word" ? token.text.toUpperCase() : undefined

const isSemicolon = (token: Token | undefined): boolean => token?.text === ";"

const createsTrigger = (tokens: ReadonlyArray<Token>, start: number): boolean => {
  const words = tokens.slice(start, start + 6).map(wordOf)
  while (words[0] === "EXPLAIN" || words[0] === "QUERY" || words[0] === "PLAN") words.shift()
  const [first, second, third] = words
  return first === "CREATE" &&
    (second === "TRIGGER" || ((second === "TEMP" || second === "TEMPORARY") && third === "TRIGGER"))
}

/**
 * The tokens of the first statement, and whether there are more statements. A trigger's own statements each end with a semicolon, and
 * it with an END that follows one.
 */
export const firstStatement = (
  tokens: ReadonlyArray<Token>
): { readonly tokens: ReadonlyArray<Token>; readonly isOnly: boolean } => {
  const start = tokens.findIndex((token) => !isSemicolon(token))
  if (start < 0) return { tokens: [], isOnly: true }
  const isTrigger = createsTrigger(tokens, start)
  const end = tokens.findIndex((token, at) =>
    at > start && isSemicolon(token) &&
    (!isTrigger || (wordOf(tokens[at - 1]) === "END" && isSemicolon(tokens[at - 2])))
  )
  if (end < 0) return { tokens: tokens.slice(start), isOnly: true }
  return { tokens: tokens.slice(start, end), isOnly: tokens.slice(end).every(isSemicolon) }
}

/** As SQLite numbers them: `?` is the next one, `?3` the third, and a name is the next one where it is first seen. */
const parametersOf = (tokens: ReadonlyArray<Token>): number => {
  const names = new Set<string>()
  let count = 0
  for (const { kind, text } of tokens) {
    if (kind !== "variable") continue
    if (text === "?") count++
    else if (text.startsWith("?")) count = Math.max(count, Number(text.slice(1)))
    else if (!names.has(text)) {
      names.add(text)
      count++
    }
  }
  return count
}

const writing = new Set(["INSERT", "UPDATE", "DELETE", "REPLACE"])

/** What the statement is, where it begins with WITH: the first verb outside of parentheses. */
export const verbOf = (tokens: ReadonlyArray<Token>): string | undefined => {
  const first = wordOf(tokens[0])
  if (first !== "WITH") return first
  let depth = 0
  for (const token of tokens) {
    if (token.text === "(") depth++
    else if (token.text === ")") depth--
    else if (depth === 0) {
      const word = wordOf(token)
      if (word === "SELECT" || word === "VALUES" || writing.has(word ?? "")) return word
    }
  }
  return first
}

const isBalanced = (tokens: ReadonlyArray<Token>): boolean => {
  let depth = 0
  for (const { text } of tokens) {
    if (text === "(") depth++
    else if (text === ")" && --depth < 0) return false
  }
  return depth === 0
}

/** A name such as "a:1", which is what SQLite makes of the second column `a` of a subquery. */
const isNumbered = ({ kind, text }: Token, at: number, tokens: ReadonlyArray<Token>): boolean =>
  kind === "quoted" && /:[0-9]+.$/.test(text) && (!text.startsWith("'") || wordOf(tokens[at - 1]) === "AS")

const isQuery = (tokens: ReadonlyArray<Token>): boolean => {
  const verb = verbOf(tokens)
  return (verb === "SELECT" || verb === "VALUES") && isBalanced(tokens) && !tokens.some(isNumbered)
}

const endsOf = (tokens: ReadonlyArray<Token>): Statement["ends"] => {
  const words = tokens.map(wordOf)
  if (words[0] === "COMMIT" || words[0] === "END") return "COMMIT"
  return words[0] === "ROLLBACK" && !words.includes("TO") ? "ROLLBACK" : undefined
}

/** SQLite's own maximum. */
const mostParameters = 32_766

export const describe = (sql: string): Text => {
  if (sql.includes("\0")) {
    return { _tag: "Refused", problem: "The statement has a NUL character, where SQLite would end it." }
  }
  const { isOnly, tokens } = firstStatement(tokenize(sql))
  if (!isOnly) {
    return {
      _tag: "Refused",
      problem: "These are several statements: SQLite takes one at a time. Ask for each by itself."
    }
  }
  const first = tokens[0]
  if (first === undefined) return { _tag: "Empty" }
  const parameters = parametersOf(tokens)
  return {
    _tag: "Statement",
    sql: sql.slice(first.start, tokens[tokens.length - 1]!.end),
    // SQLite itself refuses one that has more.
    parameters: Math.min(parameters, mostParameters),
    isQuery: isQuery(tokens),
    isChange: writing.has(verbOf(tokens) ?? ""),
    isExplained: wordOf(first) === "EXPLAIN",
    ends: endsOf(tokens)
  }
}
