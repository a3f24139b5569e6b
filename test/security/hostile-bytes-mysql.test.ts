/** As hostile-bytes.test.ts, on MariaDB. */
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { optionsOf } from "../sql-adapter/mysqlHarness.js"
import { Mysql, suite } from "../support/mysql.js"
import { endures } from "./endure.js"

/** mysql2 writes one where it meets a number that is none. */
const withoutTraces = Effect.acquireRelease(
  Effect.sync(() => vi.spyOn(console, "trace").mockImplementation(() => {})),
  (spy) => Effect.sync(() => spy.mockRestore())
)

suite("hostilebytes", "Hostile bytes of MariaDB", (it) => {
  it.scoped(
    "end their connection at the most",
    () =>
      Effect.zipRight(
        withoutTraces,
        Effect.flatMap(Mysql, (server) =>
          endures({
            server,
            connector: (at) =>
              MysqlConnector.make({
                ...optionsOf(server),
                ...at,
                statementTimeout: "300 millis",
                cancelTimeout: "200 millis"
              }),
            questions: [
              (connection) => connection.query("select 1 as n, ? as text union select 2, 'xx'", ["x"]),
              (connection) => connection.query("select nothing"),
              (connection) => connection.withTransaction(connection.query("select 'in a transaction' as text"))
            ],
            honest: (connection) =>
              Effect.map(connection.query("select 42 as answer"), ({ rows }) => rows[0]?.["answer"]),
            within: 700
          }, 100))
      ),
    60_000
  )
})
