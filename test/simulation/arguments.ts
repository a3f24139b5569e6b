/** The arguments of the command line. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { profiles } from "./stage.js"

export const usage = `
pnpm simulate [options]

  --seeds N        how many seeds are run (default: 10000)
  --from S         the first of them (default: 1)
  --fresh          begin at a seed that nobody has chosen, and say which
  --seed S         run this one, and print what happened
  --profile P      what the runs are about: ${profiles.join(", ")} (default: the seed picks)
  --workers W      how many threads (default: one for each processor)
  --json FILE      write the result there
  --mutants        plant each bug of test/simulation/mutants in the core, and see that the simulation finds it
  --docs           with --mutants: write their table into docs/verification.md
  --mutant NAME    plant this one, and print the shortest trace that shows it
  --exhaustive     try every sequence of inputs on a tiny pool instead
  --depth D        how long these sequences are (default: 9)
  --help           show this
`

const whole = (least: number, most: number) =>
  Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most)).annotations({
    message: () => ({ message: `must be a whole number from ${least} to ${most}`, override: true })
  })

const LARGEST_SEED = 2 ** 31 - 1

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.optionalWith(schema, { exact: true, default: () => value })

const Arguments = Schema.Struct({
  seeds: optional(whole(1, LARGEST_SEED)),
  from: withDefault(whole(0, LARGEST_SEED), 1),
  fresh: withDefault(Schema.Boolean, false),
  seed: optional(whole(0, LARGEST_SEED)),
  profile: optional(
    Schema.Literal(...profiles).annotations({
      message: () => ({ message: `must be one of ${profiles.join(", ")}`, override: true })
    })
  ),
  workers: withDefault(whole(1, 256), availableParallelism()),
  json: optional(Schema.NonEmptyString),
  mutants: withDefault(Schema.Boolean, false),
  docs: withDefault(Schema.Boolean, false),
  mutant: optional(Schema.NonEmptyString),
  exhaustive: withDefault(Schema.Boolean, false),
  depth: withDefault(whole(1, 30), 9),
  help: withDefault(Schema.Boolean, false)
})

export type Arguments = typeof Arguments.Type

/** Reads them, or says all that is wrong with them. */
export const parse = (args: ReadonlyArray<string>): Either.Either<Arguments, string> =>
  Either.try({
    try: () =>
      parseArgs({
        // `pnpm simulate -- --seeds 10` passes the dashes on.
        args: args.filter((arg) => arg !== "--"),
        options: {
          seeds: { type: "string" },
          from: { type: "string" },
          fresh: { type: "boolean" },
          seed: { type: "string" },
          profile: { type: "string" },
          workers: { type: "string" },
          json: { type: "string" },
          mutants: { type: "boolean" },
          docs: { type: "boolean" },
          mutant: { type: "string" },
          exhaustive: { type: "boolean" },
          depth: { type: "string" },
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
