/** A TCP proxy that misbehaves on demand, to stand between a client and a server. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"

/**
 * What becomes of the bytes that arrive.
 *
 * - `Pass`: they go on.
 * - `BlackHole`: they are swallowed, in both directions, and so are the ends of connections: half-open TCP.
 * - `Delay`: they go on some milliseconds later.
 * - `CutAfter`: of the server's bytes so many go on, then the connection is reset on both sides.
 */
export type Mode =
  | { readonly _tag: "Pass" }
  | { readonly _tag: "BlackHole" }
  | { readonly _tag: "Delay"; readonly millis: number }
  | { readonly _tag: "CutAfter"; readonly bytes: number }

export const pass: Mode = { _tag: "Pass" }
export const blackHole: Mode = { _tag: "BlackHole" }
export const delay = (millis: number): Mode => ({ _tag: "Delay", millis })
export const cutAfter = (bytes: number): Mode => ({ _tag: "CutAfter", bytes })

export interface ProxyConnection {
  /** The client's end of it. */
  readonly port: number
  readonly mode: () => Mode
  readonly setMode: (mode: Mode) => void
  /** Resets both sides. */
  readonly cut: () => void
}

export interface Proxy {
  readonly host: string
  readonly port: number
  /** Those that are open, oldest first. */
  readonly connections: () => ReadonlyArray<ProxyConnection>
  /** How many there have been. */
  readonly accepted: () => number
  /** For those that are open and those to come. */
  readonly setMode: (mode: Mode) => void
  /** For those to come only. */
  readonly setModeOfNew: (mode: Mode) => void
}

interface Pipe extends ProxyConnection {
  readonly destroy: () => void
}

const connect = (
  client: net.Socket,
  target: net.TcpNetConnectOpts,
  first: Mode,
  closed: (pipe: Pipe) => void
): Pipe => {
  const server = net.connect({ ...target, allowHalfOpen: true })
  let mode = first
  let left = first._tag === "CutAfter" ? first.bytes : 0

  const cut = () => {
    client.resetAndDestroy()
    server.resetAndDestroy()
  }
  const forward = (from: net.Socket, to: net.Socket) => {
    const later = (f: () => void) => {
      switch (mode._tag) {
        case "BlackHole":
          return
        case "Delay":
          return void setTimeout(f, mode.millis)
        case "Pass":
        case "CutAfter":
          return f()
      }
    }
    from.on("data", (chunk) => {
      if (mode._tag === "CutAfter" && from === server) {
        if (chunk.length < left) {
          left -= chunk.length
          to.write(chunk)
        } else {
          to.write(chunk.subarray(0, left), cut)
        }
      } else {
        later(() => to.write(chunk))
      }
    })
    from.on("end", () => later(() => to.end()))
    from.on("error", () => {})
    from.on("close", () => {
      if (mode._tag !== "BlackHole") to.destroy()
      if (client.closed || server.closed) closed(pipe)
    })
  }
  const pipe: Pipe = {
    port: client.remotePort ?? 0,
    mode: () => mode,
    setMode: (next) => {
      mode = next
      left = next._tag === "CutAfter" ? next.bytes : 0
    },
    cut,
    destroy: () => {
      client.destroy()
      server.destroy()
    }
  }
  forward(client, server)
  forward(server, client)
  return pipe
}

/** Listens on a free port. It ends, with its connections, when the Scope closes. */
export const make = (
  target: { readonly host: string; readonly port: number }
): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Proxy & { readonly close: (closed: () => void) => void }>((resume) => {
      const all = new Set<Pipe>()
      const open = new Set<Pipe>()
      let ofNew: Mode = pass
      let accepted = 0
      const listener = net.createServer({ allowHalfOpen: true }, (client) => {
        accepted++
        const pipe = connect(client, target, ofNew, (pipe) => open.delete(pipe))
        all.add(pipe)
        open.add(pipe)
      })
      listener.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed({
          host: "127.0.0.1",
          port: (listener.address() as net.AddressInfo).port,
          connections: () => Array.from(open),
          accepted: () => accepted,
          setMode: (mode) => {
            ofNew = mode
            for (const pipe of open) pipe.setMode(mode)
          },
          setModeOfNew: (mode) => {
            ofNew = mode
          },
          close: (closed) => {
            for (const pipe of all) pipe.destroy()
            listener.close(closed)
          }
        }))
      })
    }),
    ({ close }) => Effect.async<void>((resume) => close(() => resume(Effect.void)))
  )
