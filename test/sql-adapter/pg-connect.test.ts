import type { PgConnectorConfig, PgConnectReason } from "@cenote/sql-adapter/PgConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { describe, expect, it, layer, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as net from "node:net"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { activity, isGone, open, optionsOf, strangeServer, until } from "./harness.js"

const failure = (options: PgConnectorConfig) => Effect.scoped(Effect.flip(PgConnector.make(options).open))

const unusedPort = Effect.scoped(Effect.map(strangeServer(() => {}), ({ port }) => port))

layer(postgres({ maxConnections: 12 }), { excludeTestServices: true, timeout: 60_000 })("Opening", (it) => {
  describe("fails typed, with what the server said and what to check", () => {
    const table: ReadonlyArray<[string, PgConnectorConfig, PgConnectReason, string, RegExp]> = [
      ["host", { host: "no-such-host.invalid" }, "UnknownHost", "ENOTFOUND", /Check the host's name/],
      ["password", { password: Redacted.make("wrong") }, "Authentication", "28P01", /password authentication failed/],
      ["user", { user: "nobody" }, "Authentication", "28P01", /password authentication failed for user "nobody"/],
      ["database", { database: "nowhere" }, "UnknownDatabase", "3D000", /database "nowhere" does not exist/],
      ["TLS", { ssl: true }, "Tls", "", /does not support SSL.*Set ssl to false/]
    ]
    for (const [what, options, reason, code, message] of table) {
      it.scoped(`wrong ${what}: ${reason}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(open(options))
          expect(error._tag).toBe("PgConnectError")
          expect(error.reason).toBe(reason)
          // The name service's code depends on the machine.
          if (code !== "ENOTFOUND") expect(error.code ?? "").toBe(code)
          expect(error.message).toMatch(message)
          expect(error.message).toContain(error.host)
        }))
    }

    it.scoped("wrong port: Refused", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(open({ port: yield* unusedPort }))
        expect(error).toMatchObject({ reason: "Refused", code: "ECONNREFUSED" })
      }))

    it.scoped("a server that is full: TooManyConnections", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.all(Array.from({ length: 13 }, () => open()), { concurrency: 13 }))
        expect(error).toMatchObject({ reason: "TooManyConnections", code: "53300" })
        expect(error.message).toContain("maxSize")
      }))
  })

  it.scoped("has the backend's process and the application's name", () =>
    Effect.gen(function*() {
      const connection = yield* open({ applicationName: "orders" })
      const { rows } = yield* connection.query<{ pid: number }>("select pg_backend_pid() as pid")
      expect(rows[0]!.pid).toBe(connection.processId)
      expect((yield* activity(connection.processId))?.application_name).toBe("orders")
    }))

  it.scoped("has TCP ask whether the other side is still there", () =>
    Effect.gen(function*() {
      const setKeepAlive = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(net.Socket.prototype, "setKeepAlive")),
        (spy) => Effect.sync(() => spy.mockRestore())
      )
      yield* open({ keepAliveDelay: "20 seconds" })
      expect(setKeepAlive).toHaveBeenCalledWith(true, 20_000)
    }))

  it.scoped("takes a URL, and fields over it", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const wrong = Redacted.make(`postgres://postgres:wrong@${server.host}:${server.port}/nowhere`)
      const connection = yield* PgConnector.make({ url: wrong, password: server.password, database: "postgres" }).open
      expect((yield* connection.query("select current_database() as name")).rows).toEqual([{ name: "postgres" }])
    }))

  it.scoped("reaches a Unix socket", () =>
    Effect.gen(function*() {
      const { folder } = yield* Postgres
      const connection = yield* open({ host: folder })
      expect((yield* connection.query("select inet_client_addr() as address")).rows).toEqual([{ address: null }])
      // A cancel goes the same way.
      yield* Effect.timeoutOption(connection.query("select pg_sleep(60)"), 50)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("evaluates options that are an Effect at each opening", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const password = yield* Ref.make(Redacted.make("expired"))
      const connector = PgConnector.make(
        Effect.map(Ref.get(password), (password) => ({ ...optionsOf(server), password }))
      )
      expect((yield* Effect.flip(connector.open)).reason).toBe("Authentication")
      yield* Ref.set(password, server.password)
      const connection = yield* connector.open
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("takes options from the configuration", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const connector = yield* PgConnector.config({ url: Config.redacted("DATABASE_URL") }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["DATABASE_URL", Redacted.value(server.url)]])))
      )
      expect((yield* (yield* connector.open).query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.effect("says goodbye: the session is gone when the Scope has closed", () =>
    Effect.gen(function*() {
      const { processId } = yield* Effect.scoped(open())
      yield* isGone(processId)
    }))

  it.scoped("lets the server bound statements", () =>
    Effect.gen(function*() {
      const connection = yield* open({ statementTimeout: "50 millis" })
      const error = yield* Effect.flip(connection.query("select pg_sleep(60)"))
      expect(error).toMatchObject({ reason: "Server", sqlState: "57014" })
    }))
})

describe("A server that is none", () => {
  const answers: ReadonlyArray<[string, PgConnectReason, (socket: net.Socket) => void]> = [
    ["hangs up at once", "Disconnected", (socket) => socket.end()],
    [
      "resets in the middle of the handshake",
      "Disconnected",
      (socket) => socket.once("data", () => socket.resetAndDestroy())
    ],
    [
      "hangs up in the middle of the handshake",
      "Disconnected",
      (socket) => socket.once("data", () => socket.end(Buffer.from([0x52, 0, 0, 0, 12, 0, 0])))
    ],
    [
      "answers like a web server",
      "Protocol",
      (socket) => socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"))
    ],
    ["answers noise", "Protocol", (socket) => socket.once("data", () => socket.write(Buffer.alloc(1000, 0xa7)))],
    [
      "asks for an authentication that nobody knows",
      "Authentication",
      (socket) => socket.once("data", () => socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 99])))
    ],
    [
      "answers an error without an end",
      "Protocol",
      (socket) => socket.once("data", () => socket.write(Buffer.from([0x45, 0, 0, 0, 8, 0x53, 0x46, 0x41, 0x54])))
    ]
  ]
  for (const [what, reason, onConnection] of answers) {
    it.live(`that ${what}: ${reason}`, () =>
      Effect.gen(function*() {
        const server = yield* strangeServer(onConnection)
        const error = yield* failure({
          host: server.host,
          port: server.port,
          user: "app",
          password: Redacted.make("secret")
        })
        expect(error).toMatchObject({ _tag: "PgConnectError", reason })
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
      const server = yield* strangeServer((socket) => socket.once("data", () => socket.write("S")))
      const scope = yield* Scope.make()
      const opening = yield* Effect.fork(
        Scope.extend(PgConnector.make({ host: server.host, port: server.port, user: "app", ssl: true }).open, scope)
      )
      yield* until("it has connected", Effect.sync(() => server.sockets() === 1))
      yield* Fiber.interrupt(opening)
      yield* Scope.close(scope, Exit.void)
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
    }).pipe(Effect.scoped))
})

describe("Options that cannot be used", () => {
  it.effect("are all named in one error, before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* failure({
        host: "",
        port: 70_000,
        password: "secret" as any,
        connectTimeout: -1,
        statementTimeout: "soon" as any
      })
      expect(error.reason).toBe("Configuration")
      for (const field of ["host", "port", "password", "connectTimeout", "statementTimeout"]) {
        expect(error.message).toContain(field)
      }
    }))

  const urls = [
    "mysql://app:secret@db/shop",
    "localhost:5432/shop",
    "postgres://app:sec/ret@db/shop",
    "postgres://app:12/ret@db/shop",
    "postgres://app:12#ret@db/shop",
    "postgres://app:12?ret@db/shop",
    "postgres://app:secret@db:port/shop",
    "postgres://app:secret@db/shop?sslrootcert=/nowhere/ca.pem"
  ]
  for (const url of urls) {
    it.effect(`refuses ${url}, and shows nothing of its password`, () =>
      Effect.gen(function*() {
        const error = yield* failure({ url: Redacted.make(url) })
        expect(error.reason).toBe("Configuration")
        expect(error.message).toContain("url")
        expect(JSON.stringify(error) + error.message).not.toMatch(/secret|ret@|12/)
      }))
  }
})
