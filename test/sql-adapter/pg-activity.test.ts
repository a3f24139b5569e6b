import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PgActivity from "@cenote/sql-adapter/PgActivity"
import * as PgConnector from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { optionsOf, until } from "./harness.js"

/** It would end a text, if it were ever written into one. */
const applicationName = "orders' or 'a' = 'a"

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("What the server sees", (it) => {
  it.scoped("is the pool's sessions and no others, also while all of them are busy", () =>
    Effect.gen(function*() {
      const options = { ...optionsOf(yield* Postgres), applicationName }
      const pool = yield* ConnectionPool.make({ connector: PgConnector.make(options), maxSize: 2 })
      const activity = yield* PgActivity.make(options)
      expect(yield* activity).toEqual([])

      const busy = yield* Effect.forkScoped(
        pool.use(({ query }) => query("select pg_sleep(60), $1::text", ["hunter2"]))
      )
      const inTransaction = yield* Effect.forkScoped(
        pool.use((connection) =>
          connection.withTransaction(Effect.zipRight(connection.query("select 1"), Effect.never))
        )
      )
      const isSeen = (state: string) =>
        until(state, Effect.map(activity, (sessions) => sessions.some((session) => session.state === state)))
      yield* isSeen("active")
      yield* isSeen("idle in transaction")
      const sessions = yield* activity
      expect(sessions).toHaveLength(2)
      const sleeping = sessions.find(({ state }) => state === "active")
      expect(sleeping).toMatchObject({ waits: "Timeout: PgSleep", statement: "select pg_sleep(60), $1::text" })
      expect(sleeping!.since).toBeGreaterThanOrEqual(0)
      expect(JSON.stringify(sessions)).not.toContain("hunter2")
      yield* Fiber.interruptAll([busy, inTransaction])
    }))

  it.scoped("is seen again when the server has ended the session that looks", () =>
    Effect.gen(function*() {
      const server = yield* Postgres
      const activity = yield* PgActivity.make({ ...optionsOf(server), applicationName: "looked at" })
      yield* activity
      const admin = yield* PgConnector.make(optionsOf(server)).open
      const killed = yield* admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'looked at (activity)'"
      )
      expect(killed.rows).toHaveLength(1)
      yield* until("another session", Effect.map(Effect.either(activity), ({ _tag }) => _tag === "Right"))
    }))
})
