import type * as net from "node:net"
import type { ConnectionOptions } from "node:tls"
import type pg from "pg"
import { asError } from "../wire/network.js"

/** A pg client with what of it has no type: whether nothing is on the wire, and what a CancelRequest needs. */
export interface DriverClient extends Omit<pg.Client, "connection" | "ssl" | "pipeline"> {
  readonly connection: DriverConnection
  /** Whether it sends what it is given at once. May be changed while it has nothing to do. */
  pipeline: boolean
  readonly ssl: boolean | ConnectionOptions
  readonly sslNegotiation?: "postgres" | "direct"
  readonly readyForQuery?: boolean
  readonly processID: number | null
  readonly secretKey: number | null
}

/** pg's connection: a socket that speaks the protocol. `stream` becomes another one when TLS begins. */
export interface DriverConnection extends Omit<pg.Connection, "stream"> {
  readonly stream: net.Socket
  readonly connect: (portOrPath: number | string, host?: string) => void
  readonly requestSsl: () => void
  readonly cancel: (processId: number, secretKey: number) => void
  attachListeners: (stream: net.Socket) => void
}

/** The end of each answer. */
export interface ReadyForQuery {
  readonly status: "I" | "T" | "E"
}

/** What the server answered with, an ErrorResponse of the protocol, as pg's parser gives it. */
export interface ServerError extends Error {
  readonly severity: string
  readonly code: string
  readonly detail?: string
  readonly hint?: string
  readonly position?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
}

export const isServerError = (u: unknown): u is ServerError =>
  u instanceof Error && "severity" in u && typeof u.severity === "string" && "code" in u && typeof u.code === "string"

/** What answered is no PostgreSQL server. */
export class NotPostgres extends Error {
  constructor(readonly start: string) {
    super(`answered with something that is not PostgreSQL's protocol: ${JSON.stringify(start)}`)
  }
}

const firstMessages = new Set(["R", "E", "N", "v"].map((letter) => letter.charCodeAt(0)))
const letterE = "E".charCodeAt(0)

/**
 * The first answer of a server is a request for authentication, an error, a notice or a version. libpq takes nothing that is
 * longer than this either. An error that lacks its end would keep pg's parser busy for ever.
 */
const speaksPostgres = (chunk: Buffer): boolean => {
  if (chunk.length === 0) return true
  if (!firstMessages.has(chunk[0]!)) return false
  if (chunk.length < 5) return true
  const length = chunk.readUInt32BE(1)
  if (length < 8 || length > 30_000) return false
  return chunk[0] !== letterE || chunk.length <= length || chunk[length] === 0
}

/**
 * Keeps what the driver throws while it reads an answer from ending the process: pg's parser throws on some malformed
 * messages, right inside the socket's `data` event. The socket is destroyed with that error instead, which the driver reports
 * as it reports any other.
 */
export const guard = (connection: DriverConnection): void => {
  const attach = connection.attachListeners
  connection.attachListeners = (stream) => {
    const others = new Set(stream.listeners("data"))
    attach.call(connection, stream)
    for (const listener of stream.listeners("data")) {
      if (others.has(listener)) continue
      let first = true
      stream.off("data", listener as (chunk: Buffer) => void)
      stream.on("data", (chunk: Buffer) => {
        try {
          if (first) {
            first = false
            if (!speaksPostgres(chunk)) throw new NotPostgres(chunk.toString("latin1", 0, 40))
          }
          listener.call(stream, chunk)
        } catch (error) {
          stream.destroy(asError(error))
        }
      })
    }
  }
}
