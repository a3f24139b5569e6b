import type { MysqlConnectorConfig } from "@cenote/sql-adapter/MysqlConnector"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const failure = (options: MysqlConnectorConfig) => Effect.scoped(Effect.flip(MysqlConnector.make(options).open))

describe("Options that cannot be used", () => {
  it.effect("are all named in one error, before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* failure({
        host: "",
        port: 70_000,
        password: "secret" as any,
        connectTimeout: -1,
        statementTimeout: "soon" as any,
        socketPath: "",
        ssl: "yes" as any,
        charset: "latin1",
        timezone: "CET" as any,
        setup: [""],
        preparedStatements: 0,
        typeCast: 1 as any,
        decimalNumbers: "no" as any,
        dateStrings: ["YEAR"] as any
      })
      expect(error.reason).toBe("Configuration")
      expect(error.message).not.toContain("secret")
      const told = [
        "host must be a string that is not empty",
        "port must be a whole number from 1 to 65535",
        "password must be a Redacted string",
        "connectTimeout must be a duration",
        "statementTimeout must be a duration",
        "socketPath must be a string that is not empty",
        "ssl must be a boolean or the options of tls.connect",
        "charset must be utf8mb4 or a collation of it",
        "timezone must be \"local\", \"Z\" or an offset",
        "setup must be a list of statements",
        "preparedStatements must be a whole number from 1 on",
        "typeCast must be a function, true or false",
        "decimalNumbers must be true or false",
        "dateStrings must be true, false, or a list of DATE, DATETIME, TIMESTAMP"
      ]
      for (const problem of told) expect(error.message).toContain(problem)
    }))

  const urls = [
    "postgres://app:secret@db/shop",
    "localhost:3306/shop",
    "mysql://app:sec/ret@db/shop",
    "mysql://app:12/ret@db/shop",
    "mysql://app:12#ret@db/shop",
    "mysql://app:12?ret@db/shop",
    "mysql://app:sec%ret@db/shop",
    "mysql://app:secret@db:port/shop",
    "mysql://app:secret@db/shop?ssl=yes",
    "mysql://app:secret@db/shop?multipleStatements=true"
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
