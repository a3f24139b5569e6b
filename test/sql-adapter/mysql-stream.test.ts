import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as net from "node:net"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import { Mysql, suite } from "../support/mysql.js"
import * as Proxy from "../support/proxy.js"
import { until } from "./harness.js"
import { column, eof, fakeServer, isRunning, open, openFake, steps } from "./mysqlHarness.js"

interface Row {
  readonly n: number
}

const hundredBytes = "select seq as n, repeat('x', 92) as text from seq_1_to_1000000"

/** The bytes that are still referred to. */
const kept = (): number => {
  v8.setFlagsFromString("--expose-gc")
  vm.runInNewContext("gc")()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

const sum = (rows: Stream.Stream<Row, unknown>) => Stream.runFold(rows, 0, (sum, { n }) => sum + n)

suite("stream", "A stream", (it) => {
  it.scoped("gives all rows, in order, in the way that was asked for", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (const prepare of [false, true]) {
        const rows = connection.stream<Row>("select seq + ? as n from seq_1_to_5000", [1], { prepare })
        expect((yield* Stream.runCollect(rows)).pipe(Chunk.toReadonlyArray)).toEqual(
          Array.from({ length: 5000 }, (_, n) => ({ n: n + 2 }))
        )
        const arrays = connection.stream("select 1 as a, 2 as a", [], { rowMode: "array", prepare })
        expect(Chunk.toReadonlyArray(yield* Stream.runCollect(arrays))).toEqual([[1, 2]])
      }
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("of a million rows takes little memory", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const before = kept()
      let most = 0
      let total = 0
      let chunks = 0
      yield* Stream.runForEachChunk(connection.stream<Row>(hundredBytes), (chunk) =>
        Effect.sync(() => {
          for (const { n } of chunk) total += n
          if (++chunks % 500 === 0) most = Math.max(most, kept() - before)
        }))
      expect(total).toBe(500_000_500_000)
      expect(chunks).toBeGreaterThan(1_000)
      // All of them are more than a hundred million bytes.
      expect(most).toBeLessThan(10_000_000)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }), 60_000)

  it.scoped("reads no further than its reader", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const socket = (connection.unsafeClient as unknown as { stream: net.Socket }).stream
      const gate = yield* Deferred.make<void>()
      const reader = yield* Effect.fork(sum(
        Stream.tap(connection.stream<Row>(hundredBytes), ({ n }) => n === 1 ? Deferred.await(gate) : Effect.void)
      ))
      let before = 0
      let unchanged = 0
      yield* until(
        "nothing comes any more",
        Effect.sync(() => {
          unchanged = socket.bytesRead === before && before > 1_000 ? unchanged + 1 : 0
          before = socket.bytesRead
          return unchanged === 20
        })
      )
      // A hundred million bytes there are.
      expect(before).toBeLessThan(2_000_000)
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(reader)).toBe(500_000_500_000)
    }), 60_000)

  it.scoped("that ends early stops the server, and leaves the connection as it was", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const socket = (connection.unsafeClient as unknown as { stream: net.Socket }).stream
      for (const prepare of [false, true]) {
        const first = Stream.take(connection.stream<Row>(hundredBytes, [], { prepare }), 10)
        expect(yield* sum(first)).toBe(55)
        expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      }
      // All rows, twice, are more than two hundred million bytes.
      expect(socket.bytesRead).toBeLessThan(80_000_000)
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("that is interrupted stops the server, and leaves the connection as it was", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const fiber = yield* Effect.fork(Stream.runDrain(connection.stream("select sleep(600)")))
      yield* isRunning(connection.threadId, "sleep")
      yield* Fiber.interrupt(fiber)
      yield* steps.reset(connection)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("that was left running by another fiber is ended by a reset, and is told that it is not whole", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const gate = yield* Deferred.make<void>()
      const started = yield* Deferred.make<void>()
      const reader = yield* Effect.forkDaemon(Effect.exit(sum(
        Stream.tap(
          connection.stream<Row>(hundredBytes),
          ({ n }) => n === 1 ? Effect.zipRight(Deferred.succeed(started, undefined), Deferred.await(gate)) : Effect.void
        )
      )))
      yield* Deferred.await(started)
      yield* steps.reset(connection)
      yield* Deferred.succeed(gate, undefined)
      expect(Exit.isFailure(yield* Fiber.join(reader))).toBe(true)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("gives the rows before an error, and then the error", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const seen: Array<number> = []
      const error = yield* Effect.flip(Stream.runForEach(
        connection.stream<Row>(
          "select seq as n, if(seq = 3000, (select 1 union select 2), 1) as one from seq_1_to_5000"
        ),
        ({ n }) => Effect.sync(() => seen.push(n))
      ))
      expect(error).toMatchObject({ _tag: "MysqlQueryError", reason: "Server", errno: 1242 })
      expect(seen.length).toBeGreaterThan(2000)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("whose value cannot be decoded fails alone", () =>
    Effect.gen(function*() {
      const connection = yield* open({
        typeCast: (field, next) => {
          const value = next()
          if (field.name === "n" && value === 700) throw new Error("no such value")
          return value
        }
      })
      for (const prepare of [false, true]) {
        const error = yield* Effect.flip(sum(connection.stream<Row>(hundredBytes, [], { prepare })))
        expect(error).toMatchObject({ reason: "Client" })
        expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      }
    }))

  it.scoped("whose parameter cannot be sent fails alone", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      const error = yield* Effect.flip(Stream.runDrain(connection.stream("select ?", [{}])))
      expect(error).toMatchObject({ reason: "Client" })
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    }))

  it.scoped("of a statement without rows is empty, and of one that the server refuses fails", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      for (const prepare of [false, true]) {
        expect(yield* Stream.runCount(connection.stream("do 0", [], { prepare }))).toBe(0)
        const error = yield* Effect.flip(Stream.runDrain(connection.stream("select nothing", [], { prepare })))
        expect(error).toMatchObject({ reason: "Server", errno: 1054 })
      }
      expect(steps.needsReset(connection)).toBe(false)
    }))

  it.scoped("fails where its connection is cut in the middle of a row, also for who is behind it", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const connection = yield* open({ host: proxy.host, port: proxy.port })
      proxy.setMode(Proxy.cutAfter(100_050))
      const stream = yield* Effect.fork(Effect.flip(sum(connection.stream<Row>(hundredBytes))))
      yield* until("it has the connection", Effect.sync(() => steps.needsReset(connection)))
      const second = yield* Effect.flip(connection.query("select 1"))
      const first = yield* Fiber.join(stream)
      expect(first).toMatchObject({ reason: "ConnectionLost" })
      expect(second).toMatchObject({ reason: "ConnectionLost" })
    }))

  it.scoped("begins when it is run, each time anew", () =>
    Effect.gen(function*() {
      const connection = yield* open()
      yield* connection.query("set @n = 0")
      const rows = connection.stream<Row>("select @n := @n + 1 as n")
      for (const n of [1, 2, 3]) expect(yield* sum(rows)).toBe(n)
    }))
})

describe("A stream of a server", () => {
  it.live("that stops in the middle is given up after statementTimeout and cancelTimeout", () =>
    Effect.gen(function*() {
      const server = yield* fakeServer(({ text }) =>
        text === "rows"
          ? [Buffer.from([1]), column("n"), eof(), Buffer.from("\x011")]
          : [Buffer.from([0, 0, 0, 2, 0, 0, 0])]
      )
      const connection = yield* openFake(server, { statementTimeout: "30 millis", cancelTimeout: "20 millis" })
      const error = yield* Effect.flip(Stream.runDrain(connection.stream("rows")))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(error.message).toContain("not answered in 50 ms")
    }).pipe(Effect.scoped))
})
