/** A server, in a process of its own. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { ServerMessage } from "../../http/protocol.js"

export class ServerEnded extends Data.TaggedError("ServerEnded")<{ readonly message: string }> {}

export interface Server {
  readonly port: number
  /** Microseconds of the processor that it has had. */
  readonly cpu: Effect.Effect<number, ServerEnded>
  /** The last line that it has written to its standard error. */
  readonly said: () => string
}

const program = fileURLToPath(new URL("../../http/server.js", import.meta.url))

/** It runs until the Scope closes, with the options of Node that this process has. */
export const open = (name: string): Effect.Effect<Server, ServerEnded, Scope.Scope> =>
  Effect.gen(function*() {
    let errors = ""
    const said = () => errors.trim().split("\n").at(-1) ?? ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => fork(program, [name], { stdio: ["ignore", "ignore", "pipe", "ipc"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    child.stderr?.on("data", (text) => {
      errors = (errors + String(text)).slice(-4000)
    })
    const next = <Tag extends ServerMessage["_tag"]>(tag: Tag, ask: () => void) =>
      Effect.async<Extract<ServerMessage, { readonly _tag: Tag }>, ServerEnded>((resume) => {
        const forget = () => {
          child.off("message", listen)
          child.off("close", close)
        }
        const close = () => {
          forget()
          const end = `its process ended with ${child.signalCode ?? child.exitCode}`
          resume(new ServerEnded({ message: said() === "" ? end : `${end}: ${said()}` }))
        }
        const listen = (message: ServerMessage) => {
          if (message._tag !== tag) return
          forget()
          resume(Effect.succeed(message as Extract<ServerMessage, { readonly _tag: Tag }>))
        }
        if (child.exitCode !== null || child.signalCode !== null) return close()
        child.on("message", listen)
        child.on("close", close)
        ask()
        return Effect.sync(forget)
      })
    const { port } = yield* next("Listening", () => {})
    // Where it cannot be asked any more, its end says so.
    const cpu = next("Cpu", () => child.send("Cpu", () => {}))
    return { port, said, cpu: Effect.map(cpu, ({ microseconds }) => microseconds) }
  })
