/** A TypeScript file of the tests as a process of its own. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Program {
  /** All that it has written. */
  readonly output: () => string
  /** The exit code, or the signal, once it is gone. */
  readonly end: () => number | NodeJS.Signals | undefined
  /** Waits for its end. */
  readonly ended: Effect.Effect<number | NodeJS.Signals>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
}

/** It is killed with the Scope, if it has not ended by then. */
export const start = (
  file: string,
  args: ReadonlyArray<string>,
  env: Record<string, string>
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        let output = ""
        let end: number | NodeJS.Signals | undefined
        const child = spawn(process.execPath, ["--conditions=@cenote/source", "--import", "tsx", file, ...args], {
          cwd: root,
          env: { ...process.env, ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
        const note = (text: string) => {
          output += text
        }
        child.stdout.setEncoding("utf8").on("data", note)
        child.stderr.setEncoding("utf8").on("data", note)
        const ended = new Promise<number | NodeJS.Signals>((resolve) => {
          child.once("close", (code, signal) => {
            end = signal ?? code ?? 0
            resolve(end)
          })
        })
        return { child, end: () => end, ended: Effect.promise(() => ended), output: () => output }
      }),
      ({ child, ended }) => Effect.zipRight(Effect.sync(() => child.kill("SIGKILL")), ended)
    ),
    ({ child, ...program }) => ({
      ...program,
      signal: (signal) => Effect.sync(() => void child.kill(signal))
    })
  )
