/** A counter server over TCP, in the manner of Redis: a command a line, an answer a line, in order, each after a moment. */
import * as Effect from "effect/Effect"
import * as net from "node:net"
import { createInterface } from "node:readline"

export interface CounterServer {
  readonly port: number
  /** The most commands of one session that it had to answer at one time. */
  readonly mostAtOnce: () => number
  /** Ends every session at once, as a restart would. */
  readonly cutOff: Effect.Effect<void>
}

/** How long an answer takes, in milliseconds. */
const DELAY = 2

const answer = (counters: Map<string, number>, command: string): string => {
  const [name, key = "", value = "0"] = command.split(" ")
  const before = counters.get(key) ?? 0
  switch (name) {
    case "PING":
      return "PONG"
    case "GET":
      return String(before)
    case "INCR":
      counters.set(key, before + 1)
      return String(before + 1)
    case "SET":
      counters.set(key, Number(value))
      return "OK"
    default:
      return `ERR unknown command ${name}`
  }
}

/** Listens on a free port until the Scope closes. */
export const serve = Effect.acquireRelease(
  Effect.async<{ readonly server: net.Server; readonly made: CounterServer }, Error>((resume) => {
    const counters = new Map<string, number>()
    const sessions = new Set<net.Socket>()
    let most = 0
    const server = net.createServer((socket) => {
      let waiting = 0
      sessions.add(socket)
      socket.on("close", () => sessions.delete(socket)).on("error", () => socket.destroy())
      createInterface({ input: socket }).on("line", (command) => {
        most = Math.max(most, ++waiting)
        setTimeout(() => {
          waiting--
          if (socket.writable) socket.write(`${answer(counters, command)}\n`)
        }, DELAY)
      })
    })
    const made: CounterServer = {
      get port() {
        return (server.address() as net.AddressInfo).port
      },
      mostAtOnce: () => most,
      cutOff: Effect.sync(() => sessions.forEach((socket) => socket.destroy()))
    }
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, made })))
  }),
  ({ made, server }) =>
    Effect.zipRight(
      made.cutOff,
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
    )
).pipe(Effect.map(({ made }) => made))
