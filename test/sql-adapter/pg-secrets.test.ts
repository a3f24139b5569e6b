import type { PgConnectorConfig } from "@cenote/sql-adapter/PgConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { open, strangeServer } from "./harness.js"

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

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("The password is never shown", (it) => {
  const failures: ReadonlyArray<[string, (server: { host: string; port: number }) => PgConnectorConfig]> = [
    ["it is wrong", ({ host, port }) => ({ host, port, user: "postgres", password })],
    [
      "it is wrong in a URL",
      ({ host, port }) => ({ url: Redacted.make(`postgres://postgres:${secret}@${host}:${port}/postgres`) })
    ],
    ["the host is unknown", () => ({ host: "no-such-host.invalid", user: "postgres", password })],
    ["TLS is missing", ({ host, port }) => ({ host, port, user: "postgres", password, ssl: true })],
    ["the URL is none", () => ({ url: Redacted.make(`postgres://postgres:${secret}/x@db:5432/postgres`) })],
    ["an option is wrong", () => ({ password, port: -1 })]
  ]
  for (const [when, options] of failures) {
    it.scoped(`when ${when}`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(PgConnector.make(options(yield* Postgres)).open)
        if (Exit.isSuccess(exit)) return expect.unreachable()
        const error = Cause.squash(exit.cause)
        expect(error).toBeInstanceOf(PgConnector.PgConnectError)
        expect(shown(error)).not.toContain(secret)
        expect(shown(exit)).not.toContain(secret)
        expect(Cause.pretty(exit.cause, { renderErrorCause: true })).not.toContain(secret)
      }))
  }

  it.scoped("when the server asks for it in clear text and hangs up", () =>
    Effect.gen(function*() {
      const server = yield* strangeServer((socket) => {
        socket.once("data", () => {
          socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
          socket.once("data", () => socket.end())
        })
      })
      const error = yield* Effect.flip(
        PgConnector.make({ host: server.host, port: server.port, user: "app", password }).open
      )
      expect(error.reason).toBe("Disconnected")
      expect(shown(error)).not.toContain(secret)
    }))

  it.scoped("by a connection, a connector or an error of a query", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      yield* server.query(`create role secretive login password '${secret}'`)
      const connector = PgConnector.make({
        host: server.host,
        port: server.port,
        database: "postgres",
        user: "secretive",
        password
      })
      const connection = yield* connector.open
      const error = yield* Effect.flip(connection.query("select nothing"))
      for (const value of [connector, connection, error]) expect(shown(value)).not.toContain(secret)
      yield* server.terminateBackend(connection.processId)
      expect(shown(yield* Effect.flip(connection.query("select 1")))).not.toContain(secret)
    }))

  it.scoped("nor the values of a query's parameters", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const error = yield* Effect.flip(connection.query("select nothing where $1 = 'x'", [secret]))
      expect(error.sql).toBe("select nothing where $1 = 'x'")
      expect(shown(error)).not.toContain(secret)
    }))
})
