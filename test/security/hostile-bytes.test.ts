/** A server whose bytes are not what a server says, anywhere in a connection: callers are told, and nothing is lost but that connection. */
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { optionsOf } from "../sql-adapter/harness.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { endures } from "./endure.js"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("Hostile bytes of PostgreSQL", (it) => {
  it.scoped("end their connection at the most", () =>
    Effect.flatMap(Postgres, (server) =>
      endures({
        server,
        connector: (at) =>
          PgConnector.make({
            ...optionsOf(server),
            ...at,
            statementTimeout: "300 millis",
            cancelTimeout: "200 millis"
          }),
        questions: [
          (connection) => connection.query("select n, repeat('x', n) as text from generate_series(1, $1) n", [5]),
          (connection) => connection.query("select 1 / 0"),
          (connection) => connection.withTransaction(connection.query("select 'in a transaction' as text"))
        ],
        honest: (connection) => Effect.map(connection.query("select 42 as answer"), ({ rows }) => rows[0]?.["answer"]),
        within: 1_400
      }, 100)), 60_000)
})
