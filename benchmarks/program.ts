/** How the commands here begin and end. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

export class InvalidArguments extends Data.TaggedError("InvalidArguments")<{ readonly message: string }> {}

/** 0: it went well. 1: it did not. 2: the arguments cannot be used. 130: it was stopped. */
const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) return 130
  return Cause.squash(exit.cause) instanceof InvalidArguments ? 2 : 1
}

/** Runs it to its end, and says why it failed, where it did: in a sentence, where that was to be expected. */
export const runMain = (main: Effect.Effect<unknown, unknown>): void =>
  NodeRuntime.runMain(main, {
    disableErrorReporting: true,
    teardown: (exit, end) => {
      if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
        const error = Cause.squash(exit.cause)
        const isExpected = Cause.isFailure(exit.cause) && error instanceof Error
        console.error(`\n✘ ${isExpected ? error.message : Cause.pretty(exit.cause)}`)
      }
      end(codeOf(exit))
    }
  })
