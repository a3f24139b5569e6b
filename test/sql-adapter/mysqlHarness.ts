import type { MysqlConnection, MysqlConnectorConfig } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as net from "node:net"
import type { Server } from "../support/mysql.js"
import { Mysql } from "../support/mysql.js"
import { strangeServer, until } from "./harness.js"

/** The options that reach this server. */
export const optionsOf = ({ database, host, password, port, user }: Server): MysqlConnectorConfig => ({
  host,
  port,
  database,
  user,
  password
})

/** A connection to the test's server, with some options other than the usual. */
export const open = (
  options: MysqlConnectorConfig = {}
): Effect.Effect<MysqlConnection, MysqlConnector.MysqlConnectError, Scope.Scope | Mysql> =>
  Effect.flatMap(Mysql, (server) => MysqlConnector.make({ ...optionsOf(server), ...options }).open)

/** The connector's steps, which don't depend on its options. */
export const steps = MysqlConnector.make({}) as unknown as
  & {
    readonly [Step in "check" | "reset"]: (connection: MysqlConnection) => Effect.Effect<unknown, unknown>
  }
  & {
    readonly [Step in "needsReset" | "isBroken"]: (connection: MysqlConnection) => boolean
  }
  & {
    readonly onLost: (connection: MysqlConnection, lost: (reason: unknown) => void) => void
    readonly abort: (connection: MysqlConnection) => void
  }

/** What the server says of a session: `undefined` when it is gone. */
export const activity = (threadId: number) =>
  Effect.flatMap(
    Mysql,
    (server) => Effect.map(server.processes, (processes) => processes.find(({ id }) => id === threadId))
  )

/** Waits until this session runs a statement that contains `text`. */
export const isRunning = (threadId: number, text: string) =>
  until(
    `${threadId} runs ${text}`,
    Effect.map(activity(threadId), (process) => process?.info?.includes(text) === true)
  )

export const isGone = (threadId: number) =>
  until(`${threadId} is gone`, Effect.map(activity(threadId), (process) => process === undefined))

/** How many rows a table of the test's database has. */
export const count = (table: string) =>
  Effect.flatMap(
    Mysql,
    ({ database, query }) =>
      Effect.map(query(`SELECT COUNT(*) AS n FROM ${database}.${table}`), ([row]) => Number(row!.n))
  )

const noBackslashEscapes = 512

/** Flags of the status. */
export const status = { autocommit: 2, inTransaction: 1, noBackslashEscapes }

const protocol41 = 0x00000200
const transactions = 0x00002000
const secureConnection = 0x00008000
const pluginAuth = 0x00080000

/** A packet of the protocol. */
export const packet = (sequence: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, payload])
}

/** The first packet of a server. */
export const greeting = (version = "8.0.99-fake", capabilities = 0): Buffer => {
  const flags = Buffer.alloc(4)
  flags.writeUInt32LE((protocol41 | transactions | secureConnection | pluginAuth | capabilities) >>> 0)
  return packet(
    0,
    Buffer.concat([
      Buffer.from([10]),
      Buffer.from(`${version}\0`),
      Buffer.from([7, 0, 0, 0]),
      Buffer.from("abcdefgh\0"),
      flags.subarray(0, 2),
      Buffer.from([45, status.autocommit, 0]),
      flags.subarray(2),
      Buffer.from([21]),
      Buffer.alloc(10),
      Buffer.from("ijklmnopqrst\0mysql_native_password\0")
    ])
  )
}

export const ok = (flags = status.autocommit): Buffer => Buffer.from([0, 0, 0, flags & 0xff, flags >> 8, 0, 0])

export const err = (errno: number, sqlState: string, message: string): Buffer =>
  Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from(`#${sqlState}${message}`)])

export const eof = (flags = status.autocommit): Buffer => Buffer.from([0xfe, 0, 0, flags & 0xff, flags >> 8])

/** A definition of a column of text. */
export const column = (name: string): Buffer => {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  return Buffer.concat([
    ...["def", "", "", "", name, ""].map(text),
    Buffer.from([0x0c, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0])
  ])
}

/** A result set of one column of text. */
export const rows = (values: ReadonlyArray<string>, flags = status.autocommit): ReadonlyArray<Buffer> => [
  Buffer.from([1]),
  column("a"),
  eof(flags),
  ...values.map((value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])),
  eof(flags)
]

/** The packets of an answer, from its first to its last, or some of them. */
export const answered = (payloads: ReadonlyArray<Buffer>, first = 1): Buffer =>
  Buffer.concat(payloads.map((payload, index) => packet(first + index, payload)))

/** A command of a client. */
export interface Command {
  /** Its first byte: 3 for a statement, 14 for a ping, 1 for a goodbye. */
  readonly code: number
  readonly text: string
}

interface FakeOptions {
  /** The answer to a login. */
  readonly login?: Buffer
  /** Of the session, as long as nothing else is answered. */
  readonly flags?: number
  /** Which server it says that it is: `undefined` for one that does not know. */
  readonly name?: string | undefined
}

/**
 * A server that takes in everybody, says who it is, and answers each other command with the payloads that `answer` gives; `undefined` is
 * never answered.
 */
export const fakeServer = (
  answer: (command: Command, socket: net.Socket) => ReadonlyArray<Buffer> | undefined,
  options: FakeOptions = {}
) =>
  Effect.suspend(() => {
    const { flags = status.autocommit, login = ok(flags) } = options
    const name = "name" in options ? options.name : "fake"
    const itself = name === undefined ? [err(1193, "HY000", "Unknown system variable")] : rows([name], flags)
    let logins = 0
    const server = strangeServer((socket) => {
      let isAuthenticated = false
      socket.write(greeting())
      socket.on("data", (chunk: Buffer) => {
        if (!isAuthenticated) {
          isAuthenticated = true
          logins++
          return void socket.write(packet(2, login))
        }
        const command = { code: chunk[4]!, text: chunk.toString("utf8", 5) }
        if (command.code === 1) return void socket.end()
        const payloads = command.text.includes("@@hostname") ? itself : answer(command, socket)
        if (payloads !== undefined) socket.write(answered(payloads))
      })
    })
    return Effect.map(server, (server) => ({ ...server, logins: () => logins }))
  })

/** A connection to such a server. */
export const openFake = (
  { host, port }: { readonly host: string; readonly port: number },
  options: MysqlConnectorConfig = {}
) => MysqlConnector.make({ host, port, user: "app", ...options }).open
