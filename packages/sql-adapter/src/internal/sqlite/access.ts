import { firstStatement, verbOf, wordOf } from "./text.js"
import type { Token } from "./tokens.js"
import { tokenize } from "./tokens.js"

/**
 * What a statement does to the database, for all that its text tells.
 *
 * - `reads`: it changes nothing, and gives the same on every connection to the database.
 * - `writes`: everything else, and whatever is not certain: what depends on the connection that it runs on is for the one that writes.
 */
export type Access = "reads" | "writes"

const queries = new Set(["SELECT", "VALUES"])

/** What EXPLAIN only shows. Some PRAGMAs do their work while they are prepared. */
const explained = new Set(["SELECT", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE"])

const writing = new Set(["INSERT", "UPDATE", "DELETE"])

/** Functions that change something, or tell about the connection. */
const impure = new Set([
  "changes",
  "fts3_tokenizer",
  "last_insert_rowid",
  "last_rows_affected",
  "load_extension",
  "optimize",
  "sqlite3mc_config",
  "sqlite3mc_config_table",
  "sqlite_log",
  "total_changes",
  "writefile"
])

/** PRAGMAs that tell about the file. They may be given what to tell about. */
const descriptions = new Set([
  "foreign_key_check",
  "foreign_key_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "integrity_check",
  "quick_check",
  "table_info",
  "table_list",
  "table_xinfo"
])

/** PRAGMAs that tell about the file, and change it when they are given a value. */
const headers = new Set([
  "application_id",
  "auto_vacuum",
  "collation_list",
  "compile_options",
  "encoding",
  "freelist_count",
  "function_list",
  "module_list",
  "page_count",
  "page_size",
  "pragma_list",
  "schema_version",
  "user_version"
])

/** A name as SQLite compares it, quoted or not. */
const nameOf = ({ kind, text }: Token): string | undefined => {
  switch (kind) {
    case "word":
      return text.toLowerCase()
    case "quoted":
      return text.slice(1, -1).toLowerCase()
    default:
      return undefined
  }
}

/** What makes a query one that is for the connection that writes. */
const isUncertain = (token: Token, at: number, tokens: ReadonlyArray<Token>): boolean => {
  const word = wordOf(token)
  const next = tokens[at + 1]
  if (word !== undefined && (writing.has(word) || (word === "REPLACE" && wordOf(next) === "INTO"))) return true
  const name = nameOf(token)
  if (name === undefined) return false
  if (next?.text === "(" && impure.has(name)) return true
  if (name.startsWith("pragma_")) return !descriptions.has(name.slice("pragma_".length))
  // Temporary tables are those of one connection.
  return name.startsWith("sqlite_temp") || (name === "temp" && next?.text === ".")
}

/** `PRAGMA name`, `PRAGMA schema.name` and `PRAGMA name(about)`. */
const pragma = (tokens: ReadonlyArray<Token>): Access => {
  const rest = tokens[2]?.text === "." ? tokens.slice(3) : tokens.slice(1)
  const schema = tokens[2]?.text === "." ? tokens[1] : undefined
  const [name, ...argument] = rest
  if (name?.kind !== "word" || (schema !== undefined && wordOf(schema) !== "MAIN")) return "writes"
  const known = name.text.toLowerCase()
  if (argument.length === 0) return headers.has(known) || descriptions.has(known) ? "reads" : "writes"
  const isAbout = argument.length === 3 && argument[0]!.text === "(" && argument[2]!.text === ")"
  return isAbout && descriptions.has(known) ? "reads" : "writes"
}

/** What a statement's text does. Never says `reads` of one that writes. */
export const access = (sql: string): Access => {
  const all = tokenize(sql)
  if (sql.includes("\0") || all.some(({ kind }) => kind === "unclear")) return "writes"
  const { isOnly, tokens } = firstStatement(all)
  if (!isOnly) return "writes"
  switch (wordOf(tokens[0])) {
    case "PRAGMA":
      return pragma(tokens)
    case "EXPLAIN": {
      const plan = wordOf(tokens[1]) === "QUERY" && wordOf(tokens[2]) === "PLAN" ? 3 : 1
      return explained.has(verbOf(tokens.slice(plan)) ?? "") ? "reads" : "writes"
    }
    default:
      return queries.has(verbOf(tokens) ?? "") && !tokens.some(isUncertain) ? "reads" : "writes"
  }
}
