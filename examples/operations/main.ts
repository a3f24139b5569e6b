/**
 * A pool on its bad days, one example each. None needs a server.
 *
 * ```
 * pnpm example:operations             all of them
 * pnpm example:operations deadlock    one of them
 * ```
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { InvalidArguments } from "../bank/arguments.js"
import { runMain } from "../bank/run.js"
import * as Changing from "./changing.js"
import * as Deadlock from "./deadlock.js"
import * as Errors from "./errors.js"
import * as Events from "./events.js"
import * as Leaks from "./leaks.js"
import * as MinIdle from "./min-idle.js"
import * as Overload from "./overload.js"
import * as Priority from "./priority.js"

const examples = {
  errors: Errors.example,
  deadlock: Deadlock.example,
  overload: Overload.example,
  priority: Priority.example,
  minIdle: MinIdle.example,
  changing: Changing.example,
  leaks: Leaks.example,
  events: Events.example
}

const names = process.argv.slice(2).filter((argument) => argument !== "--")

const unknown = names.find((name) => !(name in examples))

const main: Effect.Effect<void, unknown> = unknown === undefined
  ? Effect.forEach(
    Object.entries(examples).filter(([name]) => names.length === 0 || names.includes(name)),
    ([name, example]) => Effect.zipRight(Console.log(`${name}:`), Effect.scoped(example)),
    { discard: true }
  )
  : new InvalidArguments({
    message: `"${unknown}" is no example. These are: ${Object.keys(examples).join(", ")}.`
  })

runMain(main)
