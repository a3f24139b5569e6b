/** Runs a worker until it is done, dies, or takes too long. */
import type * as Effect from "effect/Effect"
import { fork } from "./fork.js"
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

const worker = new URL("./worker.js", import.meta.url)

const flags = ({ young }: Limits) => [
  "--expose-gc",
  ...young === undefined ? [] : [`--min-semi-space-size=${young}`, `--max-semi-space-size=${young}`]
]

export const run = (request: Request, limits: Limits, listen: (message: Message) => void): Effect.Effect<End> =>
  fork<End>(worker, request, { megabytes: limits.megabytes, flags: flags(limits) }, (child) => {
    let during: Entry | undefined
    let isDone = false
    let isLate = false
    let timer: NodeJS.Timeout | undefined

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
    return {
      left: () => clearTimeout(timer),
      closed: ({ errors, isOutOfMemory, why }) => {
        if (isDone) return { _tag: "Done" }
        if (isLate) return { _tag: "Died", during, why: `out of time (${limits.seconds} s)` }
        if (!isOutOfMemory) console.error(`\n${during?.contender ?? "A worker"} ${why}:\n${errors}`)
        return { _tag: "Died", during, why }
      }
    }
  })
