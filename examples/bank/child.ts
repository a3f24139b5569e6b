/** A child process for as long as a Scope is open. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"

export interface Child {
  readonly pid: number | undefined
  /** Waits for its end and says what it was: `code 1`, `signal SIGKILL`, or why it could not be started. */
  readonly ended: Effect.Effect<string>
  /** Waits until it has written this. */
  readonly wrote: (text: string) => Effect.Effect<void>
  /** The last of what it has written. */
  readonly output: () => string
}

export interface Options {
  /** Who runs it. Default: who runs this program. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** Asks it to end when the Scope closes. It is killed if it has not done so five seconds later. Default: SIGTERM. */
  readonly stopSignal?: NodeJS.Signals | undefined
}

const longestOutput = 10_000

/**
 * Starts a program. It gets a process group of its own: Ctrl-C in a terminal is sent to a whole group, and this program shall
 * be the only one to hear it, so that it can end things in the right order.
 */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  { stopSignal = "SIGTERM", user }: Options = {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.gen(function*() {
    const ended = yield* Deferred.make<string>()
    const closed = yield* Deferred.make<void>()
    let output = ""

    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(file, args, {
          ...user,
          detached: true,
          env: { ...process.env, LC_ALL: "C" },
          stdio: ["ignore", "pipe", "pipe"]
        })
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding("utf8")
          stream.on("data", (text: string) => {
            output = (output + text).slice(-longestOutput)
          })
        }
        child.once("exit", (code, signal) => {
          Deferred.unsafeDone(ended, Effect.succeed(signal === null ? `code ${code}` : `signal ${signal}`))
        })
        // Its own children have ended as well: nobody holds its output any more.
        child.once("close", () => Deferred.unsafeDone(closed, Effect.void))
        child.once("error", (error) => {
          Deferred.unsafeDone(ended, Effect.succeed(error.message))
          Deferred.unsafeDone(closed, Effect.void)
        })
        // For an end of this program that closes no Scope.
        process.prependOnceListener("exit", killNow)
        function killNow() {
          child.kill("SIGKILL")
        }
        return Object.assign(child, { forget: () => process.off("exit", killNow) })
      }),
      (child) =>
        Effect.sync(() => child.kill(stopSignal)).pipe(
          Effect.zipRight(Effect.timeout(Deferred.await(closed), "5 seconds")),
          Effect.catchTag("TimeoutException", () => {
            child.kill("SIGKILL")
            return Deferred.await(ended)
          }),
          Effect.zipRight(Effect.sync(() => child.forget()))
        )
    )

    return {
      pid: child.pid,
      ended: Deferred.await(ended),
      output: () => output.trim(),
      wrote: (text) =>
        Effect.async<void>((resume) => {
          const look = () => {
            if (output.includes(text)) resume(Effect.void)
          }
          child.stdout.on("data", look)
          child.stderr.on("data", look)
          look()
          return Effect.sync(() => {
            child.stdout.off("data", look)
            child.stderr.off("data", look)
          })
        })
    }
  })
