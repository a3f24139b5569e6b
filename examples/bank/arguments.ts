/** The arguments of the command line. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"

export const usage = `
pnpm demo [options]

  --transfers N     how many transfers are requested, all at once (default: 2000)
  --connections N   how many connections the pool may have (default: 10)
  --accounts N      how many accounts the bank has (default: 100)
  --port N          where the service listens (default: any port that is free)
  --serve           leave the service running until Ctrl-C
  --clients N       how many clients go on asking while it serves (default: 0)
  --deadline N      seconds that requests may take to finish when it is stopped (default: 10)
  --help            show this
`

const whole = (least: number, most: number) =>
  Schema.NumberFromString.pipe(Schema.int(), Schema.between(least, most)).annotations({
    message: () => ({ message: `must be a whole number from ${least} to ${most}`, override: true })
  })

const Arguments = Schema.Struct({
  transfers: Schema.optionalWith(whole(1, 5000), { exact: true, default: () => 2000 }),
  connections: Schema.optionalWith(whole(1, 100), { exact: true, default: () => 10 }),
  accounts: Schema.optionalWith(whole(2, 100_000), { exact: true, default: () => 100 }),
  port: Schema.optionalWith(whole(1, 65_535), { exact: true }),
  clients: Schema.optionalWith(whole(0, 1000), { exact: true, default: () => 0 }),
  deadline: Schema.optionalWith(whole(1, 600), { exact: true, default: () => 10 }),
  serve: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false }),
  help: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false })
})

export type Arguments = typeof Arguments.Type

export class InvalidArguments extends Data.TaggedError("InvalidArguments")<{ readonly message: string }> {}

/** Reads them, or says all that is wrong with them. */
export const parse = (args: ReadonlyArray<string>): Effect.Effect<Arguments, InvalidArguments> =>
  Effect.try({
    try: () =>
      parseArgs({
        // `pnpm demo -- --serve` passes the dashes on.
        args: args.filter((arg) => arg !== "--"),
        options: {
          transfers: { type: "string" },
          connections: { type: "string" },
          accounts: { type: "string" },
          port: { type: "string" },
          clients: { type: "string" },
          deadline: { type: "string" },
          serve: { type: "boolean" },
          help: { type: "boolean", short: "h" }
        }
      }).values,
    catch: (error) => new InvalidArguments({ message: `${(error as Error).message}\n${usage}` })
  }).pipe(
    Effect.flatMap((values) => Schema.decodeUnknown(Arguments)(values, { errors: "all" })),
    Effect.catchTag("ParseError", (error) => {
      const problems = ParseResult.ArrayFormatter.formatErrorSync(error)
      return new InvalidArguments({
        message: `${problems.map(({ message, path }) => `--${path.join()} ${message}.`).join("\n")}\n${usage}`
      })
    })
  )
