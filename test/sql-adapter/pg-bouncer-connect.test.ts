import type { PgConnectorConfig, PgConnectReason } from "@cenote/sql-adapter/PgConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as PgBouncer from "../support/pgbouncer.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { describeUnless } from "../support/where.js"
import { optionsOf } from "./harness.js"

const behind = (settings: Record<string, string>) =>
  Effect.gen(function*() {
    const server = yield* Postgres
    const { host, port } = yield* PgBouncer.before(server, { settings })
    return (options: PgConnectorConfig = {}) => PgConnector.make({ ...optionsOf(server), host, port, ...options }).open
  })

describeUnless(PgBouncer.missing, "PgBouncer", () => {
  layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("Opening behind PgBouncer", (it) => {
    const table: ReadonlyArray<[string, PgConnectorConfig, PgConnectReason, RegExp]> = [
      ["password", { password: Redacted.make("wrong") }, "Authentication", /auth_file or auth_query/],
      ["user", { user: "nobody" }, "Authentication", /auth_file or auth_query/],
      ["database", { database: "nowhere" }, "UnknownDatabase", /\[databases\]/],
      [
        "statementTimeout",
        { statementTimeout: "1 second" },
        "Unsupported",
        /Leave out statementTimeout, or name statement_timeout in PgBouncer's ignore_startup_parameters.*alter role/
      ],
      ["options", { options: "-c search_path=x" }, "Unsupported", /Leave out options, .*alter role/]
    ]
    for (const [what, options, reason, message] of table) {
      it.scoped(`with a ${what} that it does not take: ${reason}`, () =>
        Effect.gen(function*() {
          const open = yield* behind({})
          const error = yield* Effect.flip(open(options))
          expect(error).toMatchObject({ _tag: "PgConnectError", reason, code: "08P01" })
          expect(error.message).toMatch(message)
        }))
    }

    it.scoped("when it has as many clients as it takes: TooManyConnections", () =>
      Effect.gen(function*() {
        const open = yield* behind({ max_client_conn: "2" })
        const error = yield* Effect.flip(Effect.all([open(), open(), open()]))
        expect(error).toMatchObject({ reason: "TooManyConnections" })
        expect(error.message).toContain("max_client_conn")
      }))

    it.scoped("when its logins to the server have failed: NotAccepting", () =>
      Effect.gen(function*() {
        const open = yield* behind({ query_wait_timeout: "1", server_login_retry: "60" })
        const server = yield* Postgres
        yield* Effect.acquireRelease(server.stop, () => Effect.orDie(server.start))
        const opened = yield* Effect.exit(Effect.scoped(Effect.flatMap(open(), ({ query }) => query("select 1"))))
        expect(opened._tag).toBe("Failure")
        expect(yield* Effect.flip(open())).toMatchObject({ reason: "NotAccepting" })
      }))
  })
})
