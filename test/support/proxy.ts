/** A TCP proxy that misbehaves on demand, to stand between a client and a server. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"

/**
 * What becomes of the bytes that arrive.
 *
 * - `Pass`: they go on.
 * - `BlackHole`: they are swallowed, in both directions, and so are the ends of connections: half-open TCP.
 * - `OneWay`: only those to this side go on.
 * - `Delay`: they go on some milliseconds later.
 * - `Throttle`: so many go on in a second, in each direction of a connection.
 * - `CutAfter`: of the server's bytes so many go on, then the connection is reset on both sides.
 * - `Fin`, `Reset`: both sides are told at once that the other one has ended, or has reset.
 */
export type Mode =
  | { readonly _tag: "Pass" }
  | { readonly _tag: "BlackHole" }
  | { readonly _tag: "OneWay"; readonly to: "Client" | "Server" }
  | { readonly _tag: "Delay"; readonly millis: number }
  | { readonly _tag: "Throttle"; readonly bytesPerSecond: number }
  | { readonly _tag: "CutAfter"; readonly bytes: number }
  | { readonly _tag: "Fin" }
  | { readonly _tag: "Reset" }

export const pass: Mode = { _tag: "Pass" }
export const blackHole: Mode = { _tag: "BlackHole" }
export const oneWay = (to: "Client" | "Server"): Mode => ({ _tag: "OneWay", to })
export const delay = (millis: number): Mode => ({ _tag: "Delay", millis })
export const throttle = (bytesPerSecond: number): Mode => ({ _tag: "Throttle", bytesPerSecond })
export const cutAfter = (bytes: number): Mode => ({ _tag: "CutAfter", bytes })
export const fin: Mode = { _tag: "Fin" }
export const reset: Mode = { _tag: "Reset" }

export interface Target {
  readonly host: string
  readonly port: number
}

export interface ProxyConnection {
  /** The client's end of it. */
  readonly port: number
  readonly mode: () => Mode
  readonly setMode: (mode: Mode) => void
  /** Resets both sides. */
  readonly cut: () => void
  /** Sends the client what the server never sent. */
  readonly inject: (bytes: Uint8Array) => void
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
  /** Where those to come are forwarded to. */
  readonly setTarget: (target: Target) => void
  /** Resets what one side has left and the other one was never told of, as TCP's keepalive does after a while. */
  readonly reap: () => void
}

interface Pipe extends ProxyConnection {
  readonly isLeft: () => boolean
  readonly destroy: () => void
}

/** Whether the end of a connection may stay unheard on its other side. */
const swallows = ({ _tag }: Mode): boolean => _tag === "BlackHole" || _tag === "OneWay"

/** Also one that has only said that it sends no more: it waits for the answer, and in vain. */
const hasLeft = ({ destroyed, readableEnded }: net.Socket): boolean => destroyed || readableEnded

/** Does one thing after the other, none before its time. What takes longer holds up what is behind it. */
const inOrder = () => {
  const waiting: Array<{ readonly due: number; readonly act: () => void }> = []
  let last = 0
  const drain = () => {
    while (waiting.length > 0 && waiting[0]!.due <= performance.now()) waiting.shift()!.act()
    if (waiting.length > 0) setTimeout(drain, Math.ceil(waiting[0]!.due - performance.now()))
  }
  /** `millis` from now, or from what was to be done before. */
  return (after: "Now" | "Last", millis: number, act: () => void) => {
    const now = performance.now()
    last = after === "Now" ? Math.max(last, now + millis) : Math.max(last, now) + millis
    if (waiting.length === 0 && last <= now) return act()
    waiting.push({ due: last, act })
    if (waiting.length === 1) setTimeout(drain, Math.ceil(last - now))
  }
}

const connect = (
  client: net.Socket,
  target: Target,
  first: Mode,
  closed: (pipe: Pipe, sides: "One" | "Both") => void
): Pipe => {
  const server = net.connect({ host: target.host, port: target.port, allowHalfOpen: true })
  let mode: Mode
  let left = 0

  const cut = () => {
    client.resetAndDestroy()
    server.resetAndDestroy()
  }
  const setMode = (next: Mode) => {
    mode = next
    left = next._tag === "CutAfter" ? next.bytes : 0
    if (next._tag === "Reset") cut()
    if (next._tag === "Fin") {
      client.end()
      server.end()
    }
  }
  const forward = (from: net.Socket, to: net.Socket) => {
    const next = inOrder()
    const later = (bytes: number, act: () => void) => {
      switch (mode._tag) {
        case "BlackHole":
        case "Fin":
        case "Reset":
          return
        case "OneWay":
          return to === (mode.to === "Client" ? client : server) ? next("Now", 0, act) : undefined
        case "Delay":
          return next("Now", mode.millis, act)
        case "Throttle":
          return next("Last", bytes / mode.bytesPerSecond * 1000, act)
        case "Pass":
        case "CutAfter":
          return next("Now", 0, act)
      }
    }
    from.on("data", (chunk) => {
      if (mode._tag === "CutAfter" && from === server) {
        if (chunk.length < left) {
          left -= chunk.length
          later(chunk.length, () => to.write(chunk))
        } else {
          const rest = chunk.subarray(0, left)
          left = 0
          later(rest.length, () => to.write(rest, cut))
        }
      } else {
        later(chunk.length, () => to.write(chunk))
      }
    })
    from.on("end", () => later(0, () => to.end()))
    from.on("error", () => {})
    from.on("close", () => {
      if (!swallows(mode)) to.destroy()
      closed(pipe, client.closed && server.closed ? "Both" : "One")
    })
  }
  const pipe: Pipe = {
    port: client.remotePort ?? 0,
    mode: () => mode,
    setMode,
    cut,
    inject: (bytes) => void client.write(bytes),
    isLeft: () =>
      swallows(mode) && [client, server].some(hasLeft) && ![client, server].every(({ destroyed }) => destroyed),
    destroy: () => {
      client.destroy()
      server.destroy()
    }
  }
  forward(client, server)
  forward(server, client)
  setMode(first)
  return pipe
}

/** Listens on a free port. It ends, with its connections, when the Scope closes. */
export const make = (
  first: Target
): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Proxy & { readonly close: (closed: () => void) => void }>((resume) => {
      // Those of which one side may be there still, as nobody has told it.
      const all = new Set<Pipe>()
      const open = new Set<Pipe>()
      let ofNew: Mode = pass
      let target = first
      let accepted = 0
      const listener = net.createServer({ allowHalfOpen: true }, (client) => {
        accepted++
        const pipe = connect(client, target, ofNew, (pipe, sides) => {
          open.delete(pipe)
          if (sides === "Both") all.delete(pipe)
        })
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
          setTarget: (next) => {
            target = next
          },
          reap: () => {
            for (const pipe of all) {
              if (pipe.isLeft()) pipe.cut()
            }
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
