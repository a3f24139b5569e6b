/** A way to a server on which its bytes are changed: what comes out of it is no honest server any more. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import * as net from "node:net"

/** What is done to the bytes from a place in a connection's stream on. */
export type Change =
  | { readonly _tag: "Flip"; readonly mask: number }
  | { readonly _tag: "Overwrite"; readonly bytes: ReadonlyArray<number> }
  | { readonly _tag: "Insert"; readonly bytes: ReadonlyArray<number> }
  | { readonly _tag: "Drop"; readonly count: number }
  | { readonly _tag: "Repeat"; readonly count: number }
  | { readonly _tag: "End" }

export interface Hostility {
  /** How many bytes of the server's go through as they are. */
  readonly at: number
  readonly change: Change
}

const byte = fc.integer({ min: 0, max: 255 })

/** Lengths that no message has, most significant byte first or last. */
const lengths = [
  [0, 0, 0, 0],
  [0, 0, 0, 3],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 1, 0],
  [0xff, 0xff, 0xff, 0]
]

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ _tag: fc.constant("Flip" as const), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ _tag: fc.constant("Overwrite" as const), bytes: fc.constantFrom(...lengths) }),
  fc.record({ _tag: fc.constant("Insert" as const), bytes: fc.array(byte, { minLength: 1, maxLength: 40 }) }),
  fc.record({ _tag: fc.constant("Drop" as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ _tag: fc.constant("Repeat" as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ _tag: fc.constant("End" as const) })
)

/** Somewhere in the first bytes of a connection. */
export const hostility = (within: number): fc.Arbitrary<Hostility> =>
  fc.record({ at: fc.integer({ min: 0, max: within }), change })

/** The bytes that come instead; undefined where the connection ends. */
const changed = (change: Change, bytes: Buffer, place: number): Buffer | undefined => {
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (change._tag) {
    case "Flip":
      return Buffer.concat([before, Buffer.from([after[0]! ^ change.mask]), after.subarray(1)])
    case "Overwrite":
      return Buffer.concat([before, Buffer.from(change.bytes), after.subarray(change.bytes.length)])
    case "Insert":
      return Buffer.concat([before, Buffer.from(change.bytes), after])
    case "Drop":
      return Buffer.concat([before, after.subarray(change.count)])
    case "Repeat":
      return Buffer.concat([before, after.subarray(0, change.count), after])
    case "End":
      return undefined
  }
}

export interface Hostile {
  readonly host: string
  readonly port: number
  /** For the connections to come. Undefined: all goes through as it is. */
  readonly be: (hostility: Hostility | undefined) => void
  /** How many connections were changed. */
  readonly changes: () => number
  /** Of clients. */
  readonly sockets: () => number
}

/** It listens until the Scope closes. */
export const before = (
  server: { readonly host: string; readonly port: number }
): Effect.Effect<Hostile, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Hostile & { readonly close: Effect.Effect<void> }>((resume) => {
      const sockets = new Set<net.Socket>()
      let ofNew: Hostility | undefined
      let changes = 0
      const listener = net.createServer((client) => {
        const upstream = net.connect(server.port, server.host)
        const now = ofNew
        let passed = 0
        const pass = (bytes: Buffer) => {
          const place = now === undefined ? -1 : now.at - passed
          passed += bytes.length
          if (now === undefined || place < 0 || place >= bytes.length) return void client.write(bytes)
          changes++
          const instead = changed(now.change, bytes, place)
          if (instead === undefined) client.end(bytes.subarray(0, place))
          else client.write(instead)
        }
        upstream.on("data", pass)
        client.on("data", (bytes) => upstream.write(bytes))
        sockets.add(client)
        const end = () => {
          sockets.delete(client)
          client.destroy()
          upstream.destroy()
        }
        for (const socket of [client, upstream]) socket.on("error", end).on("close", end)
      })
      listener.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({
          host: "127.0.0.1",
          port: (listener.address() as net.AddressInfo).port,
          be: (hostility) => {
            ofNew = hostility
          },
          changes: () => changes,
          sockets: () => sockets.size,
          close: Effect.async((resume) => {
            for (const socket of sockets) socket.destroy()
            listener.close(() => resume(Effect.void))
          })
        })))
    }),
    ({ close }) => close
  )
