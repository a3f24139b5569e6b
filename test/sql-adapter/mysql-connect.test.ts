import type { MysqlConnectorConfig, MysqlConnectReason } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { Mysql, suite } from "../support/mysql.js"
import { strangeServer } from "./harness.js"
import { activity, isGone, isRunning, open, optionsOf } from "./mysqlHarness.js"

const unusedPort = Effect.scoped(Effect.map(strangeServer(() => {}), ({ port }) => port))

/** A Unix socket of one's own, behind which the server is. */
const unixSocket = Effect.gen(function*() {
  const server = yield* Mysql
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(os.tmpdir(), "cenote-mysql-"))),
    (folder) => Effect.promise(() => fs.rm(folder, { recursive: true }))
  )
  const socketPath = path.join(folder, "mysql.sock")
  let accepted = 0
  yield* Effect.acquireRelease(
    Effect.async<net.Server>((resume) => {
      const listener = net.createServer((client) => {
        accepted++
        const upstream = net.connect(server.port, server.host)
        client.pipe(upstream).pipe(client)
        for (const socket of [client, upstream]) socket.on("error", () => {})
      })
      listener.listen(socketPath, () => resume(Effect.succeed(listener)))
    }),
    (listener) => Effect.async<void>((resume) => void listener.close(() => resume(Effect.void)))
  )
  return { socketPath, accepted: () => accepted }
})

suite("connect", "Opening", (it) => {
  describe("fails typed, with what the server said and what to check", () => {
    const table: ReadonlyArray<[string, MysqlConnectorConfig, MysqlConnectReason, RegExp | string, RegExp]> = [
      ["host", { host: "no-such-host.invalid" }, "UnknownHost", "ENOTFOUND", /Check the host's name/],
      ["password", { password: Redacted.make("wrong") }, "Authentication", "ER_ACCESS_DENIED_ERROR", /Access denied/],
      // The server draws how it asks a user that there is not.
      [
        "user",
        { user: "nobody" },
        "Authentication",
        /ER_ACCESS_DENIED(_NO_PASSWORD)?_ERROR/,
        /Access denied for user 'nobody'/
      ],
      ["database", { database: "mysql" }, "Authentication", "ER_DBACCESS_DENIED_ERROR", /Grant the user/],
      ["TLS", { ssl: true }, "Tls", "HANDSHAKE_NO_SSL_SUPPORT", /does not support.*Set ssl to false/],
      ["setup", { setup: ["select 1", "selec 2"] }, "Setup", "ER_PARSE_ERROR", /the statement "selec 2" failed/]
    ]
    for (const [what, options, reason, code, message] of table) {
      it.scoped(`wrong ${what}: ${reason}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(open(options))
          expect(error._tag).toBe("MysqlConnectError")
          expect(error.reason).toBe(reason)
          // The name service's code depends on the machine.
          if (code !== "ENOTFOUND") expect(error.code).toMatch(code)
          expect(error.message).toMatch(message)
          expect(error.message).toContain(error.host)
        }))
    }

    it.scoped("a database that there is not: UnknownDatabase", () =>
      Effect.gen(function*() {
        const { database, query, user } = yield* Mysql
        yield* query(`grant all on ${database}_nowhere.* to '${user}'@'%'`)
        const error = yield* Effect.flip(open({ database: `${database}_nowhere` }))
        expect(error).toMatchObject({ reason: "UnknownDatabase", errno: 1049, sqlState: "42000" })
      }))

    it.scoped("wrong port: Refused", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(open({ port: yield* unusedPort }))
        expect(error).toMatchObject({ reason: "Refused", code: "ECONNREFUSED" })
      }))

    it.scoped("a user that has no place left: TooManyConnections", () =>
      Effect.gen(function*() {
        const { query } = yield* Mysql
        const user = `cenote_few_${process.pid}`
        yield* Effect.acquireRelease(
          query(`create user '${user}'@'%' with max_user_connections 1`),
          () => Effect.orDie(query(`drop user '${user}'@'%'`))
        )
        const { database: _, password: __, ...rest } = optionsOf(yield* Mysql)
        const openOne = MysqlConnector.make({ ...rest, user }).open
        yield* openOne
        const error = yield* Effect.flip(openOne)
        expect(error).toMatchObject({ reason: "TooManyConnections", errno: 1226 })
        expect(error.message).toContain("maxSize")
      }))
  })

  it.scoped("has the session's number", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const { rows } = yield* connection.query<{ id: number }>("select connection_id() as id")
      expect(rows).toEqual([{ id: connection.threadId }])
      expect(yield* activity(connection.threadId)).toMatchObject({ command: "Sleep" })
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
      const { database, host, password, port, user } = yield* Mysql
      const wrong = Redacted.make(`mysql://${user}:wr%3Fong@${host}:${port}/nowhere?ssl=false&timezone=Z`)
      const connection = yield* MysqlConnector.make({ url: wrong, password, database }).open
      expect((yield* connection.query("select database() as name")).rows).toEqual([{ name: database }])
    }))

  it.scoped("needs no database", () =>
    Effect.gen(function*() {
      const { host, password, port, user } = yield* Mysql
      const connection = yield* MysqlConnector.make({ host, port, user, password }).open
      expect((yield* connection.query("select database() as name")).rows).toEqual([{ name: null }])
    }))

  it.scoped("reaches a Unix socket, and so does a cancel", () =>
    Effect.gen(function*() {
      const { accepted, socketPath } = yield* unixSocket
      const connection = yield* open({ socketPath, host: "no-such-host.invalid" })
      const fiber = yield* Effect.fork(connection.query("select sleep(600)"))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(fiber)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      expect(accepted()).toBe(2)
    }))

  it.scoped("evaluates options that are an Effect at each opening", () =>
    Effect.gen(function*() {
      const server = yield* Mysql
      const password = yield* Ref.make(Redacted.make("expired"))
      const connector = MysqlConnector.make(
        Effect.map(Ref.get(password), (password) => ({ ...optionsOf(server), password }))
      )
      expect((yield* Effect.flip(connector.open)).reason).toBe("Authentication")
      yield* Ref.set(password, server.password)
      const connection = yield* connector.open
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("takes options from the configuration", () =>
    Effect.gen(function*() {
      const server = yield* Mysql
      const connector = yield* MysqlConnector.config({ url: Config.redacted("DATABASE_URL") }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["DATABASE_URL", Redacted.value(server.url)]])))
      )
      expect((yield* (yield* connector.open).query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.effect("says goodbye: the session is gone when the Scope has closed", () =>
    Effect.gen(function*() {
      const { threadId } = yield* Effect.scoped(open())
      yield* isGone(threadId)
    }))

  it.scoped("runs the statements of setup, in their order", () =>
    Effect.gen(function*() {
      const connection = yield* open({ setup: ["set @n = 1", "set @n = @n + 1", "set time_zone = '+00:00'"] })
      const { rows } = yield* connection.query("select @n as n, @@time_zone as zone")
      expect(rows).toEqual([{ n: 2, zone: "+00:00" }])
    }))

  it.scoped("speaks utf8mb4, in the collation that was asked for", () =>
    Effect.gen(function*() {
      for (
        const [options, collation] of [[{}, "utf8mb4_unicode_ci"], [{ charset: "utf8mb4_bin" }, "utf8mb4_bin"]] as const
      ) {
        const connection = yield* open(options)
        const { rows } = yield* connection.query("select @@collation_connection as collation, '🐬' as text")
        expect(rows).toEqual([{ collation, text: "🐬" }])
      }
    }))

  it.scoped("reads times in the zone that was asked for", () =>
    Effect.gen(function*() {
      const at = new Date("2020-02-29T10:30:00.000Z")
      for (const [timezone, text] of [["Z", "2020-02-29 10:30:00"], ["+05:30", "2020-02-29 16:00:00"]] as const) {
        const connection = yield* open({ timezone })
        const { rows } = yield* connection.query("select timestamp ? as at, cast(? as char) as text", [at, at])
        expect(rows).toEqual([{ at, text: expect.stringContaining(text) }])
      }
      const strings = yield* open({ dateStrings: true, jsonStrings: true })
      expect((yield* strings.query("select timestamp '2020-02-29 10:30:00' as at")).rows).toEqual([
        { at: "2020-02-29 10:30:00" }
      ])
    }))

  it.scoped("lets the server bound statements, and keeps the connection", () =>
    Effect.gen(function*() {
      const connection = yield* open({ statementTimeout: "50 millis" })
      const error = yield* Effect.flip(connection.query("select sleep(60)"))
      expect(error).toMatchObject({ reason: "Server", errno: 1969, sqlState: "70100" })
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))
})
