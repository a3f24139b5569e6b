/** The arguments of the command line. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import type { Database } from "./databases/database.js"
import type { Fault } from "./faults/fault.js"
import { faults, faultsOf } from "./faults/index.js"

const names = faults.map(({ name }) => name)

const kinds = ["postgres", "mariadb", "pgbouncer-session", "pgbouncer-transaction"] as const

const width = Math.max(...names.map(({ length }) => length)) + 2

const has = (kind: Database["name"], fault: string): boolean => faultsOf[kind].some(({ name }) => name === fault)

/** Where not all of the databases have it. */
const only = ({ name }: Fault): string => {
  const having = kinds.filter((kind) => has(kind, name))
  return having.length < kinds.length ? ` (${having.join(", ")})` : ""
}

const described = faults.map((fault) => `      ${fault.name.padEnd(width)}${fault.what}${only(fault)}`).join("\n")

export const usage = `
pnpm chaos [options]

  --minutes M      how long faults are made, in minutes (default: 2)
  --database D     of which database (default: postgres): postgres, mariadb, or postgres behind PgBouncer in one of
                   its modes, pgbouncer-session or pgbouncer-transaction
  --fault F        this fault alone, again and again
  --seed S         in which order, how long, and what the callers ask for (default: one that nobody has chosen)
  --json FILE      write the result there
  --docs           write the tables into docs/chaos.md, or docs/pgbouncer.md
  --help           show this

Faults:

${described}
`

const LARGEST_SEED = 2 ** 31 - 1

const minutes = Schema.NumberFromString.pipe(Schema.between(0.1, 24 * 60)).annotations({
  message: () => ({ message: `must be a number from 0.1 to ${24 * 60}`, override: true })
})

const seed = Schema.NumberFromString.pipe(Schema.int(), Schema.between(0, LARGEST_SEED)).annotations({
  message: () => ({ message: `must be a whole number from 0 to ${LARGEST_SEED}`, override: true })
})

const fault = Schema.Literal(...names).annotations({
  message: ({ actual }) => ({ message: `"${actual}" is none of the faults: ${names.join(", ")}`, override: true })
})

const database = Schema.Literal(...kinds).annotations({
  message: ({ actual }) => ({ message: `"${actual}" is none of the databases: ${kinds.join(", ")}`, override: true })
})

const nonEmpty = Schema.NonEmptyString.annotations({
  message: () => ({ message: "must be the name of a file", override: true })
})

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.optionalWith(schema, { exact: true, default: () => value })

const Arguments = Schema.Struct({
  minutes: withDefault(minutes, 2),
  database: withDefault(database, "postgres"),
  fault: optional(fault),
  seed: optional(seed),
  json: optional(nonEmpty),
  docs: withDefault(Schema.Boolean, false),
  help: withDefault(Schema.Boolean, false)
}).pipe(Schema.filter(({ database, fault }) =>
  fault === undefined || has(database, fault) ? undefined : {
    path: ["fault"],
    message: `"${fault}" is none of the faults of ${database}: ${faultsOf[database].map(({ name }) => name).join(", ")}`
  }
))

export type Arguments = typeof Arguments.Type

/** Reads them, or says all that is wrong with them. */
export const parse = (args: ReadonlyArray<string>): Either.Either<Arguments, string> =>
  Either.try({
    try: () =>
      parseArgs({
        // `pnpm chaos -- --minutes 10` passes the dashes on.
        args: args.filter((arg) => arg !== "--"),
        options: {
          minutes: { type: "string" },
          database: { type: "string" },
          fault: { type: "string" },
          seed: { type: "string" },
          json: { type: "string" },
          docs: { type: "boolean" },
          help: { type: "boolean", short: "h" }
        }
      }).values,
    catch: (error) => `${(error as Error).message}\n${usage}`
  }).pipe(
    Either.flatMap((values) =>
      Either.mapLeft(Schema.decodeUnknownEither(Arguments)(values, { errors: "all" }), (error) => {
        const problems = ParseResult.ArrayFormatter.formatErrorSync(error)
        return `${problems.map(({ message, path }) => `--${path.join()} ${message}.`).join("\n")}\n${usage}`
      })
    )
  )
