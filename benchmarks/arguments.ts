/** The arguments of the command line. */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { cases } from "./cases/index.js"
import { InvalidArguments } from "./program.js"

const names = [...cases.map(({ name }) => name), "heap"]

export const usage = `
pnpm bench [CASE ...] [options]

  --quick          under a minute; fails where a budget is missed tenfold
  CASE             these cases alone, as --case does. The cases are
                   ${names.slice(0, 4).join(", ")},
                   ${names.slice(4).join(", ")}
  --case NAME      this case alone; can be given several times
  --against REF    Cenote as it is in the working tree beside Cenote at a commit, in pairs
  --seconds N      how long each case goes on (default: 30; 2 with --quick)
  --young MB       the size of V8's young generation, which else is what V8 thinks best
  --help           show this

Without --quick, --case, --against and --young, docs/performance.md and docs/benchmarks/ are written anew.
`

const seconds = Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 3600)).annotations({
  message: () => ({ message: "must be a whole number from 1 to 3600", override: true })
})

const megabytes = Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 2048)).annotations({
  message: () => ({ message: "must be a whole number of megabytes from 1 to 2048", override: true })
})

const caseName = Schema.Literal(...names).annotations({
  message: ({ actual }) => ({ message: `"${actual}" is none of the cases: ${names.join(", ")}`, override: true })
})

const Arguments = Schema.Struct({
  quick: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false }),
  case: Schema.optionalWith(Schema.Array(caseName), { exact: true, default: () => [] }),
  against: Schema.optionalWith(Schema.NonEmptyTrimmedString, { exact: true }),
  seconds: Schema.optionalWith(seconds, { exact: true }),
  young: Schema.optionalWith(megabytes, { exact: true }),
  help: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false })
})

export type Arguments = typeof Arguments.Type

/** Reads them, or says all that is wrong with them. */
export const parse = (args: ReadonlyArray<string>): Effect.Effect<Arguments, InvalidArguments> =>
  Effect.try({
    try: () => {
      const { positionals, values } = parseArgs({
        // `pnpm bench -- --quick` passes the dashes on.
        args: args.filter((arg) => arg !== "--"),
        allowPositionals: true,
        options: {
          quick: { type: "boolean" },
          case: { type: "string", multiple: true },
          against: { type: "string" },
          seconds: { type: "string" },
          young: { type: "string" },
          help: { type: "boolean", short: "h" }
        }
      })
      const named = [...positionals, ...values.case ?? []]
      return { ...values, ...named.length === 0 ? {} : { case: named } }
    },
    catch: (error) => new InvalidArguments({ message: `${(error as Error).message}\n${usage}` })
  }).pipe(
    Effect.flatMap((values) => Schema.decodeUnknown(Arguments)(values, { errors: "all" })),
    Effect.catchTag("ParseError", (error) => {
      const problems = ParseResult.ArrayFormatter.formatErrorSync(error)
      return new InvalidArguments({
        message: `${problems.map(({ message, path }) => `--${path[0] as string}: ${message}.`).join("\n")}\n${usage}`
      })
    })
  )
