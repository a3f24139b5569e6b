import type { MysqlConnectorConfig } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { Mysql, suite } from "../support/mysql.js"
import { strangeServer } from "./harness.js"
import { greeting, open, packet, steps } from "./mysqlHarness.js"

const secret = "hunter2-Tr0ub4dor"
const password = Redacted.make(secret)

/** All the ways in which a value gets into a log. */
const shown = (value: unknown): string =>
  [
    JSON.stringify(value),
    String(value),
    inspect(value, { depth: 20, showHidden: true }),
    value instanceof Error ? `${value.message} ${value.stack}` : ""
  ].join("\n")

suite("secrets", "The password is never shown", (it) => {
  const failures: ReadonlyArray<[string, (server: { host: string; port: number }) => MysqlConnectorConfig]> = [
    ["it is wrong", ({ host, port }) => ({ host, port, user: "root", password })],
    [
      "it is wrong in a URL",
      ({ host, port }) => ({ url: Redacted.make(`mysql://root:${secret}@${host}:${port}/test`) })
    ],
    ["the host is unknown", () => ({ host: "no-such-host.invalid", user: "root", password })],
    ["TLS is missing", ({ host, port }) => ({ host, port, user: "root", password, ssl: true })],
    ["the URL is none", () => ({ url: Redacted.make(`mysql://root:${secret}/x@db:3306/test`) })],
    ["an option is wrong", () => ({ password, port: -1 })]
  ]
  for (const [when, options] of failures) {
    it.scoped(`when ${when}`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(MysqlConnector.make(options(yield* Mysql)).open)
        if (Exit.isSuccess(exit)) return expect.unreachable()
        const error = Cause.squash(exit.cause)
        expect(error).toBeInstanceOf(MysqlConnector.MysqlConnectError)
        expect(shown(error)).not.toContain(secret)
        expect(shown(exit)).not.toContain(secret)
        expect(Cause.pretty(exit.cause, { renderErrorCause: true })).not.toContain(secret)
      }))
  }

  it.scoped("when the server asks for it in clear text: it is not even sent", () =>
    Effect.gen(function*() {
      const heard: Array<Buffer> = []
      const server = yield* strangeServer((socket) => {
        socket.write(greeting())
        socket.on("data", (chunk) => heard.push(chunk))
        socket.once("data", () => socket.write(packet(2, Buffer.from("\xfemysql_clear_password\0", "latin1"))))
      })
      const error = yield* Effect.flip(
        MysqlConnector.make({ host: server.host, port: server.port, user: "app", password }).open
      )
      expect(error.reason).toBe("Authentication")
      expect(error.message).toContain("set ssl")
      expect(shown(error)).not.toContain(secret)
      expect(Buffer.concat(heard).toString("latin1")).not.toContain(secret)
    }))

  it.scoped("by a connection, a connector or an error of a query", () =>
    Effect.gen(function*() {
      const { database, host, kill, port, query } = yield* Mysql
      const user = `cenote_secret_${process.pid}`
      yield* Effect.acquireRelease(
        query(`create user '${user}'@'%' identified by '${secret}'`),
        () => Effect.orDie(query(`drop user '${user}'@'%'`))
      )
      yield* query(`grant all on ${database}.* to '${user}'@'%'`)
      const connector = MysqlConnector.make({ host, port, database, user, password })
      const connection = yield* connector.open
      const error = yield* Effect.flip(connection.query("select nothing"))
      for (const value of [connector, connection, error]) expect(shown(value)).not.toContain(secret)
      const lost: Array<unknown> = []
      steps.onLost(connection, (reason) => lost.push(reason))
      yield* kill(connection.threadId)
      expect(shown(yield* Effect.flip(connection.query("select 1")))).not.toContain(secret)
      expect(lost).toHaveLength(1)
      expect(shown(lost)).not.toContain(secret)
    }))
})

suite("secrets_of_parameters", "The values of a query's parameters are not shown", (it) => {
  describe("by an error of the server", () => {
    for (const prepare of [false, true]) {
      it.scoped(prepare ? "where it is prepared" : "where they are put into the text", () =>
        Effect.gen(function*() {
          const connection = yield* open()
          const sql = "select nothing from (select ? as x) as t"
          const error = yield* Effect.flip(connection.query(sql, [secret], { prepare }))
          expect(error).toMatchObject({ sql, errno: 1054 })
          expect(shown(error)).not.toContain(secret)
          const streamed = yield* Effect.flip(Stream.runDrain(connection.stream(sql, [secret], { prepare })))
          expect(streamed).toMatchObject({ sql, errno: 1054 })
          expect(shown(streamed)).not.toContain(secret)
        }))
    }
  })

  it.scoped("by what the connection refuses itself", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const error = yield* Effect.flip(connection.query("select ?, ?", [secret, { secret }]))
      expect(error.reason).toBe("Client")
      expect(shown(error)).not.toContain(secret)
    }))

  it.scoped("when the connection is lost", () =>
    Effect.gen(function*() {
      const { kill } = yield* Mysql
      const connection = yield* open()
      const lost = yield* Effect.fork(Effect.flip(connection.query("select sleep(?), ?", [600, secret])))
      yield* kill(connection.threadId)
      expect(shown(yield* Effect.fromFiber(lost))).not.toContain(secret)
    }))
})

suite("backslash", "NO_BACKSLASH_ESCAPES", (it) => {
  /** With backslashes for what they are, the quote ends the text and the rest is taken for SQL. */
  const injection = "' or 1 = 1 -- "

  it.scoped("parameters are not put into a text, where they could leave it", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("create table account (name text)")
      yield* connection.query("insert into account values ('somebody')")
      yield* connection.query("set sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
      const sql = "select name from account where name = ?"
      const raw = yield* Effect.async<unknown>((resume) => {
        connection.unsafeClient.query(sql, [injection], (error, rows) => resume(Effect.succeed(error ?? rows)))
      })
      expect(raw).toEqual([{ name: "somebody" }])
      const asked: ReadonlyArray<Effect.Effect<unknown, MysqlConnector.MysqlQueryError>> = [
        connection.query(sql, [injection]),
        Stream.runDrain(connection.stream(sql, [injection]))
      ]
      for (const refused of asked) {
        const error = yield* Effect.flip(refused)
        expect(error).toMatchObject({ reason: "Client", sql })
        expect(error.message).toContain("NO_BACKSLASH_ESCAPES")
      }
      expect((yield* connection.query(sql, [injection], { prepare: true })).rows).toEqual([])
      expect((yield* connection.query("select '\\' as it")).rows).toEqual([{ it: "\\" }])
      yield* connection.query("set sql_mode = ''")
      expect((yield* connection.query(sql, [injection])).rows).toEqual([])
    }))

  it.scoped("set by setup, it is found out before the first query", () =>
    Effect.gen(function*() {
      const connection = yield* open({ setup: ["set sql_mode = 'NO_BACKSLASH_ESCAPES'"] })
      expect(yield* Effect.flip(connection.query("select ?", [injection]))).toMatchObject({ reason: "Client" })
    }))
})
