/** One password, planted in a pool that has good and bad days: it is in nothing that the pool, its errors, logs, spans and pages show. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import { describe, expect, it, layer, vi } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { start } from "../support/program.js"
import type { Database } from "./bad-days.js"
import { at, badDays, expectLooked } from "./bad-days.js"
import { password, Search } from "./Search.js"

vi.setConfig({ testTimeout: 90_000 })

const database = Effect.gen(function*() {
  const { database, host, port, query } = yield* Postgres
  const right = { host, port, database, user: "app", password: Redacted.make(password) }
  return {
    connector: PgConnector.make(right),
    make: (tuning, place = {}) => PgPool.make({ ...tuning, connection: at(right, place) }),
    urlWith: (password) => `postgres://app:${password}@${host}:${port}/${database}`,
    sleep: (seconds) => `select pg_sleep(${seconds})`,
    endSession: ({ processId }) => query("select pg_terminate_backend($1)", [processId])
  } satisfies Database<PgConnector.PgConnection>
})

const withUser = Layer.tap(postgres(), (context) =>
  Effect.provide(
    Effect.flatMap(Postgres, ({ query }) =>
      query(`create role app superuser login password '${password.replaceAll("'", "''")}'`)),
    context
  ))

describe("A search", () => {
  const forms: Record<string, unknown> = {
    "as it is": `the password is ${password}.`,
    "in an error": new Error(password),
    "in the cause of a cause": new Error("a", { cause: new Error("b", { cause: { deep: [{ er: password }] } }) }),
    "in a map": new Map([["password", password]]),
    "in a field that is not enumerable": Object.defineProperty({}, "password", { value: password }),
    "in JSON": JSON.stringify({ password }),
    "in a URL": `postgres://app:${encodeURIComponent(password)}@localhost`,
    "in base64": Buffer.from(`a${password}`).toString("base64"),
    "in a header of basic authentication": `Basic ${Buffer.from(`app:${password}`).toString("base64")}`,
    "in base64 for URLs": Buffer.from(`some${password}`).toString("base64url"),
    "in hexadecimal": Buffer.from(password).toString("hex")
  }
  for (const [form, value] of Object.entries(forms)) {
    it(`finds it ${form}`, () => {
      const search = new Search()
      search.add("here", "nothing")
      search.add("there", value)
      expect(search.found).toEqual(["there"])
    })
  }

  it.effect("finds it in a line of the log, of any level and in each format", () =>
    Effect.gen(function*() {
      const search = new Search()
      yield* Effect.provide(Effect.logTrace(`connecting with ${password}`), search.layer)
      expect(search.found).toEqual(["log as text", "log as logfmt", "log as JSON", "log as structured"])
    }))

  it.effect("finds it in what a line of the log is annotated with, and in a span", () =>
    Effect.gen(function*() {
      const search = new Search()
      yield* Effect.log("connecting").pipe(Effect.annotateLogs("url", `x:${password}`), Effect.provide(search.layer))
      expect(search.found).toHaveLength(4)
      const other = new Search()
      yield* Effect.void.pipe(Effect.withSpan("connect", { attributes: { password } }), Effect.provide(other.layer))
      yield* Effect.fail(password).pipe(Effect.withSpan("fail"), Effect.ignore, Effect.provide(other.layer))
      expect(other.found).toEqual(["span connect", "span fail", "end of span fail"])
    }))
})

layer(withUser, { excludeTestServices: true, timeout: 60_000 })("The password of a PgPool is not shown", (it) => {
  it.effect("on its good and its bad days", () =>
    Effect.gen(function*() {
      const search = new Search()
      yield* Effect.provide(badDays(search, yield* database), Reactivity.layer)
      expect(search.found).toEqual([])
      expectLooked(search)
    }))

  it.effect("by options that cannot be", () =>
    Effect.gen(function*() {
      const search = new Search()
      const { urlWith } = yield* database
      const url = urlWith(password)
      const wrong: Record<string, Effect.Effect<unknown, unknown, never>> = {
        "a URL for a connector": Effect.scoped(ConnectionPool.make({ connector: url as never })),
        "a URL from the configuration": Effect.scoped(Layer.build(PgPool.layerConfig({
          connection: { url: Config.redacted("URL"), port: Config.integer("PASSWORD") }
        })))
      }
      const provider = ConfigProvider.fromMap(new Map([["URL", url], ["PORT", "x"]]))
      yield* Effect.forEach(Object.entries(wrong), ([name, effect]) => search.failure(name, effect)).pipe(
        Effect.withConfigProvider(provider),
        Effect.provide(search.layer)
      )
      expect(search.found).toEqual([])
    }))

  for (const mode of ["throw", "reject", "die", "main", "print"]) {
    it.scoped(`by a process that crashes: ${mode}`, () =>
      Effect.gen(function*() {
        const { host, port } = yield* Postgres
        const search = new Search()
        const env = { CRASH_HOST: host, CRASH_PORT: String(port), CRASH_PASSWORD: password }
        const program = yield* start("test/security/crash.ts", [mode], env)
        expect(yield* program.ended).toBe(mode === "print" ? 0 : 1)
        expect(program.output()).toContain("PgConnectError")
        search.add("output", program.output())
        expect(search.found).toEqual([])
      }))
  }

  it.scoped("though it would be found in what a process writes", () =>
    Effect.gen(function*() {
      const search = new Search()
      const program = yield* start("test/security/crash.ts", ["tell"], { CRASH_PASSWORD: password })
      expect(yield* program.ended).toBe(1)
      search.add("output", program.output())
      expect(search.found).toEqual(["output"])
    }))
})
