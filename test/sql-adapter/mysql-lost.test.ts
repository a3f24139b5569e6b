import type * as MysqlConnector from "@cenote/sql-adapter/MysqlConnector"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as net from "node:net"
import { Mysql, suite } from "../support/mysql.js"
import * as Proxy from "../support/proxy.js"
import { uncaught } from "../support/uncaught.js"
import { until } from "./harness.js"
import {
  answered,
  column,
  eof,
  err,
  fakeServer,
  isGone,
  isRunning,
  ok,
  open,
  openFake,
  packet,
  steps
} from "./mysqlHarness.js"

/** A connection whose deaths are counted. */
const watch = (connection: MysqlConnector.MysqlConnection) => {
  const deaths: Array<unknown> = []
  steps.onLost(connection, (reason) => deaths.push(reason))
  return { connection, deaths }
}

const watched = (options: MysqlConnector.MysqlConnectorConfig = {}) => Effect.map(open(options), watch)

suite("lost", "A connection that dies", (it) => {
  it.scoped("idle, killed by an administrator: says so once, at once", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const { connection, deaths } = yield* watched()
      yield* (yield* Mysql).kill(connection.threadId)
      yield* until("it has noticed", Effect.sync(() => deaths.length > 0))
      expect(deaths).toMatchObject([{ code: "PROTOCOL_CONNECTION_LOST" }])
      expect(steps.isBroken(connection)).toBe(true)
      const late: Array<unknown> = []
      steps.onLost(connection, (reason) => late.push(reason))
      expect(late).toEqual(deaths)
      expect(errors).toEqual([])
    }))

  it.scoped("in the middle of a query, killed by an administrator: the query fails typed", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const { connection, deaths } = yield* watched()
      const fiber = yield* Effect.fork(Effect.flip(connection.query("select sleep(600)")))
      yield* isRunning(connection.threadId, "sleep")
      yield* (yield* Mysql).kill(connection.threadId)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost", sql: "select sleep(600)" })
      expect(deaths).toHaveLength(1)
      expect(errors).toEqual([])
    }))

  it.scoped("whose query an administrator has killed, and not the session: goes on, after a round trip", () =>
    Effect.gen(function*() {
      const { connection, deaths } = yield* watched()
      const fiber = yield* Effect.fork(Effect.flip(connection.query("select sleep(600)")))
      yield* isRunning(connection.threadId, "sleep")
      yield* (yield* Mysql).query(`kill query ${connection.threadId}`)
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "Server", errno: 1317 })
      expect(steps.needsReset(connection)).toBe(true)
      yield* steps.reset(connection)
      expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      expect(deaths).toEqual([])
    }))

  it.scoped("in the middle of a row: the query fails, and so do those behind it", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const proxy = yield* Proxy.make(yield* Mysql)
      const { connection, deaths } = yield* watched({ host: proxy.host, port: proxy.port })
      yield* connection.query("select 1")
      proxy.setMode(Proxy.cutAfter(5_050))
      const failures = yield* Effect.all([
        Effect.flip(connection.query("select repeat('x', 1000) from seq_1_to_100")),
        Effect.flip(connection.query("select 1"))
      ], { concurrency: 2 })
      expect(failures).toMatchObject([{ reason: "ConnectionLost" }, { reason: "ConnectionLost" }])
      expect(deaths).toHaveLength(1)
      expect(errors).toEqual([])
    }))

  it.scoped("by a packet that is larger than the server takes: says what the server said", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const { connection, deaths } = yield* watched()
      const { rows } = yield* connection.query<{ size: number }>("select @@max_allowed_packet as size")
      const error = yield* Effect.flip(connection.query("select ? as text", ["x".repeat(rows[0]!.size + 1)]))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      yield* until("it has noticed", Effect.sync(() => deaths.length === 1))
      expect(errors).toEqual([])
    }))

  const condemning: ReadonlyArray<[string, string]> = [
    [
      "a server that stops",
      "signal sqlstate '08S01' set mysql_errno = 1053, message_text = 'Server shutdown in progress'"
    ],
    ["a kill", "signal sqlstate '70100' set mysql_errno = 1927, message_text = 'Connection was killed'"],
    ["a kill of MySQL's", "signal sqlstate '70100' set mysql_errno = 1317, message_text = 'Connection interrupted'"],
    ["idleness", "signal sqlstate 'HY000' set mysql_errno = 4031, message_text = 'Disconnected because of inactivity'"],
    [
      "a server that takes no writes any more",
      "signal sqlstate 'HY000' set mysql_errno = 1290, message_text = 'running with the --read-only option'"
    ],
    ["another one", "signal sqlstate 'HY000' set mysql_errno = 1836, message_text = 'Running in read-only mode'"]
  ]
  for (const [what, sql] of condemning) {
    it.scoped(`by ${what}: the query fails with what the server said, and the connection is not used again`, () =>
      Effect.gen(function*() {
        const { connection, deaths } = yield* watched()
        const errno = Number(/mysql_errno = (\d+)/.exec(sql)![1])
        expect(yield* Effect.flip(connection.query(sql))).toMatchObject({ reason: "ConnectionLost", errno })
        expect(steps.isBroken(connection)).toBe(true)
        expect(deaths).toMatchObject([{ errno }])
        yield* isGone(connection.threadId)
      }))
  }

  const harmless: ReadonlyArray<[string, string]> = [
    [
      "another option than read_only",
      "set mysql_errno = 1290, message_text = 'running with the --secure-file-priv option'"
    ],
    ["a lock that is not given in time", "set mysql_errno = 1205, message_text = 'Lock wait timeout exceeded'"],
    ["a query that was interrupted", "set mysql_errno = 1317, message_text = 'Query execution was interrupted'"]
  ]
  for (const [what, set] of harmless) {
    it.scoped(`does not do so by ${what}`, () =>
      Effect.gen(function*() {
        const { connection, deaths } = yield* watched()
        const error = yield* Effect.flip(connection.query(`signal sqlstate 'HY000' ${set}`))
        expect(error).toMatchObject({ reason: "Server" })
        expect(deaths).toEqual([])
        expect((yield* connection.query("select 1 as one")).rows).toEqual([{ one: 1 }])
      }))
  }

  it.scoped("a session that was told to refuse writes breaks where something writes outside of a reading transaction", () =>
    Effect.gen(function*() {
      const { connection } = yield* watched()
      yield* connection.query("create table written (n int)")
      yield* connection.query("set session transaction read only")
      const error = yield* Effect.flip(connection.query("insert into written values (1)"))
      expect(error).toMatchObject({ reason: "ConnectionLost", errno: 1792 })
      expect(steps.isBroken(connection)).toBe(true)
    }))

  it.scoped("silently: a check that is not answered in time breaks it, and its close does not wait", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const [time] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        const { connection, deaths } = yield* watched({ host: proxy.host, port: proxy.port })
        yield* steps.check(connection)
        proxy.setMode(Proxy.blackHole)
        yield* Effect.timeoutOption(steps.check(connection), "100 millis")
        expect(steps.isBroken(connection)).toBe(true)
        expect(deaths).toHaveLength(1)
      })))
      expect(Duration.toMillis(time)).toBeLessThan(1_000)
    }))

  it.scoped("silently, before its close: abort ends the wait for the server's goodbye", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const [time] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        const { connection } = yield* watched({ host: proxy.host, port: proxy.port })
        proxy.setMode(Proxy.blackHole)
        yield* Effect.addFinalizer(() =>
          Effect.forkDaemon(Effect.delay(Effect.sync(() => steps.abort(connection)), 50))
        )
      })))
      expect(Duration.toMillis(time)).toBeLessThan(1_000)
    }))

  it.scoped("silently, before its close: the connector itself bounds the wait for the server's goodbye", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Mysql)
      const [time] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
        yield* watched({ host: proxy.host, port: proxy.port })
        proxy.setMode(Proxy.blackHole)
      })))
      expect(Duration.toMillis(time)).toBeGreaterThan(4_500)
      expect(Duration.toMillis(time)).toBeLessThan(7_000)
    }))

  it.effect("is not told of a close that the user has asked for", () =>
    Effect.gen(function*() {
      const { connection, deaths } = yield* Effect.scoped(watched())
      yield* isGone(connection.threadId)
      expect(deaths).toEqual([])
    }))
})

describe("A connection to a server that goes mad", () => {
  const header = Buffer.from([1])
  const row = Buffer.from("\x01x")
  const mad: ReadonlyArray<[string, (socket: net.Socket) => void]> = [
    ["answers half an error", (socket) => socket.write(packet(1, Buffer.from([0xff])))],
    ["answers half an OK", (socket) => socket.write(packet(1, Buffer.from([0])))],
    ["answers out of turn", (socket) => socket.write(packet(9, ok()))],
    ["answers twice", (socket) => socket.write(answered([ok(), ok()]))],
    [
      "answers a second time with half an error",
      (socket) => socket.write(answered([ok(), Buffer.from([0xff])]))
    ],
    [
      "answers half a column",
      (socket) => socket.write(answered([header, Buffer.from([0xfe, 0x64])]))
    ],
    [
      "answers rows where columns have to end",
      (socket) => socket.write(answered([header, column("a"), row]))
    ],
    [
      "names a column so that no object can have it",
      (socket) => socket.write(answered([header, column("__proto__"), eof()]))
    ],
    ["hangs up", (socket) => socket.end()],
    ["resets", (socket) => socket.resetAndDestroy()],
    [
      "hangs up in the middle of a row",
      (socket) =>
        socket.end(Buffer.concat([answered([header, column("a"), eof()]), Buffer.from([9, 0, 0, 4, 8, 0x78])]))
    ]
  ]
  for (const [what, answer] of mad) {
    it.live(`and ${what} fails typed, and ends no process`, () =>
      Effect.gen(function*() {
        const errors = yield* uncaught
        const server = yield* fakeServer((_, socket) => {
          answer(socket)
          return undefined
        })
        const { connection, deaths } = watch(yield* openFake(server))
        const exits = yield* Effect.all([
          Effect.exit(connection.query("select 1")),
          Effect.exit(connection.query("select 2"))
        ], { concurrency: 2 })
        // One that answers twice has answered the first.
        const last = yield* Effect.flip(exits[1]!)
        expect(last).toMatchObject({ _tag: "MysqlQueryError", reason: "ConnectionLost" })
        yield* until("it has noticed", Effect.sync(() => deaths.length === 1))
        expect(steps.isBroken(connection)).toBe(true)
        yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
        expect(errors).toEqual([])
      }).pipe(Effect.scoped))
  }

  it.live("and asks for a file is hung up on, and told nothing", () =>
    Effect.gen(function*() {
      const heard: Array<Buffer> = []
      const server = yield* fakeServer((_, socket) => {
        socket.on("data", (chunk) => heard.push(chunk))
        socket.write(packet(1, Buffer.from("\xfb/etc/hostname", "latin1")))
        return undefined
      })
      const connection = yield* openFake(server)
      const error = yield* Effect.flip(connection.query("select 1"))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(error.message).toContain("asked for a file")
      yield* until("nothing is left open", Effect.sync(() => server.sockets() === 0))
      expect(heard).toEqual([])
    }).pipe(Effect.scoped))

  it.live("and says why it hangs up: the next one is told", () =>
    Effect.gen(function*() {
      const errors = yield* uncaught
      const goodbye = packet(0, err(4031, "HY000", "The client was disconnected by the server because of inactivity"))
      const server = yield* fakeServer((_, socket) => {
        setTimeout(() => socket.end(goodbye), 10)
        return [ok()]
      })
      const { connection, deaths } = watch(yield* openFake(server))
      yield* connection.query("select 1")
      yield* until("it has noticed", Effect.sync(() => deaths.length === 1))
      expect(deaths).toMatchObject([{ errno: 4031, code: "ER_CLIENT_INTERACTION_TIMEOUT" }])
      expect(yield* Effect.flip(connection.query("select 1"))).toMatchObject({ reason: "ConnectionLost", errno: 4031 })
      expect(errors).toEqual([])
    }).pipe(Effect.scoped))

  it.live("and says so while a query is on its way: the query is told", () =>
    Effect.gen(function*() {
      const server = yield* fakeServer((_, socket) => {
        socket.end(packet(0, err(4031, "HY000", "The client was disconnected by the server because of inactivity")))
        return undefined
      })
      const { connection } = watch(yield* openFake(server))
      expect(yield* Effect.flip(connection.query("select 1"))).toMatchObject({ reason: "ConnectionLost", errno: 4031 })
    }).pipe(Effect.scoped))
})
