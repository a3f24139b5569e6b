/**
 * The way to a server, which can be closed: then connections are accepted and ended at once, as by a load balancer without a server, or a server that
 * starts. It counts who comes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"

const host = "127.0.0.1"

/** What came to it since it was opened or closed last. */
export interface Seen {
  /** When connections came, in milliseconds after that. */
  readonly opens: ReadonlyArray<number>
  /** How many there were at one time at the most. */
  readonly most: number
}

export interface Gate {
  readonly port: number
  /** Ends all connections, and lets nobody through. Gives what came before. */
  readonly close: Effect.Effect<Seen>
  /** Lets everybody through. Gives what came before. */
  readonly open: Effect.Effect<Seen>
}

/** Leads to a port of this machine until the Scope closes. */
export const make = (target: number): Effect.Effect<Gate, never, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<net.Socket>()
    let isOpen = true
    let opens: Array<number> = []
    let most = 0
    let since = performance.now()

    const server = net.createServer({ noDelay: true }, (client) => {
      opens.push(performance.now() - since)
      client.on("error", () => {})
      if (!isOpen) return client.destroy()
      const upstream = net.connect({ port: target, host, noDelay: true })
      client.pipe(upstream).pipe(client)
      sockets.add(client)
      most = Math.max(most, sockets.size)
      const end = () => {
        sockets.delete(client)
        client.destroy()
        upstream.destroy()
      }
      client.on("close", end)
      upstream.on("error", end).on("close", end)
    })
    const port = yield* Effect.async<number>((resume) => {
      server.listen({ port: 0, host, backlog: 4096 }, () =>
        resume(Effect.succeed((server.address() as net.AddressInfo).port)))
    })

    const turn = (next: boolean): Effect.Effect<Seen> =>
      Effect.sync(() => {
        const seen = { opens, most }
        isOpen = next
        if (!isOpen) {
          for (const socket of sockets) {
            socket.destroy()
          }
        }
        opens = []
        most = 0
        since = performance.now()
        return seen
      })
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        server.close(() =>
          resume(Effect.void)
        )
        for (const socket of sockets) socket.destroy()
      })
    )
    return { port, open: turn(true), close: turn(false) }
  })
