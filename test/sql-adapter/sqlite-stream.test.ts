import { expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { until } from "./harness.js"
import { isIdle, isRunning, look, open, openNew, shop, slowRead, steps } from "./sqliteHarness.js"

const series = "select value as n from generate_series(1, ?)"

it.scopedLive("A stream gives every row once, in order, whatever the size of its chunks", () =>
  Effect.gen(function*() {
    const connection = yield* openNew()
    for (const chunkSize of [undefined, 1, 7, 1000]) {
      for (const size of [0, 1, 2, 3, 127, 128, 129, 1000]) {
        const chunks = yield* Stream.runCollect(
          Stream.chunks(connection.stream<{ n: number }>(series, [size], { chunkSize }))
        )
        const largest = Math.max(0, ...[...chunks].map((chunk) => chunk.length))
        expect(largest).toBeLessThanOrEqual(chunkSize ?? 128)
        // The first is for whoever takes only one.
        if (size > 0) expect(Chunk.unsafeHead(chunks).length).toBe(1)
        if (size === 1000) expect(largest).toBeGreaterThan(Math.min(chunkSize ?? 128, 16) / 2)
        const rows = Chunk.flatten(chunks)
        expect([...rows].map(({ n }) => n)).toEqual(Array.from({ length: size }, (_, n) => n + 1))
        expect(steps.needsReset(connection)).toBe(false)
      }
    }
  }))

it.scopedLive("A stream of a million rows takes little memory", () =>
  Effect.gen(function*() {
    const connection = yield* openNew()
    const collect = Effect.promise(() => import("../../packages/sql-adapter/src/internal/sqlite/collect.js"))
    const used = Effect.map(
      Effect.flatMap(collect, ({ collect }) => Effect.promise(collect)),
      () => {
        const { arrayBuffers, external, heapUsed } = process.memoryUsage()
        return heapUsed + external + arrayBuffers
      }
    )
    const before = yield* used
    let largest = 0
    let count = 0
    yield* Stream.runForEachChunk(
      connection.stream("select value as n, 'a text of some length ' || value as t from generate_series(1, 1000000)"),
      (chunk) => {
        const last = count
        count += chunk.length
        return Math.floor(last / 250_000) === Math.floor(count / 250_000) ? Effect.void : Effect.map(used, (used) => {
          largest = Math.max(largest, used)
        })
      }
    )
    expect(count).toBe(1_000_000)
    // Kept, they would be more than 100 MB.
    expect(largest - before).toBeLessThan(20_000_000)
  }), 60_000)

it.scopedLive("A stream reads on only when somebody wants more", () =>
  Effect.gen(function*() {
    const connection = yield* openNew()
    // No end: whoever read ahead would never come back.
    const endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c"
    const rows = yield* Stream.runCollect(Stream.take(connection.stream<{ n: number }>(endless), 300))
    expect(Chunk.map(rows, ({ n }) => n)).toEqual(Chunk.range(1, 300))
    expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
  }))

it.scopedLive("A stream that is cut short ends its statement, and so its locks", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    yield* connection.query("insert into item select value from generate_series(1, 1000)")
    yield* Stream.runDrain(Stream.take(connection.stream("select n from item", [], { chunkSize: 1 }), 2))
    yield* isIdle(filename)
    const failed = yield* Effect.exit(
      Stream.runForEach(connection.stream("select n from item"), () => Effect.fail("no"))
    )
    expect(failed).toEqual(Exit.fail("no"))
    yield* isIdle(filename)
    yield* until("it has settled", Effect.sync(() => !steps.needsReset(connection)))
  }))

it.scopedLive("A stream that is interrupted before its first row ends its statement", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    const fiber = yield* Effect.fork(Stream.runDrain(connection.stream(slowRead)))
    yield* isRunning(filename)
    const [time] = yield* Effect.timed(Fiber.interrupt(fiber))
    expect(Duration.toMillis(time)).toBeLessThan(500)
    yield* isIdle(filename)
    expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
  }))

it.scopedLive("A stream that is open has the connection: other statements wait for their turn", () =>
  Effect.gen(function*() {
    const { connection, insert } = yield* shop()
    yield* Effect.forEach([1, 2, 3], insert)
    const isOpen = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const stream = yield* Effect.fork(Stream.runCollect(Stream.tap(
      connection.stream("select n from item", [], { chunkSize: 1 }),
      () => Effect.zipRight(Deferred.succeed(isOpen, undefined), Deferred.await(goOn))
    )))
    yield* Deferred.await(isOpen)
    const other = yield* Effect.fork(insert(4))
    const left = yield* Effect.fork(insert(5))
    yield* Effect.yieldNow()
    // One that is left while it waits is never run.
    yield* Fiber.interrupt(left)
    expect(other.unsafePoll()).toBe(null)
    yield* Deferred.succeed(goOn, undefined)
    expect([...(yield* Fiber.join(stream))]).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    yield* Fiber.join(other)
    expect((yield* connection.query("select max(n) as n from item")).rows).toEqual([{ n: 4 }])
  }))

it.scopedLive("A stream of what is inserted inserts it all, though it is cut short", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    const inserting = connection.stream("insert into item select value from generate_series(1, 500) returning n")
    yield* Stream.runDrain(Stream.take(inserting, 2))
    expect((yield* connection.query("update item set n = n where n < 0")).changes).toBe(0)
    expect(look(filename, "select count(*) as n from item")).toEqual([{ n: 500 }])
    // In a transaction it leaves the transaction as it is.
    yield* connection.withTransaction(Effect.zipRight(
      connection.query("delete from item"),
      Stream.runDrain(Stream.take(inserting, 2))
    ))
    expect(look(filename, "select count(*) as n from item")).toEqual([{ n: 500 }])
  }))

it.scopedLive("A stream that is given back unread is ended by the reset", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    yield* connection.query("insert into item select value from generate_series(1, 1000)")
    const isOpen = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const stream = yield* Effect.fork(Effect.flip(Stream.runForEach(
      connection.stream("select n from item", [], { chunkSize: 1 }),
      () => Effect.zipRight(Deferred.succeed(isOpen, undefined), Deferred.await(goOn))
    )))
    yield* Deferred.await(isOpen)
    expect(steps.needsReset(connection)).toBe(true)
    yield* steps.reset(connection)
    yield* isIdle(filename)
    yield* Deferred.succeed(goOn, undefined)
    expect(yield* Fiber.join(stream)).toMatchObject({ reason: "Client" })
  }))

it.scopedLive("A stream leaves the event loop its turns", () =>
  Effect.gen(function*() {
    const connection = yield* openNew()
    let turns = 0
    const ticks = setInterval(() => turns++, 1)
    yield* Stream.runDrain(connection.stream(series, [200_000]))
    clearInterval(ticks)
    expect(turns).toBeGreaterThan(20)
  }))

it.scopedLive("A stream may be run again, and by several at once on different connections", () =>
  Effect.gen(function*() {
    const { connection, filename } = yield* shop()
    yield* connection.query("insert into item select value from generate_series(1, 300)")
    const other = yield* open({ filename, readOnly: true })
    const counts = yield* Effect.all(
      [connection, other, connection].map((connection) => Stream.runCount(connection.stream("select n from item"))),
      { concurrency: "unbounded" }
    )
    expect(counts).toEqual([300, 300, 300])
  }))
