/** Runs a worker until it is done, dies, or takes too long. */
import * as Effect from "effect/Effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Entry, Message, Request } from "./protocol.js"

export interface Limits {
  /** Of what one contender does at one time. */
  readonly seconds: number
  readonly megabytes: number
  /** Megabytes of V8's young generation; its default where there is none. */
  readonly young: number | undefined
}

export type End =
  | { readonly _tag: "Done" }
  /** `during` is what it was about. */
  | { readonly _tag: "Died"; readonly during: Entry | undefined; readonly why: string }

const worker = fileURLToPath(new URL("./worker.js", import.meta.url))

const flags = ({ megabytes, young }: Limits) => [
  "--expose-gc",
  `--max-old-space-size=${megabytes}`,
  ...young === undefined ? [] : [`--min-semi-space-size=${young}`, `--max-semi-space-size=${young}`]
]

export const run = (request: Request, limits: Limits, listen: (message: Message) => void): Effect.Effect<End> =>
  Effect.async((resume) => {
    const child = fork(worker, [JSON.stringify(request)], {
      execArgv: flags(limits),
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    let errors = ""
    let during: Entry | undefined
    let isDone = false
    let isLate = false
    let timer: NodeJS.Timeout | undefined

    child.stderr?.on("data", (text) => {
      errors = (errors + String(text)).slice(-4000)
    })
    child.on("message", (message: Message) => {
      clearTimeout(timer)
      during = message._tag === "Trying" ? message : undefined
      if (message._tag === "Trying") {
        timer = setTimeout(() => {
          isLate = true
          child.kill("SIGKILL")
        }, limits.seconds * 1000)
      }
      if (message._tag === "Done") {
        isDone = true
        // What closing its pools takes is not of interest.
        child.kill("SIGKILL")
      }
      listen(message)
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      if (isDone) return resume(Effect.succeed({ _tag: "Done" }))
      const why = isLate
        ? `out of time (${limits.seconds} s)`
        : errors.includes("heap out of memory")
        ? `out of memory (${limits.megabytes / 1024} GB)`
        : `ended with ${signal ?? code}`
      if (!isLate && !why.startsWith("out of memory")) {
        console.error(`\n${during?.contender ?? "A worker"} ${why}:\n${errors}`)
      }
      resume(Effect.succeed({ _tag: "Died", during, why }))
    })
    return Effect.sync(() => {
      clearTimeout(timer)
      child.kill("SIGKILL")
    })
  })
