/** The arguments of the command line. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { InvalidArguments } from "../program.js"

export const usage = `
pnpm overload [options]

  --quick      two and a half minutes: shows that it works, and judges nothing
  --seconds N  how long the overload of ten times lasts (default: 60; 4 with --quick)
  --docs       writes docs/overload.md and docs/overload.svg anew
  --help       show this

Ends with 1 where Cenote with overload control keeps less than nine tenths of its best goodput.
`

const Arguments = Schema.Struct({
  quick: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false }),
  docs: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false }),
  help: Schema.optionalWith(Schema.Boolean, { exact: true, default: () => false }),
  seconds: Schema.optionalWith(
    Schema.NumberFromString.pipe(Schema.int(), Schema.between(2, 3600)).annotations({
      message: () => ({ message: "--seconds: must be a whole number from 2 to 3600", override: true })
    }),
    { exact: true }
  )
})

export type Arguments = typeof Arguments.Type

/** Reads them, or says what is wrong with them. */
export const parse = (args: ReadonlyArray<string>): Effect.Effect<Arguments, InvalidArguments> =>
  Effect.try(() =>
    parseArgs({
      // `pnpm overload -- --quick` passes the dashes on.
      args: args.filter((arg) => arg !== "--"),
      options: {
        quick: { type: "boolean" },
        docs: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        seconds: { type: "string" }
      }
    }).values
  ).pipe(
    Effect.mapError(({ error }) => error as Error),
    Effect.flatMap((values) => Schema.decodeUnknown(Arguments)(values)),
    Effect.mapError(({ message }) => new InvalidArguments({ message: `${message}\n${usage}` }))
  )
