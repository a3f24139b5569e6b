import type { MysqlConnectorConfig, MysqlConnectReason } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type * as net from "node:net"
import { strangeServer, until } from "./harness.js"
import { err, fakeServer, greeting, ok, openFake, packet, status } from "./mysqlHarness.js"

const failure = (options: MysqlConnectorConfig) => Effect.scoped(Effect.flip(MysqlConnector.make(options).open))

describe("Opening what only a server of its own can show", () => {
  it.live("bounds SELECT on MySQL by its own variable", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const server = yield* fakeServer(({ text }) => {
        asked.push(text)
        return [ok()]
      })
      yield* openFake(server, { statementTimeout: "1500 millis" })
      expect(asked).toEqual(["SET SESSION max_execution_time = 1500"])
    }).pipe(Effect.scoped))

  it.live("takes NO_BACKSLASH_ESCAPES out of the session, as parameters could not be put into a text safely with it", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const server = yield* fakeServer(({ text }) => {
        asked.push(text)
        return [ok()]
      }, { flags: status.autocommit | status.noBackslashEscapes })
      const connection = yield* openFake(server)
      expect(asked).toEqual(["SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')"])
      yield* connection.query("select ?", ["it's"])
      expect(asked[1]).toBe("select 'it\\'s'")
    }).pipe(Effect.scoped))

  it.live("gives up statements on a server that keeps the connection, and answers nothing", () =>
    Effect.gen(function*() {
      const server = yield* fakeServer(({ text }) => text.startsWith("SET") ? [ok()] : undefined)
      const connection = yield* openFake(server, { statementTimeout: "30 millis", cancelTimeout: "20 millis" })
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(error.message).toContain("not answered in 50 ms")
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
    }).pipe(Effect.scoped))

  const refusals: ReadonlyArray<[number, string, string, MysqlConnectReason]> = [
    [1040, "08004", "Too many connections", "TooManyConnections"],
    [1203, "42000", "User app already has more than 'max_user_connections' active connections", "TooManyConnections"],
    [1053, "08S01", "Server shutdown in progress", "NotAccepting"],
    [1129, "HY000", "Host is blocked because of many connection errors", "NotAccepting"],
    [1130, "HY000", "Host is not allowed to connect to this server", "Authentication"],
    [3159, "HY000", "Connections using insecure transport are prohibited", "Tls"],
    [1105, "HY000", "Unknown error", "Other"]
  ]
  for (const [errno, sqlState, message, reason] of refusals) {
    it.live(`that the server refuses with ${errno}, before or after it knows who asks: ${reason}`, () =>
      Effect.gen(function*() {
        const before = yield* strangeServer((socket) => socket.end(packet(0, err(errno, sqlState, message))))
        const after = yield* fakeServer(() => undefined, { login: err(errno, sqlState, message) })
        for (const server of [before, after]) {
          const error = yield* Effect.flip(openFake(server))
          expect(error).toMatchObject({ reason, errno })
          expect(error.message).toContain(message)
        }
      }).pipe(Effect.scoped))
  }
})

describe("A server that is none", () => {
  /** After the client has said who it is. */
  const afterLogin = (payload: Buffer) => (socket: net.Socket) => {
    socket.write(greeting())
    socket.once("data", () => socket.write(packet(2, payload)))
  }
  const answers: ReadonlyArray<[string, MysqlConnectReason, (socket: net.Socket) => void]> = [
    ["hangs up at once", "Disconnected", (socket) => socket.end()],
    ["resets at once", "Disconnected", (socket) => socket.resetAndDestroy()],
    ["hangs up in the middle of its greeting", "Disconnected", (socket) => socket.end(greeting().subarray(0, 20))],
    [
      "hangs up when it knows who asks",
      "Disconnected",
      (socket) => {
        socket.write(greeting())
        socket.once("data", () => socket.end())
      }
    ],
    ["greets like a mail server", "Protocol", (socket) => socket.write("220 mail.example.org ESMTP\r\n")],
    ["answers like a web server", "Protocol", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["answers noise", "Protocol", (socket) => socket.write(Buffer.alloc(1000, 0xa7))],
    ["greets with half a greeting", "Protocol", (socket) => socket.write(packet(0, Buffer.from([10, 0x38, 0])))],
    [
      "speaks another version of the protocol",
      "Protocol",
      (socket) => socket.write(packet(0, Buffer.from([9, 0x38, 0])))
    ],
    ["greets with half an error", "Protocol", (socket) => socket.write(packet(0, Buffer.from([0xff])))],
    ["answers the login with half an error", "Protocol", afterLogin(Buffer.from([0xff]))],
    ["answers the login with something else", "Protocol", afterLogin(Buffer.from([0x42, 0x42]))],
    ["answers the login out of turn", "Protocol", (socket) => {
      socket.write(greeting())
      socket.once("data", () => socket.write(packet(77, ok())))
    }],
    [
      "asks for an authentication that nobody knows",
      "Authentication",
      afterLogin(Buffer.from("\xfeno_such_plugin\0abcdefghijklmnopqrst\0", "latin1"))
    ],
    [
      "asks for the password in clear text",
      "Authentication",
      afterLogin(Buffer.from("\xfemysql_clear_password\0", "latin1"))
    ],
    [
      "goes on with an authentication that was never begun",
      "Authentication",
      afterLogin(Buffer.from([1, 4]))
    ]
  ]
  for (const [what, reason, onConnection] of answers) {
    it.live(`that ${what}: ${reason}`, () =>
      Effect.gen(function*() {
        const console_ = yield* Effect.acquireRelease(
          Effect.sync(() => vi.spyOn(console, "error")),
          (spy) => Effect.sync(() => spy.mockRestore())
        )
        const server = yield* strangeServer(onConnection)
        const error = yield* failure({
          host: server.host,
          port: server.port,
          user: "app",
          password: Redacted.make("secret")
        })
        expect(error).toMatchObject({ _tag: "MysqlConnectError", reason })
        expect(console_).not.toHaveBeenCalled()
        yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
      }).pipe(Effect.scoped))
  }

  it.live("that never answers: an interruption leaves nothing behind", () =>
    Effect.gen(function*() {
      const server = yield* strangeServer(() => {})
      const opening = yield* Effect.fork(failure({ host: server.host, port: server.port, user: "app" }))
      yield* until("it has connected", Effect.sync(() => server.sockets() === 1))
      yield* Fiber.interrupt(opening)
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
    }).pipe(Effect.scoped))

  it.live("that never answers: connectTimeout bounds it", () =>
    Effect.gen(function*() {
      const server = yield* strangeServer(() => {})
      const error = yield* failure({ host: server.host, port: server.port, user: "app", connectTimeout: "50 millis" })
      expect(error).toMatchObject({ reason: "Timeout" })
      expect(error.message).toContain("50 ms")
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
    }).pipe(Effect.scoped))

  it.live("that never answers TLS: an interruption leaves nothing behind", () =>
    Effect.gen(function*() {
      let asked = 0
      const server = yield* strangeServer((socket) => {
        socket.write(greeting("8.0.99-fake", 0x800))
        socket.on("data", () => asked++)
      })
      const scope = yield* Scope.make()
      const opening = yield* Effect.fork(
        Scope.extend(MysqlConnector.make({ host: server.host, port: server.port, user: "app", ssl: true }).open, scope)
      )
      yield* until("it has asked for TLS", Effect.sync(() => asked > 0))
      yield* Fiber.interrupt(opening)
      yield* Scope.close(scope, Exit.void)
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
    }).pipe(Effect.scoped))

  it.live("that answers in clear text where TLS was to begin: Protocol", () =>
    Effect.gen(function*() {
      const server = yield* strangeServer((socket) => {
        socket.write(Buffer.concat([greeting("8.0.99-fake", 0x800), packet(2, ok())]))
      })
      const error = yield* failure({ host: server.host, port: server.port, user: "app", ssl: true })
      expect(error).toMatchObject({ reason: "Protocol" })
      expect(error.message).toContain("in clear text")
    }).pipe(Effect.scoped))
})
