/** What connections are opened with, and what they get. */
import type { PgConnectError, PgConnectorConfig } from "@cenote/sql-adapter/PgConnector"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { until } from "../harness.js"
import type { Feature } from "./feature.js"
import { failure, role, runs, value } from "./feature.js"
import type { Place } from "./place.js"

/** An option that is refused, with a message that says which. */
const option = (connection: PgConnectorConfig, named: string): Feature["what"] => ({ client }) =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(Effect.flatMap(client({ connection }), (sql) => sql`select 1`))
    if (Exit.isSuccess(exit)) return "works"
    const error = (yield* failure(exit)) as unknown as PgConnectError
    expect(error.reason).toBe("Unsupported")
    expect(error.message).toContain(`Leave out ${named}, or name`)
    return "refused"
  })

const statementTimeout = "300 millis"
const cancelTimeout = "300 millis"
const slow = "select pg_sleep(5)"

const ignoring = ({ another, client }: Place, connection: PgConnectorConfig) =>
  Effect.flatMap(
    another({ settings: { ignore_startup_parameters: "statement_timeout" } }),
    (to) => client({ to, connection: { statementTimeout, cancelTimeout, ...connection } })
  )

/** All connections of a pool are in use at the same time. */
const allAtOnce = ({ client }: Place, maxSize: number, count: number) =>
  Effect.gen(function*() {
    const sql = yield* client({ maxSize, maxConnecting: maxSize })
    return yield* Effect.forEach(
      Array.from({ length: count }),
      () => Effect.exit(sql.withTransaction(sql`select pg_sleep(0.05)`)),
      { concurrency: "unbounded" }
    )
  }).pipe(Effect.scoped)

/** Somebody has all sessions of the server for longer than a check may take, when an idle connection is asked for. Says how many were opened. */
const checked = ({ client }: Place, checkTimeout: string) =>
  Effect.gen(function*() {
    const sql = yield* client({
      checkAfterIdle: "1 millis",
      checkTimeout: checkTimeout as "1 second",
      keepalive: "1 hour"
    })
    const other = yield* client()
    yield* sql`select 1`
    const held = yield* Deferred.make<void>()
    const holder = yield* Effect.fork(
      other.withTransaction(other`select 1`.pipe(
        Effect.zipRight(Deferred.succeed(held, undefined)),
        Effect.zipRight(Effect.sleep(500))
      ))
    )
    yield* Deferred.await(held)
    yield* sql`select 1`
    yield* Fiber.join(holder)
    return (yield* sql.pool.stats).opened
  })

export const openings: Record<string, Feature> = {
  "`connection.statementTimeout`": {
    what: option({ statementTimeout }, "statementTimeout"),
    instead: (here) =>
      Effect.gen(function*() {
        const sql = yield* ignoring(here, yield* role(here.server, { statement_timeout: "200ms" }))
        return (yield* failure(sql.unsafe(slow))).sqlState === "57014"
      })
  },
  "the same, named in `ignore_startup_parameters` and nowhere else": {
    what: (here) =>
      Effect.gen(function*() {
        const sql = yield* ignoring(here, {})
        const error = yield* failure(sql.unsafe(slow))
        expect(error.reason).toBe("ConnectionLost")
        return (yield* runs(here.server, slow)) ? "the server goes on" : "works"
      })
  },
  "`connection.options`": {
    what: option({ options: "-c search_path=tenant" }, "options"),
    instead: ({ client, server }) =>
      Effect.gen(function*() {
        const sql = yield* client({ connection: yield* role(server, { search_path: "tenant" }) })
        return (yield* value(sql, "show search_path")) === "tenant"
      })
  },
  "`lock_timeout`, `idle_in_transaction_session_timeout` in the URL": {
    what: (here) =>
      Effect.gen(function*() {
        const { database, password, user } = here.server
        const url = `postgres://${user}:${Redacted.value(password)}@ignored/${database}?lock_timeout=100`
        return yield* option({ url: Redacted.make(url) }, "lock_timeout")(here)
      }),
    instead: ({ client, server }) =>
      Effect.gen(function*() {
        const sql = yield* client({ connection: yield* role(server, { lock_timeout: "100ms" }) })
        return (yield* value(sql, "show lock_timeout")) === "100ms"
      })
  },
  "`maxSize` above `default_pool_size`": {
    what: (here) =>
      Effect.gen(function*() {
        const exits = yield* allAtOnce(here, 6, 30)
        const failed = exits.filter(Exit.isFailure)
        if (failed.length === 0) return "works"
        expect(yield* failure(failed[0]!)).toMatchObject({
          reason: "ConnectionLost",
          message: "query_wait_timeout",
          mayHaveRun: false
        })
        return "the surplus waits in vain"
      }),
    instead: (here) => Effect.map(allAtOnce(here, 5, 30), (exits) => exits.every(Exit.isSuccess))
  },
  "a check while all sessions of the server are busy": {
    what: (here) =>
      Effect.map(checked(here, "100 millis"), (opened) => opened === 1 ? "works" : "costs the connection"),
    instead: (here) => Effect.map(checked(here, "2 seconds"), (opened) => opened === 1)
  },
  "an opening while the server is down": {
    what: ({ client, server }) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(client(), (sql) => sql`select 1`)
        yield* Effect.acquireRelease(server.stop, () => Effect.orDie(server.start))
        const sql = yield* client({ startup: "probe" })
        const error = yield* failure(sql`select 1`)
        expect(error).toMatchObject({ reason: "ConnectionLost", mayHaveRun: false })
        expect((yield* sql.pool.health)._tag).not.toBe("Down")
        yield* server.start
        yield* until("it is back", Effect.map(Effect.exit(sql`select 1`), Exit.isSuccess))
        return "succeeds"
      })
  }
}
