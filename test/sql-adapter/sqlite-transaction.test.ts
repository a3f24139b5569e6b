import * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { isRunning, isWaiting, look, open, otherProcess, shop, slowRead, slowWrite, steps } from "./sqliteHarness.js"

const { SqliteQueryError } = SqliteConnector

const rowsOf = (filename: string) => look(filename, "select n from item order by n").map(({ n }) => n)

it.scopedLive("withTransaction commits what succeeded", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    expect(yield* connection.withTransaction(Effect.as(insert(1), "done"))).toBe("done")
    expect(rowsOf(filename)).toEqual([1])
    expect(steps.needsReset(connection)).toBe(false)
  }))

it.scopedLive("withTransaction rolls back what failed or died, and lets the failure out", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    expect(yield* Effect.flip(connection.withTransaction(Effect.zipRight(insert(1), Effect.fail("no"))))).toBe("no")
    const died = yield* Effect.exit(connection.withTransaction(Effect.zipRight(insert(1), Effect.die("bug"))))
    expect(Exit.isFailure(died) && Cause.isDie(died.cause)).toBe(true)
    expect(rowsOf(filename)).toEqual([])
    expect(steps.needsReset(connection)).toBe(false)
  }))

for (const [kind, sql] of [["reading", slowRead], ["writing", slowWrite]] as const) {
  it.scopedLive(`withTransaction rolls back when it is interrupted ${kind}, without keeping the fiber waiting`, () =>
    Effect.gen(function*() {
      const { connection, filename, insert } = yield* shop()
      const fiber = yield* Effect.fork(connection.withTransaction(Effect.zipRight(insert(1), connection.query(sql))))
      yield* isRunning(filename)
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      // What follows in the same lease is outside of it.
      yield* insert(2)
      expect(rowsOf(filename)).toEqual([2])
      yield* connection.withTransaction(insert(3))
      expect(rowsOf(filename)).toEqual([2, 3])
    }))
}

it.scopedLive("withTransaction fails typed where COMMIT fails, and nothing of it stays", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    yield* connection.query("create table line (n references item deferrable initially deferred)")
    const error = yield* Effect.flip(
      connection.withTransaction(Effect.zipRight(insert(1), connection.query("insert into line values (7)")))
    )
    expect(error).toBeInstanceOf(SqliteQueryError)
    expect(error).toMatchObject({
      reason: "Statement",
      extendedCode: "SQLITE_CONSTRAINT_FOREIGNKEY",
      sql: "COMMIT"
    })
    // SQLite leaves such a transaction open.
    expect(rowsOf(filename)).toEqual([])
    yield* insert(2)
    expect(rowsOf(filename)).toEqual([2])
    expect(steps.needsReset(connection)).toBe(false)
  }))

it.scopedLive("withTransaction keeps a statement's failure to itself where it is handled", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    yield* connection.withTransaction(
      Effect.zipRight(insert(1), Effect.zipRight(Effect.ignore(insert(1)), insert(2)))
    )
    expect(rowsOf(filename)).toEqual([1, 2])
  }))

it.scopedLive("A transaction that SQLite has ended by itself runs nothing more, and does not commit", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    const seen: Array<unknown> = []
    const error = yield* Effect.flip(connection.withTransaction(Effect.gen(function*() {
      yield* insert(1)
      seen.push(yield* Effect.flip(connection.query("insert or rollback into item values (1)")))
      // It would be outside of any transaction.
      seen.push(yield* Effect.flip(insert(2)))
      seen.push(yield* Effect.flip(connection.query("select 1")))
    })))
    expect(seen).toMatchObject([{ reason: "Statement" }, { reason: "RolledBack" }, { reason: "RolledBack" }])
    expect(error).toMatchObject({ reason: "RolledBack", sql: "COMMIT" })
    expect(rowsOf(filename)).toEqual([])
    yield* connection.withTransaction(insert(3))
    expect(rowsOf(filename)).toEqual([3])
  }))

it.scopedLive("A write that is interrupted in a transaction ends it, and nothing after it runs outside", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ statementTimeout: "50 millis" })
    const error = yield* Effect.flip(connection.withTransaction(Effect.gen(function*() {
      yield* insert(1)
      expect((yield* Effect.flip(connection.query(slowWrite))).reason).toBe("Interrupted")
      yield* insert(2)
    })))
    expect(error).toMatchObject({ reason: "RolledBack", sql: "insert into item values (?)" })
    expect(rowsOf(filename)).toEqual([])
    expect(steps.needsReset(connection)).toBe(false)
  }))

it.scopedLive("A transaction that SQLite has ended is over for who began it by hand, with ROLLBACK or COMMIT", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    yield* insert(1)
    for (const end of ["rollback", "/* at last */ ROLLBACK transaction;"]) {
      yield* connection.query("begin")
      yield* Effect.flip(connection.query("insert or rollback into item values (1)"))
      expect(steps.needsReset(connection)).toBe(true)
      expect((yield* Effect.flip(connection.query("rollback to savepoint a"))).reason).toBe("RolledBack")
      yield* connection.query(end)
      expect(steps.needsReset(connection)).toBe(false)
    }
    yield* connection.query("begin")
    yield* Effect.flip(connection.query("insert or rollback into item values (1)"))
    expect((yield* Effect.flip(connection.query("commit"))).reason).toBe("RolledBack")
    yield* insert(2)
    yield* connection.query("begin")
    yield* Effect.flip(connection.query("insert or rollback into item values (1)"))
    yield* steps.reset(connection)
    yield* insert(3)
    expect(rowsOf(filename)).toEqual([1, 2, 3])
  }))

it.scopedLive("withTransaction does not nest", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    const error = yield* Effect.flip(connection.withTransaction(connection.withTransaction(insert(1))))
    expect(error).toMatchObject({ reason: "Client" })
    expect(rowsOf(filename)).toEqual([])
    yield* connection.withTransaction(insert(2))
    expect(rowsOf(filename)).toEqual([2])
  }))

it.scopedLive("withTransaction leaves savepoints to the user", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    yield* connection.withTransaction(Effect.gen(function*() {
      yield* insert(1)
      yield* connection.query("savepoint a")
      yield* insert(2)
      yield* connection.query("rollback to a")
      yield* connection.query("release a")
      yield* insert(3)
    }))
    expect(rowsOf(filename)).toEqual([1, 3])
  }))

it.scopedLive("withTransaction has the lock from the beginning, unless it is deferred", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    const other = yield* open({ filename, busyTimeout: 0 })
    const writes = other.query("insert into item values (100)")
    for (const mode of [undefined, "immediate", "exclusive"] as const) {
      const error = yield* connection.withTransaction(Effect.flip(writes), mode === undefined ? {} : { mode })
      expect(error).toMatchObject({ reason: "Busy", code: "SQLITE_BUSY" })
    }
    yield* connection.withTransaction(writes, { mode: "deferred" })
    expect(rowsOf(filename)).toEqual([100])
  }))

it.scopedLive("withTransaction fails at once where it read, another one wrote, and it writes: waiting cannot help", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ busyTimeout: "1 minute" })
    const other = yield* open({ filename })
    const [time, error] = yield* Effect.timed(Effect.flip(connection.withTransaction(
      Effect.gen(function*() {
        yield* connection.query("select count(*) from item")
        yield* other.query("insert into item values (1)")
        yield* insert(2)
      }),
      { mode: "deferred" }
    )))
    expect(error).toMatchObject({ reason: "Busy", code: "SQLITE_BUSY", extendedCode: "SQLITE_BUSY_SNAPSHOT" })
    expect(Duration.toMillis(time)).toBeLessThan(2_000)
    expect(rowsOf(filename)).toEqual([1])
  }))

it.scopedLive("withTransaction fails at once where it read, another one has the lock, and it writes: they could wait for each other", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ busyTimeout: "1 minute" })
    const run = yield* otherProcess(filename)
    yield* run("begin immediate")
    const [time, error] = yield* Effect.timed(Effect.flip(connection.withTransaction(
      Effect.zipRight(connection.query("select count(*) from item"), insert(2)),
      { mode: "deferred" }
    )))
    expect(error).toMatchObject({ reason: "Busy", extendedCode: "SQLITE_BUSY" })
    expect(Duration.toMillis(time)).toBeLessThan(2_000)
    yield* run("insert into item values (1)")
    yield* run("commit")
    yield* connection.withTransaction(insert(3))
    expect(rowsOf(filename)).toEqual([1, 3])
  }))

it.scopedLive("withTransaction that is deferred waits for a lock with its first statement", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ busyTimeout: "10 seconds" })
    const run = yield* otherProcess(filename)
    yield* run("begin immediate")
    const fiber = yield* Effect.fork(connection.withTransaction(insert(1), { mode: "deferred" }))
    yield* isWaiting(connection)
    yield* run("commit")
    yield* Fiber.join(fiber)
    expect(rowsOf(filename)).toEqual([1])
  }))

it.scopedLive("withTransaction on a connection for reading sees one state of the database, and refuses to write", () =>
  Effect.gen(function*() {
    const { filename, insert } = yield* shop()
    const reader = yield* open({ filename, readOnly: true })
    const count = Effect.map(reader.query<{ n: number }>("select count(*) as n from item"), ({ rows }) => rows[0]!.n)
    yield* reader.withTransaction(Effect.gen(function*() {
      expect(yield* count).toBe(0)
      yield* insert(1)
      expect(yield* count).toBe(0)
    }))
    expect(yield* count).toBe(1)
    const error = yield* Effect.flip(reader.withTransaction(reader.query("delete from item"), { mode: "immediate" }))
    expect(error).toMatchObject({ code: "SQLITE_READONLY" })
    expect(steps.isBroken(reader)).toBe(false)
  }))

it.scopedLive("An open transaction is reset", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    for (const begin of ["begin", "begin exclusive", "savepoint a"]) {
      yield* connection.query(begin)
      yield* insert(1)
      yield* steps.check(connection)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
    }
    // Also one that was begun behind its back.
    yield* Effect.promise(() => connection.unsafeDatabase.exec("begin"))
    expect(steps.needsReset(connection)).toBe(true)
    yield* steps.reset(connection)
    expect(steps.needsReset(connection)).toBe(false)
    yield* insert(2)
    expect(rowsOf(filename)).toEqual([2])
  }))
