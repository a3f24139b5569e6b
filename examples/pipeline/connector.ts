/** Sessions that can have many commands under way: each answer goes to the one that waits longest. */
import * as Connector from "@cenote/core/Connector"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as net from "node:net"
import { createInterface } from "node:readline"

export class SessionLost extends Data.TaggedError("SessionLost")<{ readonly reason: string }> {
  override get message(): string {
    return `the session was lost: ${this.reason}`
  }
}

export class CommandFailed extends Data.TaggedError("CommandFailed")<{ readonly message: string }> {}

type Answer = Effect.Effect<string, SessionLost | CommandFailed>

export class Session {
  /** One for each command that was sent and not answered, oldest first. */
  private waiting: Array<(answer: Answer) => void> = []
  private lost: SessionLost | undefined = undefined

  constructor(readonly socket: net.Socket) {
    createInterface({ input: socket }).on("line", (line) =>
      this.waiting.shift()?.(
        line.startsWith("ERR ") ? new CommandFailed({ message: line.slice(4) }) : Effect.succeed(line)
      ))
    socket.on("error", (error) => this.end(error.message)).on("close", () => this.end("the socket was closed"))
  }

  private end(reason: string): void {
    this.lost ??= new SessionLost({ reason })
    const { lost, waiting } = this
    this.waiting = []
    waiting.forEach((resume) => resume(lost))
  }

  /**
   * Sends a command without waiting for the answers to others. Interrupting it does not take it back: its answer comes, and is thrown
   * away, so that the others get theirs.
   */
  send(...words: readonly [string, ...ReadonlyArray<string>]): Answer {
    return Effect.async((resume) => {
      if (this.lost !== undefined) return resume(this.lost)
      this.waiting.push(resume)
      this.socket.write(`${words.join(" ")}\n`)
    })
  }

  get isLost(): boolean {
    return this.lost !== undefined
  }
}

export const connector = (port: number): Connector.Connector<Session, SessionLost> =>
  Connector.make({
    name: "counters",
    open: Effect.acquireRelease(
      Effect.async<Session, SessionLost>((resume) => {
        const socket = net.connect({ port, host: "127.0.0.1", noDelay: true })
        socket.once("connect", () => resume(Effect.succeed(new Session(socket))))
        socket.once("error", (error) => resume(new SessionLost({ reason: error.message })))
        return Effect.sync(() => socket.destroy())
      }),
      ({ socket }) => Effect.sync(() => socket.destroy())
    ),
    check: (session) => session.send("PING"),
    isBroken: (session) => session.isLost,
    onLost: (session, lost) => session.socket.once("close", () => lost("the socket was closed")),
    abort: (session) => session.socket.destroy()
  })
