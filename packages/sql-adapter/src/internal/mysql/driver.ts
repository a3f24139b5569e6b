import type { Connection, ConnectionOptions, Query } from "mysql2"
import mysql from "mysql2"
import type * as net from "node:net"
import * as tls from "node:tls"
import { asError } from "../wire/network.js"

/** A mysql2 connection with what of it has no type. */
export interface DriverClient extends Connection {
  stream: net.Socket
  sequenceId: number
  packetParser: PacketParser
  readonly _command?: DriverCommand | null
  readonly _commands: { readonly length: number }
  readonly _handshakePacket: { readonly serverVersion: string } | null
  /** What comes is kept until `resume`. */
  readonly _paused: boolean
  /** Takes in a packet of the server, or, with none, begins the next command. */
  handlePacket: (packet?: DriverPacket) => void
  startTLS: (onSecure: () => void) => void
}

interface PacketParser {
  readonly execute: (chunk: Buffer) => void
  readonly constructor: new(onPacket: (packet: DriverPacket) => void) => PacketParser
}

/** What mysql2 is busy with. `next` is the method of it that takes the next packet. */
export interface DriverCommand extends Query {
  readonly next: unknown
  readonly handshakeResult?: unknown
  readonly resultsetHeader?: unknown
  readonly infileOk?: unknown
  readonly pingResponse?: unknown
  readonly _rowParser?: RowParser | null
  /** A statement that is prepared has the second. */
  readonly sql: string
  readonly query?: string
}

interface RowParser {
  next: (packet: DriverPacket, ...rest: Array<unknown>) => unknown
}

export interface DriverPacket {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  readonly sequenceId: number
  /** With the four bytes before the payload. */
  readonly length: () => number
  readonly isError: () => boolean
  readonly asError: (encoding: string) => Error
}

/** What the server answered with: an ERR packet, as mysql2 reads it. */
export interface ServerError extends Error {
  readonly errno: number
  readonly sqlState: string
  /** Its name, where mysql2 knows one. */
  readonly code?: string
  readonly fatal?: boolean
}

export const isServerError = (u: unknown): u is ServerError =>
  u instanceof Error && "errno" in u && typeof u.errno === "number" && "sqlState" in u && typeof u.sqlState === "string"

/** What answered is no MySQL server. */
export class NotMysql extends Error {}

/** What is told of a connection's packets. Nothing is after `failed`. */
export interface Listener {
  /** An answer said in which state the session is. */
  readonly status?: (flags: number, warnings: number) => void
  /** The server refused what it was asked. */
  readonly refused?: (errno: number, sql: string | undefined) => void
  /** A row came, of so many bytes. Whether anybody wants it. */
  readonly row?: (bytes: number) => boolean
  /** A row could not be decoded. */
  readonly undecodable?: (error: unknown) => void
  /** mysql2 has nothing to do any more. */
  readonly idle?: () => void
  /** What came cannot be understood, or says that the connection ends. */
  readonly failed: (error: Error) => void
}

/** Flags of the status that the server sends with OK and EOF packets. */
export const Status = {
  inTransaction: 1,
  autocommit: 2,
  noBackslashEscapes: 512,
  inReadOnlyTransaction: 8192
} as const

const ok = 0x00
const askForFile = 0xfb
const eof = 0xfe

/** How to speak to a server. */
export interface ClientOptions {
  readonly client: ConnectionOptions
  readonly tls: tls.ConnectionOptions | undefined
}

/** What keeps a connection from more: TLS that is not there yet, or a failure. */
type Gate = "Open" | "Negotiating" | "Failed"

/**
 * Makes a connection on a socket that is not connected yet. Its packets are heard before mysql2 takes them in. What mysql2 throws at
 * malformed ones, right inside the socket's `data` event, is told, and does not end the process.
 */
export const makeClient = (options: ClientOptions, socket: net.Socket, listener: Listener): DriverClient => {
  const client = mysql.createConnection({ ...options.client, stream: socket }) as unknown as DriverClient
  let gate: Gate = "Open"
  let guarded: RowParser | undefined
  const fail = (error: unknown) => {
    if (gate === "Failed") return
    gate = "Failed"
    listener.failed(asError(error))
  }
  // mysql2 would say so on the console, and go on.
  client.on("warn", (error) => {
    throw error
  })
  socket.prependOnceListener("data", (chunk: Buffer) => {
    if (speaksMysql(chunk)) return
    const start = JSON.stringify(chunk.toString("latin1", 0, 40))
    fail(new NotMysql(`answered with something that is not MySQL's protocol: ${start}`))
  })
  const take = client.handlePacket
  client.handlePacket = (packet) => {
    if (packet === undefined) return take.call(client)
    if (gate === "Failed") return
    try {
      if (gate === "Negotiating") throw new NotMysql("answered in clear text where TLS was to begin")
      if (!client._paused) {
        const command = client._command ?? undefined
        hear(client, command, packet, listener)
        const parser = command?._rowParser ?? undefined
        if (parser !== undefined && parser !== guarded) {
          guarded = parser
          guardRows(parser, listener)
        }
      }
      take.call(client, packet)
    } catch (error) {
      return fail(error)
    }
    if (isIdle(client)) listener.idle?.()
  }
  client.startTLS = (onSecure) => {
    gate = "Negotiating"
    secure(client, options.tls ?? {}, fail, () => {
      if (gate === "Failed") return
      gate = "Open"
      onSecure()
    })
  }
  return client
}

/**
 * The first packet of a server is a greeting of version 10 or an error, and short. Of anything else mysql2 could wait for
 * the megabytes that its first bytes seem to announce.
 */
const speaksMysql = (chunk: Buffer): boolean => {
  if (chunk.length < 5) return true
  const length = chunk.readUIntLE(0, 3)
  return length > 0 && length < 4096 && chunk[3] === 0 && (chunk[4] === 10 || chunk[4] === 0xff)
}

/**
 * Begins TLS with all options of `tls.connect`: mysql2 passes some of them on, and checks no address. What came before TLS was not
 * sent by whom the certificate is for, so nothing of it is taken in.
 */
const secure = (
  client: DriverClient,
  options: tls.ConnectionOptions,
  fail: (error: unknown) => void,
  begun: () => void
): void => {
  const plain = client.stream
  plain.removeAllListeners("data")
  const socket = tls.connect({ ...options, socket: plain }, () => {
    client.packetParser = new client.packetParser.constructor((packet) => client.handlePacket(packet))
    try {
      begun()
    } catch (error) {
      fail(error)
    }
  })
  socket.on("error", fail)
  socket.on("data", (chunk) => client.packetParser.execute(chunk))
  client.stream = socket
}

export const isIdle = (client: DriverClient): boolean => !client._command && client._commands.length === 0

const hear = (
  client: DriverClient,
  command: DriverCommand | undefined,
  packet: DriverPacket,
  listener: Listener
): void => {
  const { buffer, offset } = packet
  const first = buffer[offset]
  if (packet.isError()) {
    // Nobody asked for it: the server says why it hangs up.
    if (command === undefined) throw packet.asError("utf8")
    if (packet.sequenceId === 0) client.sequenceId = 0
    return listener.refused?.(buffer.readUInt16LE(offset + 1), command.sql ?? command.query)
  }
  const next = command?.next
  if (command === undefined || next === undefined) return
  if (first === eof && packet.length() === 9) {
    return listener.status?.(buffer.readUInt16LE(offset + 3), buffer.readUInt16LE(offset + 1))
  }
  const isHeader = next === command.resultsetHeader
  if (isHeader && first === askForFile) throw new NotMysql("asked for a file of this machine, which it never gets")
  if (
    first === ok &&
    (isHeader || next === command.pingResponse || next === command.handshakeResult || next === command.infileOk)
  ) {
    const at = afterNumber(buffer, afterNumber(buffer, offset + 1))
    listener.status?.(buffer.readUInt16LE(at), buffer.readUInt16LE(at + 2))
  }
}

/** Where what follows a length-encoded number begins. */
const afterNumber = (buffer: Buffer, offset: number): number => {
  switch (buffer[offset]) {
    case 0xfc:
      return offset + 3
    case 0xfd:
      return offset + 4
    case 0xfe:
      return offset + 9
    default:
      return offset + 1
  }
}

/** A row that cannot be decoded would have mysql2 think that the answer has ended, and take the rows behind it for another. */
const guardRows = (parser: RowParser, listener: Listener): void => {
  const { next } = parser
  parser.next = function(packet, ...rest) {
    if (listener.row?.(packet.length()) === false) return undefined
    try {
      return next.call(parser, packet, ...rest)
    } catch (error) {
      listener.undecodable?.(error)
      return undefined
    }
  }
}
