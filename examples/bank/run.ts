/** Runs the program, and ends the process with a code that says how it went. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import * as os from "node:os"
import { InvalidArguments } from "./arguments.js"

/** Something was not as it has to be. */
export class DemoFailed extends Data.TaggedError("DemoFailed")<{ readonly message: string }> {}

let stoppedBy: NodeJS.Signals | undefined
let isServing = false

/** What told the program to stop. */
export const signal = (): Option.Option<NodeJS.Signals> => Option.fromNullable(stoppedBy)

/** Waits for Ctrl-C, which is a good end from here on. */
export const serving = Effect.suspend(() => {
  isServing = true
  return Effect.never
})

/**
 * A signal interrupts the program, which then cleans up. A second one changes nothing: a terminal, a package manager and a
 * container may each send one, and all cleaning up is bounded in time.
 *
 * 0: it went well. 1: it did not. 2: the arguments cannot be used. 128 and the number of the signal: it was stopped.
 */
export const runMain = <A, E>(program: Effect.Effect<A, E>): void => {
  const stop = (signal: NodeJS.Signals) => {
    if (stoppedBy !== undefined) return
    stoppedBy = signal
    console.error("\nStopping …")
    // NodeRuntime hears of the other two by itself.
    if (signal === "SIGHUP") process.emit("SIGTERM")
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  process.on("SIGHUP", stop)
  // Nobody reads any more what is written.
  process.stdout.on("error", () => stop("SIGHUP"))
  process.stderr.on("error", () => stop("SIGHUP"))
  // A package manager that is told to end may not tell this program.
  const started = starters()
  setInterval(() => starters() === started || process.kill(process.pid, "SIGTERM"), 500).unref()

  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, end) => {
      if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) console.error(`\n✘ ${describe(exit.cause)}`)
      end(codeOf(exit))
    }
  })
}

/** Who started this process; where that is the shell of a package manager, also who started that. Only Linux tells. */
const starters = (): string => {
  const parent = String(process.ppid)
  if (process.env.npm_lifecycle_event === undefined || process.platform !== "linux") return parent
  try {
    // "pid (name) state parent …"
    return `${parent} ${readFileSync(`/proc/${parent}/stat`, "utf8").replace(/^.*\) \S+ (\d+) [^]*$/, "$1")}`
  } catch {
    return parent
  }
}

/** An error has a message to read; of a defect, all there is. */
const describe = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return (Cause.isFailure(cause) && error instanceof Error) || error instanceof DemoFailed
    ? error.message
    : Cause.pretty(cause)
}

const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (!Cause.isInterruptedOnly(exit.cause)) return Cause.squash(exit.cause) instanceof InvalidArguments ? 2 : 1
  if (isServing) return 0
  return stoppedBy === undefined ? 1 : 128 + os.constants.signals[stoppedBy]
}
