import { PgQueryError } from "@cenote/sql-adapter/PgConnector"
import { expect, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { isRunning, open, steps } from "./harness.js"

/** A connection, and a table of its own. */
const withTable = (name: string) =>
  Effect.gen(function*() {
    const connection = yield* open()
    yield* connection.query(`create table ${name} (n int unique deferrable initially deferred)`)
    const rows = Effect.map(
      Effect.flatMap(Postgres, (server) => server.query(`select n from ${name} order by n`)),
      (rows) => rows.map(({ n }) => n)
    )
    return { connection, rows, insert: (n: number) => connection.query(`insert into ${name} values ($1)`, [n]) }
  })

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("withTransaction", (it) => {
  it.scoped("commits what succeeded", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("committed")
      expect(yield* connection.withTransaction(Effect.as(insert(1), "done"))).toBe("done")
      expect(yield* rows).toEqual([1])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("rolls back what failed or died, and lets the failure out", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("rolled_back")
      expect(yield* Effect.flip(connection.withTransaction(Effect.zipRight(insert(1), Effect.fail("no"))))).toBe("no")
      const died = yield* Effect.exit(connection.withTransaction(Effect.zipRight(insert(1), Effect.die("bug"))))
      expect(Exit.isFailure(died) && Cause.isDie(died.cause)).toBe(true)
      expect(yield* rows).toEqual([])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("rolls back when it is interrupted, without keeping the fiber waiting", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("interrupted")
      const fiber = yield* Effect.fork(
        connection.withTransaction(Effect.zipRight(insert(1), connection.query("select pg_sleep(600)")))
      )
      yield* isRunning(connection.processId, "pg_sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      // What follows in the same lease is outside of it.
      yield* insert(2)
      expect(yield* rows).toEqual([2])
      yield* connection.withTransaction(insert(3))
      expect(yield* rows).toEqual([2, 3])
    }))

  it.scoped("fails where COMMIT could only roll back", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("hidden")
      const error = yield* Effect.flip(
        connection.withTransaction(Effect.zipRight(insert(1), Effect.ignore(connection.query("select 1 / 0"))))
      )
      expect(error).toBeInstanceOf(PgQueryError)
      expect(error).toMatchObject({ reason: "RolledBack" })
      expect(yield* rows).toEqual([])
    }))

  it.scoped("fails typed where COMMIT fails", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("deferred")
      const error = yield* Effect.flip(connection.withTransaction(Effect.zipRight(insert(1), insert(1))))
      expect(error).toMatchObject({ reason: "Server", sqlState: "23505", sql: "COMMIT" })
      expect(yield* rows).toEqual([])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("fails typed where BEGIN meets a dead connection", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* (yield* Postgres).terminateBackend(connection.processId)
      const error = yield* Effect.flip(connection.withTransaction(Effect.void))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
    }))

  it.scoped("fails typed where the connection dies in the middle of COMMIT", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      const error = yield* Effect.flip(
        connection.withTransaction(Effect.zipLeft(
          connection.query("select 1"),
          Effect.sync(() => proxy.setMode(Proxy.cutAfter(3)))
        ))
      )
      expect(error).toMatchObject({ reason: "ConnectionLost", sql: "COMMIT" })
      expect(steps.isBroken(connection)).toBe(true)
    }))

  it.scoped("does not nest", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("nested")
      const error = yield* Effect.flip(connection.withTransaction(connection.withTransaction(insert(1))))
      expect(error).toMatchObject({ reason: "Client" })
      expect(yield* rows).toEqual([])
      yield* connection.withTransaction(insert(2))
      expect(yield* rows).toEqual([2])
    }))

  it.scoped("takes an isolation level, and refuses writes where asked to, without losing the connection", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const { rows } = yield* connection.withTransaction(
        connection.query("select current_setting('transaction_isolation') as level"),
        { isolation: "serializable", readOnly: false }
      )
      expect(rows).toEqual([{ level: "serializable" }])
      const error = yield* Effect.flip(
        connection.withTransaction(connection.query("create table never (n int)"), { readOnly: true })
      )
      expect(error).toMatchObject({ sqlState: "25006" })
      expect(steps.isBroken(connection)).toBe(false)
    }))

  it.scoped("a server that takes no writes any more breaks the connection", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("set default_transaction_read_only = on")
      const error = yield* Effect.flip(connection.withTransaction(connection.query("create table never (n int)")))
      expect(error).toMatchObject({ reason: "ConnectionLost", sqlState: "25006" })
      expect(steps.isBroken(connection)).toBe(true)
    }))

  it.scoped("an open transaction, or one that failed, is reset", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("left_open")
      yield* connection.query("begin")
      yield* insert(1)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      yield* connection.query("begin")
      yield* Effect.flip(connection.query("select 1 / 0"))
      yield* steps.check(connection)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      yield* insert(2)
      expect(yield* rows).toEqual([2])
    }))
})
