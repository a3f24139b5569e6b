import type * as SqliteConnector from "@cenote/sql-adapter/SqliteConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as path from "node:path"
import type { NativeDatabase, NativeStatement } from "../../packages/sql-adapter/src/internal/sqlite/driver.js"
import { openNative } from "../../packages/sql-adapter/src/internal/sqlite/driver.js"
import { Handle } from "../../packages/sql-adapter/src/internal/sqlite/handle.js"
import { Session } from "../../packages/sql-adapter/src/internal/sqlite/session.js"
import { resolve } from "../../packages/sql-adapter/src/internal/sqlite/settings.js"
import { timer } from "../../packages/sql-adapter/src/internal/timer.js"
import { until } from "./harness.js"
import { handlesOf, isIdle, isRunning, look, newFile, open, shop, slowRead, slowWrite, steps } from "./sqliteHarness.js"

/** Reads one row of a stream and keeps it open. */
const openStream = (connection: SqliteConnector.SqliteConnection) =>
  Effect.gen(function*() {
    const isOpen = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkDaemon(
      Stream.runForEach(
        connection.stream("select n from item"),
        () => Effect.zipRight(Deferred.succeed(isOpen, undefined), Effect.never)
      )
    )
    yield* Deferred.await(isOpen)
    return fiber
  })

/** A database that tells of a first step only when it may. */
const withLateAnswers = (native: NativeDatabase) => {
  let answers = 0
  let open = true
  let waiting: Array<() => void> = []
  const late = (statement: NativeStatement): NativeStatement => ({
    reader: statement.reader,
    raw: (toggle) => statement.raw(toggle),
    get: () => statement.get(),
    iterate: async (params) => {
      const rows = await statement.iterate(params)
      answers++
      if (!open) await new Promise<void>((resolve) => waiting.push(resolve))
      return rows
    }
  })
  return {
    answered: () => answers,
    goOn: (may: boolean) => {
      open = may
      if (may) { for (const resolve of waiting) resolve() }
      waiting = []
    },
    native: Object.create(native, {
      prepare: { value: async (sql: string) => late(await native.prepare(sql)) }
    }) as NativeDatabase
  }
}

describe("A close leaves no handle", () => {
  const closing = <E>(
    what: string,
    use: (connection: SqliteConnector.SqliteConnection, filename: string) => Effect.Effect<unknown, E>
  ) =>
    it.scopedLive(what, () =>
      Effect.gen(function*() {
        const filename = yield* newFile
        const scope = yield* Scope.make()
        const connection = yield* Scope.extend(open({ filename }), scope)
        yield* connection.query("create table item (n integer primary key)")
        yield* connection.query("insert into item select value from generate_series(1, 1000)")
        const used = yield* use(connection, filename)
        expect(handlesOf(filename)).toBeGreaterThan(0)
        const [time] = yield* Effect.timed(Scope.close(scope, Exit.void))
        expect(handlesOf(filename)).toBe(0)
        expect(Duration.toMillis(time)).toBeLessThan(2_000)
        // The last one to close a database in WAL mode takes away the log.
        expect(fs.readdirSync(path.dirname(filename))).toEqual(["shop.db"])
        expect(look(filename, "select count(*) as n from item")).toEqual([{ n: 1000 }])
        return used
      }))

  closing("of a connection that nobody used", () => Effect.void)

  closing("after a hundred different statements", (connection) =>
    Effect.forEach(
      Array.from({ length: 100 }, (_, n) => n),
      (n) => connection.query(`select n from item where n = ${n}`)
    ))

  closing("after statements that failed, whose errors are kept", (connection) =>
    Effect.all([
      Effect.flip(connection.query("select wrong from item")),
      Effect.flip(connection.query("insert into item values (1)")),
      Effect.flip(Stream.runDrain(connection.stream("select json('{') from item"))),
      Effect.flip(connection.query("select ?", [Symbol("no")]))
    ]))

  closing("while a stream is read", openStream)

  closing(
    "while a statement runs",
    (connection, filename) => Effect.zipLeft(Effect.forkDaemon(connection.query(slowRead)), isRunning(filename))
  )

  closing(
    "in a transaction, which is rolled back",
    (connection) => Effect.zipRight(connection.query("begin immediate"), connection.query("delete from item"))
  )

  it.scopedLive("after an interruption that came when the statement had ended", () =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const settings = yield* resolve({ filename })
      const { answered, goOn, native } = withLateAnswers(openNative(settings.target))
      const handle = new Handle(native, true, settings.limits, yield* timer, () => 0)
      const session = new Session(handle, settings, () => 0n)
      goOn(true)
      yield* session.query("pragma journal_mode = wal")
      yield* session.query("create table item (n)")
      goOn(false)
      const fiber = yield* Effect.fork(session.query("select n from item"))
      yield* until("it is answered, and nobody knows", Effect.sync(() => answered() === 3))
      yield* Fiber.interrupt(fiber)
      goOn(true)
      yield* session.close
      expect(handlesOf(filename)).toBe(0)
      // An interruption that SQLite still knows of keeps it from taking away the log.
      expect(fs.readdirSync(path.dirname(filename))).toEqual(["shop.db"])
    }))
})

describe("A close", () => {
  it.scopedLive("fails what runs, what waits and what comes later, typed", () =>
    Effect.gen(function*() {
      const { filename } = yield* shop()
      const scope = yield* Scope.make()
      const connection = yield* Scope.extend(open({ filename }), scope)
      const running = yield* Effect.fork(Effect.flip(connection.query(slowRead)))
      const waiting = yield* Effect.fork(Effect.flip(connection.query("select 1")))
      yield* isRunning(filename)
      yield* Scope.close(scope, Exit.void)
      const later = yield* Effect.flip(connection.query("select 1"))
      const stream = yield* Effect.flip(Stream.runDrain(connection.stream("select 1")))
      for (const error of [yield* Fiber.join(running), yield* Fiber.join(waiting), later, stream]) {
        expect(error).toMatchObject({ _tag: "SqliteQueryError", reason: "ConnectionLost" })
      }
      expect(steps.isBroken(connection)).toBe(true)
      expect(steps.needsReset(connection)).toBe(false)
      expect(() => connection.unsafeDatabase).toThrow("closed")
    }))

  it.scopedLive("ends a stream that is read, typed", () =>
    Effect.gen(function*() {
      const { filename, insert } = yield* shop()
      yield* Effect.forEach([1, 2], insert)
      const scope = yield* Scope.make()
      const connection = yield* Scope.extend(open({ filename }), scope)
      const rows: Array<unknown> = []
      const error = yield* Effect.flip(
        Stream.runForEach(connection.stream("select n from item", [], { chunkSize: 1 }), (row) => {
          rows.push(row)
          return Scope.close(scope, Exit.void)
        })
      )
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(rows).toEqual([{ n: 1 }])
    }))

  it.scopedLive("lets a COMMIT that was begun succeed", () =>
    Effect.gen(function*() {
      const { filename } = yield* shop()
      for (let round = 1; round <= 20; round++) {
        const scope = yield* Scope.make()
        const connection = yield* Scope.extend(open({ filename }), scope)
        const isReady = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(connection.withTransaction(
          Effect.zipLeft(connection.query("insert into item values (?)", [round]), Deferred.succeed(isReady, undefined))
        ))
        yield* Deferred.await(isReady)
        // COMMIT is the next thing that the fiber does.
        yield* Effect.yieldNow()
        const isDone = fiber.unsafePoll() !== null
        yield* Fiber.interruptFork(fiber)
        yield* Scope.close(scope, Exit.void)
        const rows = look(filename, `select n from item where n = ${round}`)
        if (isDone || (yield* Fiber.await(fiber))._tag === "Success") expect(rows).toHaveLength(1)
        expect(look(filename, "pragma integrity_check")).toEqual([{ integrity_check: "ok" }])
      }
    }))

  it.scopedLive("by abort: ends what runs at once, tells everybody, and no handle stays", () =>
    Effect.gen(function*() {
      const { filename } = yield* shop()
      const scope = yield* Scope.make()
      const connection = yield* Scope.extend(open({ filename }), scope)
      const deaths: Array<unknown> = []
      steps.onLost(connection, (reason) => deaths.push(reason))
      const fiber = yield* Effect.fork(Effect.flip(connection.query(slowWrite)))
      yield* isRunning(filename)
      steps.abort(connection)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
      expect(deaths).toHaveLength(1)
      yield* isIdle(filename)
      yield* Scope.close(scope, Exit.void)
      expect(deaths).toHaveLength(1)
    }))
})
