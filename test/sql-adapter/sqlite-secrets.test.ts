import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as fs from "node:fs"
import { inspect } from "node:util"
import { newFile, open } from "./sqliteHarness.js"

const secret = "hunter2-Tr0ub4dor"
const encryptionKey = Redacted.make(secret)

/** All the ways in which a value gets into a log. */
const shown = (value: unknown): string =>
  [
    JSON.stringify(value),
    String(value),
    inspect(value, { depth: 20, showHidden: true }),
    value instanceof Error ? `${value.message} ${value.stack}` : ""
  ].join("\n")

describe("The encryption key is never shown", () => {
  const failures: ReadonlyArray<[string, (filename: string) => SqliteConnector.SqliteConnectorConfig]> = [
    ["it is wrong", (filename) => ({ filename, encryptionKey })],
    ["the folder is missing", (filename) => ({ filename: `${filename}/shop.db`, encryptionKey })],
    ["an option is wrong", (filename) => ({ filename, encryptionKey, busyTimeout: -1 })],
    ["it is not redacted", (filename) => ({ filename, encryptionKey: secret as never })]
  ]
  for (const [when, config] of failures) {
    it.scopedLive(`when ${when}`, () =>
      Effect.gen(function*() {
        const filename = yield* newFile
        fs.writeFileSync(filename, "no database".repeat(100))
        const exit = yield* Effect.exit(open(config(filename)))
        if (Exit.isSuccess(exit)) return expect.unreachable()
        const error = Cause.squash(exit.cause)
        expect(error).toBeInstanceOf(SqliteConnector.SqliteConnectError)
        expect(shown(error)).not.toContain(secret)
        expect(shown(exit)).not.toContain(secret)
        expect(Cause.pretty(exit.cause, { renderErrorCause: true })).not.toContain(secret)
      }))
  }

  it.scopedLive("by a connection, a connector or an error of a statement", () =>
    Effect.gen(function*() {
      const connector = SqliteConnector.make({ filename: yield* newFile, encryptionKey })
      const connection = yield* connector.open
      const error = yield* Effect.flip(connection.query("select wrong"))
      for (const value of [connector, connection, error]) expect(shown(value)).not.toContain(secret)
      expect(JSON.parse(JSON.stringify(connection))).toMatchObject({ _id: "SqliteConnection", state: "Open" })
    }))

  it.scopedLive("nor the values of a statement's parameters", () =>
    Effect.gen(function*() {
      const connection = yield* open({ filename: ":memory:" })
      yield* connection.query("create table user (name text primary key, age integer check (age > 0)) strict")
      yield* connection.query("insert into user values (?, 1)", [secret])
      const failures = [
        connection.query("insert into user values (?, 1)", [secret]),
        connection.query("insert into user values ('a', ?)", [secret]),
        connection.query("insert into user values (?, -1)", [secret]),
        connection.query("select wrong where ? = 'x'", [secret]),
        connection.query("select json(?)", [`{${secret}`]),
        connection.query("select ?", [{ [secret]: secret }]),
        connection.query("select ?", [`${secret}\0`]),
        connection.query("select 1", [secret])
      ]
      for (const failure of failures) {
        const error = yield* Effect.flip(failure)
        expect(error._tag).toBe("SqliteQueryError")
        expect(shown(error)).not.toContain(secret)
      }
    }))
})
