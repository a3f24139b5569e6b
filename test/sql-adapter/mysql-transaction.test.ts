import { MysqlQueryError } from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Mysql, suite } from "../support/mysql.js"
import * as Proxy from "../support/proxy.js"
import { err, fakeServer, isRunning, ok, open, openFake, status, steps } from "./mysqlHarness.js"

/** A connection, and a table of its own. */
const withTable = (name: string) =>
  Effect.gen(function*() {
    const connection = yield* open()
    const { database, query } = yield* Mysql
    yield* connection.query(`create table ${name} (n int primary key, text text)`)
    const rows = Effect.map(query(`select n from ${database}.${name} order by n`), (rows) => rows.map(({ n }) => n))
    return { connection, rows, insert: (n: number) => connection.query(`insert into ${name} (n) values (?)`, [n]) }
  })

suite("transaction", "withTransaction", (it) => {
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
        connection.withTransaction(Effect.zipRight(insert(1), connection.query("select sleep(600)")))
      )
      yield* isRunning(connection.threadId, "sleep")
      const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
      expect(Duration.toMillis(time)).toBeLessThan(500)
      // What follows in the same lease is outside of it.
      yield* insert(2)
      expect(yield* rows).toEqual([2])
      yield* connection.withTransaction(insert(3))
      expect(yield* rows).toEqual([2, 3])
    }))

  it.scoped("goes on after a statement that failed alone", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("went_on")
      yield* connection.withTransaction(
        Effect.zipRight(insert(1), Effect.zipRight(Effect.ignore(insert(1)), insert(2)))
      )
      expect(yield* rows).toEqual([1, 2])
    }))

  it.scoped("fails where one of its statements had ended it: a deadlock's victim that was handled inside", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("deadlocked")
      const other = yield* open()
      const lock = (holder: typeof connection, n: number) =>
        holder.query("update deadlocked set text = ? where n = ?", ["locked", n])
      yield* insert(1)
      yield* insert(2)
      yield* other.query("start transaction")
      // Who has changed less is the victim.
      yield* other.query("insert into deadlocked (n) select seq from seq_100_to_200")
      yield* lock(other, 2)
      const error = yield* Effect.flip(connection.withTransaction(
        Effect.gen(function*() {
          yield* insert(3)
          yield* lock(connection, 1)
          const waits = yield* Effect.fork(lock(other, 1))
          yield* isRunning(other.threadId, "update")
          const victim = yield* Effect.flip(lock(connection, 2))
          expect(victim).toMatchObject({ reason: "Server", errno: 1213, sqlState: "40001" })
          yield* Fiber.join(waits)
          // Outside of any transaction: it is there for good.
          yield* insert(4)
        })
      ))
      expect(error).toBeInstanceOf(MysqlQueryError)
      expect(error).toMatchObject({ reason: "RolledBack", sql: "COMMIT" })
      yield* other.query("rollback")
      expect(yield* rows).toEqual([1, 2, 4])
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("is not said to be rolled back where a statement has committed it, and a later one failed", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.withTransaction(Effect.gen(function*() {
        yield* connection.query("create table made_inside (id int)")
        yield* Effect.flip(connection.query("select nonsense from nowhere"))
        yield* connection.query("insert into made_inside values (1)")
      }))
      expect((yield* connection.query("select id from made_inside")).rows).toEqual([{ id: 1 }])
      yield* connection.query("drop table made_inside")
    }))

  it.scoped("fails typed where START TRANSACTION meets a dead connection", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* (yield* Mysql).kill(connection.threadId)
      const error = yield* Effect.flip(connection.withTransaction(Effect.void))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
    }))

  it.scoped("fails typed where the connection dies in the middle of COMMIT", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
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

  it.scoped("does not commit a transaction that a statement has begun", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("begun")
      yield* connection.query("begin")
      yield* insert(1)
      expect(yield* Effect.flip(connection.withTransaction(insert(2)))).toMatchObject({ reason: "Client" })
      // An error leaves open whether there is one still: the server is asked.
      yield* Effect.flip(insert(1))
      expect(yield* Effect.flip(connection.withTransaction(insert(2)))).toMatchObject({ reason: "Client" })
      expect(yield* rows).toEqual([])
      yield* connection.query("rollback")
      yield* connection.withTransaction(insert(3))
      expect(yield* rows).toEqual([3])
    }))

  it.scoped("takes an isolation level, for one transaction", () =>
    Effect.gen(function*() {
      const { connection, rows } = yield* withTable("isolated")
      const other = yield* open()
      const sees = Effect.map(other.query("select * from isolated"), ({ rows }) => rows.length)
      yield* other.withTransaction(
        Effect.gen(function*() {
          expect(yield* sees).toBe(0)
          yield* connection.query("insert into isolated (n) values (1)")
          expect(yield* sees).toBe(1)
        }),
        { isolation: "read committed" }
      )
      yield* other.withTransaction(Effect.gen(function*() {
        expect(yield* sees).toBe(1)
        yield* connection.query("insert into isolated (n) values (2)")
        expect(yield* sees).toBe(1)
      }))
      expect(yield* rows).toEqual([1, 2])
    }))

  it.scoped("refuses writes where asked to, without losing the connection", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("refused")
      const error = yield* Effect.flip(connection.withTransaction(insert(1), { readOnly: true }))
      expect(error).toMatchObject({ reason: "Server", errno: 1792, sqlState: "25006" })
      expect(steps.isBroken(connection)).toBe(false)
      yield* connection.query("start transaction read only")
      expect(yield* Effect.flip(insert(1))).toMatchObject({ reason: "Server", errno: 1792 })
      expect(steps.isBroken(connection)).toBe(false)
      yield* steps.reset(connection)
      yield* connection.withTransaction(insert(2), { readOnly: false })
      expect(yield* rows).toEqual([2])
    }))

  it.scoped("an open transaction, or one with an error, is reset", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("left_open")
      yield* connection.query("begin")
      yield* insert(1)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      yield* connection.query("begin")
      yield* insert(1)
      yield* Effect.flip(insert(1))
      yield* steps.check(connection)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      yield* insert(2)
      expect(yield* rows).toEqual([2])
    }))

  it.scoped("a transaction that a procedure has begun before it failed is reset", () =>
    Effect.gen(function*() {
      const { connection, rows } = yield* withTable("by_procedure")
      yield* connection.query(
        "create procedure begins() begin start transaction; insert into by_procedure (n) values (1); signal sqlstate '45000'; end"
      )
      yield* Effect.flip(connection.query("call begins()"))
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      expect(yield* rows).toEqual([])
    }))

  it.scoped("one that began by itself, without autocommit, is reset, even where its statement failed", () =>
    Effect.gen(function*() {
      const { connection, insert, rows } = yield* withTable("by_itself")
      yield* insert(1)
      yield* connection.query("set autocommit = 0")
      yield* Effect.flip(insert(1))
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
      yield* insert(2)
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(yield* rows).toEqual([1])
    }))

  it.scoped("what ROLLBACK does not end fails the reset", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("set completion_type = 'CHAIN'")
      yield* connection.query("start transaction")
      expect(yield* Effect.flip(steps.reset(connection))).toMatchObject({ reason: "Client", sql: "ROLLBACK" })
    }))
})

describe("withTransaction on a server of its own", () => {
  it.live("fails typed where COMMIT fails, and the connection goes on", () =>
    Effect.gen(function*() {
      const server = yield* fakeServer(({ text }) => {
        if (text === "COMMIT") return [err(1213, "40001", "Deadlock found when trying to get lock; try restarting")]
        return [ok(text === "START TRANSACTION" ? status.autocommit | status.inTransaction : status.autocommit)]
      })
      const connection = yield* openFake(server)
      const error = yield* Effect.flip(connection.withTransaction(Effect.void))
      expect(error).toMatchObject({ reason: "Server", errno: 1213, sqlState: "40001", sql: "COMMIT" })
      expect(steps.isBroken(connection)).toBe(false)
      // The transaction may still be open.
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect(steps.needsReset(connection)).toBe(false)
    }).pipe(Effect.scoped))

  it.live("says how it begins and ends, in one round trip more where there is an isolation level", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const server = yield* fakeServer(({ text }) => {
        asked.push(text)
        return [ok()]
      })
      const connection = yield* openFake(server)
      yield* connection.withTransaction(Effect.void)
      yield* connection.withTransaction(Effect.void, { isolation: "serializable", readOnly: true })
      yield* Effect.exit(connection.withTransaction(Effect.fail("no"), { readOnly: false }))
      expect(asked).toEqual([
        "START TRANSACTION",
        "COMMIT",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "START TRANSACTION READ ONLY",
        "COMMIT",
        "START TRANSACTION READ WRITE",
        "ROLLBACK"
      ])
    }).pipe(Effect.scoped))
})
