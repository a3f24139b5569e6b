/** Runs the program, and ends the process with a code that says how it went. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as os from "node:os"
import { InvalidArguments } from "./arguments.js"

let signal: NodeJS.Signals | undefined
let isServing = false

/** Waits for Ctrl-C, which is a good end from here on. */
export const serving = Effect.suspend(() => {
  isServing = true
  return Effect.never
})

/**
 * A signal interrupts the program, which then cleans up. A second one changes nothing: a terminal, a package manager and a
 * container may each send one, and all that is cleaned up is bounded in time.
 *
 * 0: it went well. 1: it did not. 2: the arguments cannot be used. 128 and the number of the signal: it was stopped.
 */
export const runMain = <A, E>(program: Effect.Effect<A, E>): void => {
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      signal ??= name
      // NodeRuntime hears of the other two by itself.
      if (name === "SIGHUP") process.emit("SIGTERM")
    })
  }
  NodeRuntime.runMain(Effect.tapErrorCause(program, report), {
    disableErrorReporting: true,
    teardown: (exit, end) => end(codeOf(exit))
  })
}

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.isInterruptedOnly(cause)) return Console.error("\nStopped, and cleaned up.")
  const error = Cause.squash(cause)
  return Console.error(`\n✘ ${Cause.isFailure(cause) && error instanceof Error ? error.message : Cause.pretty(cause)}`)
}

const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) {
    return isServing ? 0 : signal === undefined ? 1 : 128 + os.constants.signals[signal]
  }
  return Cause.squash(exit.cause) instanceof InvalidArguments ? 2 : 1
}
