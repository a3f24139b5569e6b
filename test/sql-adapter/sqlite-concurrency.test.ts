import type * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { isWaiting, look, open, otherProcess, shop, slowRead } from "./sqliteHarness.js"

it.scopedLive("A writer waits for another process's transaction, and then writes", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    const run = yield* otherProcess(filename)
    yield* run("begin immediate")
    yield* run("insert into item values (1)")
    const fiber = yield* Effect.fork(insert(2))
    yield* isWaiting(connection)
    yield* run("commit")
    expect((yield* Fiber.join(fiber)).changes).toBe(1)
    expect((yield* run("select n from item order by n")).rows).toEqual([{ n: 1 }, { n: 2 }])
  }))

it.scopedLive("A writer fails typed when busyTimeout is over, and not before, and writes the next time", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ busyTimeout: "300 millis" })
    const run = yield* otherProcess(filename)
    yield* run("begin immediate")
    for (const write of [insert(1), connection.withTransaction(insert(1))]) {
      const [time, error] = yield* Effect.timed(Effect.flip(write))
      expect(error).toMatchObject({
        _tag: "SqliteQueryError",
        reason: "Busy",
        code: "SQLITE_BUSY",
        message: "database is locked"
      })
      expect(Duration.toMillis(time)).toBeGreaterThan(290)
      expect(Duration.toMillis(time)).toBeLessThan(2_000)
    }
    yield* run("commit")
    yield* insert(1)
    expect(look(filename, "select n from item")).toEqual([{ n: 1 }])
  }))

it.scopedLive("busyTimeout: 0 waits for nobody", () =>
  Effect.gen(function*() {
    const { filename, insert } = yield* shop({ busyTimeout: 0 })
    const run = yield* otherProcess(filename)
    yield* run("begin immediate")
    const [time, error] = yield* Effect.timed(Effect.flip(insert(1)))
    expect(error.reason).toBe("Busy")
    expect(Duration.toMillis(time)).toBeLessThan(250)
  }))

it.scopedLive("Ten writers at once lose nothing, and none of them fails", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    yield* connection.query("insert into item values (0)")
    const add = (connection: SqliteConnector.SqliteConnection) =>
      connection.withTransaction(Effect.gen(function*() {
        const { rows: [row] } = yield* connection.query<{ n: number }>("select max(n) as n from item")
        yield* connection.query("insert into item values (?)", [row!.n + 1])
      }))
    const writers = yield* Effect.all(Array.from({ length: 10 }, () => open({ filename, busyTimeout: "20 seconds" })))
    yield* Effect.forEach(writers, (writer) => Effect.repeatN(add(writer), 9), { concurrency: "unbounded" })
    expect(look(filename, "select max(n) as most, count(*) as n from item")).toEqual([{ most: 100, n: 101 }])
  }), 30_000)

it.scopedLive("Two processes that write at the same time both succeed", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop()
    const run = yield* otherProcess(filename)
    yield* Effect.all([
      Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) => connection.withTransaction(insert(n))),
      Effect.forEach(Array.from({ length: 50 }, (_, n) => n), (n) =>
        Effect.map(run(`insert into item values (${1000 + n})`), ({ error }) => expect(error).toBeUndefined()))
    ], { concurrency: 2 })
    expect(look(filename, "select count(*) as n from item")).toEqual([{ n: 100 }])
  }), 30_000)

it.scopedLive("Readers do not keep a writer waiting, nor it them", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ busyTimeout: 0 })
    yield* insert(1)
    const reader = yield* open({ filename, readOnly: true, busyTimeout: 0 })
    const isOpen = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const reading = yield* Effect.fork(Stream.runCollect(Stream.tap(
      reader.stream("select n from item"),
      () => Effect.zipRight(Deferred.succeed(isOpen, undefined), Deferred.await(goOn))
    )))
    yield* Deferred.await(isOpen)
    yield* insert(2)
    const third = yield* open({ filename, readOnly: true, busyTimeout: 0 })
    yield* connection.withTransaction(Effect.gen(function*() {
      yield* insert(3)
      expect((yield* third.query("select count(*) as n from item")).rows).toEqual([{ n: 2 }])
    }))
    yield* Deferred.succeed(goOn, undefined)
    expect([...(yield* Fiber.join(reading))]).toEqual([{ n: 1 }])
    expect((yield* reader.query("select count(*) as n from item")).rows).toEqual([{ n: 3 }])
  }))

it.scopedLive("With a rollback journal a COMMIT waits for readers", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ journalMode: "delete" })
    const run = yield* otherProcess(filename)
    yield* run("begin")
    yield* run("select count(*) from item")
    const fiber = yield* Effect.fork(connection.withTransaction(insert(1)))
    yield* isWaiting(connection)
    yield* run("commit")
    yield* Fiber.join(fiber)
    expect(look(filename, "select n from item")).toEqual([{ n: 1 }])
  }))

it.scopedLive("With a rollback journal a COMMIT that waits too long is rolled back, typed", () =>
  Effect.gen(function*() {
    const { connection, filename, insert } = yield* shop({ journalMode: "delete", busyTimeout: "100 millis" })
    const run = yield* otherProcess(filename)
    yield* run("begin")
    yield* run("select count(*) from item")
    const error = yield* Effect.flip(connection.withTransaction(insert(1)))
    expect(error).toMatchObject({ reason: "Busy", sql: "COMMIT" })
    yield* run("commit")
    yield* insert(2)
    expect(look(filename, "select n from item")).toEqual([{ n: 2 }])
  }))

it.scopedLive("Slow statements on other connections do not hold up a short one", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    const others = yield* Effect.all(Array.from({ length: 12 }, () => open({ filename, readOnly: true })))
    const slow = yield* Effect.forEach(others, (other) => Effect.fork(other.query(slowRead)))
    for (let round = 0; round < 10; round++) {
      const [time] = yield* Effect.timed(connection.query("select count(*) from item"))
      expect(Duration.toMillis(time)).toBeLessThan(5_000)
    }
    yield* Effect.forEach(slow, (fiber) => Fiber.interrupt(fiber), { concurrency: "unbounded" })
    expect(slow.every((fiber) => fiber.unsafePoll() !== null)).toBe(true)
  }), 60_000)
