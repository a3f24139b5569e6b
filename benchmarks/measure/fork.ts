/** Processes that measure: asked by their argument, they answer by messages. */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import * as process from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Options {
  /** Of the heap. */
  readonly megabytes: number
  /** More flags of Node. */
  readonly flags?: ReadonlyArray<string>
}

/** How it ended. */
export interface End {
  readonly why: string
  readonly isOutOfMemory: boolean
  /** The last that it wrote. */
  readonly errors: string
}

/** `on` is told of the child, hears of its end, and gives what is to be done when nobody waits for it any more. */
export const fork = <A>(
  file: URL,
  request: unknown,
  { flags = [], megabytes }: Options,
  on: (child: ChildProcess) => { readonly closed: (end: End) => A; readonly left: () => void }
): Effect.Effect<A> =>
  Effect.async((resume) => {
    const child = process.fork(fileURLToPath(file), [JSON.stringify(request)], {
      execArgv: [...flags, `--max-old-space-size=${megabytes}`],
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    let errors = ""
    child.stderr?.on("data", (text) => {
      errors = (errors + String(text)).slice(-4000)
    })
    const { closed, left } = on(child)
    child.on("close", (code, signal) => {
      left()
      const isOutOfMemory = errors.includes("heap out of memory")
      const why = isOutOfMemory ? `out of memory (${megabytes / 1024} GB)` : `ended with ${signal ?? code}`
      resume(Effect.succeed(closed({ why, isOutOfMemory, errors })))
    })
    return Effect.sync(() => {
      left()
      child.kill("SIGKILL")
    })
  })
