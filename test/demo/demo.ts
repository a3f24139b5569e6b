/** The demo as a process of its own, with a temporary folder of its own: so what it leaves behind can be seen. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** What the demo has written by now is not what was waited for. */
export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly message: string }> {}

export interface Demo {
  /** All that it has written. */
  readonly output: () => string
  /** Waits until it has written this. Fails if it ends without. */
  readonly wrote: (text: RegExp) => Effect.Effect<RegExpMatchArray, Unexpected>
  /** Waits for its end: the exit code, or the signal. */
  readonly ended: Effect.Effect<number | NodeJS.Signals>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The process of its PostgreSQL server. */
  readonly server: Effect.Effect<number>
  /** Its folders that still exist. */
  readonly leftovers: () => ReadonlyArray<string>
}

/** The number beside a name in the table. */
export const figure = (output: string, name: string): number =>
  Number(output.match(new RegExp(`${name}\\s*│\\s*([\\d,]+)`))?.[1]?.replaceAll(",", ""))

export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export const start = (
  args: ReadonlyArray<string>,
  env: Record<string, string> = {}
): Effect.Effect<Demo, never, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "demo-test-"))
        // PostgreSQL does not run as root, so somebody else must get in.
        fs.chmodSync(folder, 0o755)
        return folder
      }),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
    )
    const leftovers = () => fs.readdirSync(folder).filter((name) => name.startsWith("cenote-bank-"))

    let output = ""
    let end: number | NodeJS.Signals | undefined
    const ended = poll(() => end === undefined ? undefined : Effect.succeed(end))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(
          process.execPath,
          ["--conditions=@cenote/source", "--import", "tsx", "examples/bank/main.ts", ...args],
          { cwd: root, env: { ...process.env, ...env, TMPDIR: folder }, stdio: ["ignore", "pipe", "pipe"] }
        )
        const note = (text: string) => {
          output += text
        }
        child.stdout.setEncoding("utf8").on("data", note)
        child.stderr.setEncoding("utf8").on("data", note)
        child.once("close", (code, signal) => {
          end = signal ?? code ?? undefined
        })
        return child
      }),
      (child) => Effect.zipRight(Effect.sync(() => child.kill("SIGTERM")), ended)
    )

    return {
      output: () => output,
      wrote: (text) =>
        poll(() => {
          const match = output.match(text)
          if (match !== null) return Effect.succeed(match)
          return end === undefined
            ? undefined
            : Effect.fail(new Unexpected({ message: `The demo ended with ${end}, and wrote no ${text}:\n${output}` }))
        }),
      ended,
      signal: (signal) => Effect.sync(() => void child.kill(signal)),
      server: Effect.sync(() => {
        const file = path.join(folder, leftovers()[0]!, "data", "postmaster.pid")
        return Number(fs.readFileSync(file, "utf8").split("\n")[0])
      }),
      leftovers
    }
  })

/** Looks again and again until there is something to see. */
export const poll = <A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const seen = look()
    return seen ?? Effect.delay(poll(look), "20 millis")
  })
