import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { only } from "../request/support.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { optionsOf, until } from "./harness.js"
import { err, fakeServer, ok } from "./mysqlHarness.js"

/** The pool's events from now on. */
const listen = <A, E>(pool: ConnectionPool.ConnectionPool<A, E>) =>
  Effect.gen(function*() {
    const seen: Array<PoolEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(pool.events, (event) => Effect.sync(() => seen.push(event))))
    yield* until(
      "it listens",
      Effect.zipRight(Effect.ignore(pool.resize({})), Effect.sync(() => only(seen, "PoolResized").length > 0))
    )
    return seen as ReadonlyArray<PoolEvent>
  })

/** When a session was last asked anything. */
const lastAsked = (processId: number) =>
  Effect.flatMap(
    Postgres,
    (server) => server.query("select query_start::text from pg_stat_activity where pid = $1", [processId])
  )

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })(
  "An error of PostgreSQL that concerns all sessions",
  (it) => {
    it.scoped("in one connection has the idle ones checked before they are handed out", () =>
      Effect.gen(function*() {
        const server = yield* Postgres
        const pool = yield* ConnectionPool.make({
          connector: PgConnector.make(optionsOf(server)),
          minSize: 2,
          startup: "fill",
          checkAfterIdle: "1 hour"
        })
        const events = yield* listen(pool)
        yield* pool.use((connection) =>
          Effect.gen(function*() {
            const other = yield* pool.use((idle) => Effect.succeed(idle.processId))
            yield* server.terminateBackend(connection.processId)
            yield* until("it is suspected", Effect.sync(() => only(events, "PoolSuspected").length > 0))
            const before = yield* lastAsked(other)
            expect(yield* pool.use((idle) => Effect.succeed(idle.processId))).toBe(other)
            const checked = yield* lastAsked(other)
            expect(checked).not.toEqual(before)
            // The check has cleared it: the next use asks for none.
            expect(yield* pool.use((idle) => Effect.succeed(idle.processId))).toBe(other)
            expect(yield* lastAsked(other)).toEqual(checked)
          })
        )
        expect(only(events, "PoolSuspected")).toMatchObject([{ reason: "Critical" }])
      }))

    it.scoped("is not one that only its own session meets", () =>
      Effect.gen(function*() {
        const pool = yield* ConnectionPool.make({ connector: PgConnector.make(optionsOf(yield* Postgres)) })
        const events = yield* listen(pool)
        expect(yield* Effect.flip(pool.use((connection) => connection.query("select 1/0")))).toMatchObject({
          sqlState: "22012"
        })
        expect(only(events, "PoolSuspected")).toEqual([])
      }))
  }
)

describe("An error of MySQL that concerns all sessions", () => {
  it.live("has the idle ones suspected, as when the server turned read-only", () =>
    Effect.gen(function*() {
      const server = yield* fakeServer(({ text }) =>
        text === "write"
          ? [
            err(
              1290,
              "HY000",
              "The MySQL server is running with the --read-only option so it cannot execute this statement"
            )
          ]
          : [ok()]
      )
      const pool = yield* ConnectionPool.make({
        connector: MysqlConnector.make({ host: server.host, port: server.port, user: "nobody" })
      })
      const events = yield* listen(pool)
      expect(yield* Effect.flip(pool.use((connection) => connection.query("write")))).toMatchObject({ errno: 1290 })
      yield* until("it is suspected", Effect.sync(() => only(events, "PoolSuspected").length > 0))
    }).pipe(Effect.scoped))
})
