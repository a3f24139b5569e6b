import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as net from "node:net"
import { strangeServer, until } from "./harness.js"
import { answered, err, fakeServer, ok, openFake, packet, rows, steps } from "./mysqlHarness.js"

/** A server whose answer to "slow", and to the KILL of it, come when the test wants. */
const slowServer = Effect.gen(function*() {
  const log: Array<string> = []
  const sockets = new Map<string, net.Socket>()
  const server = yield* fakeServer(({ code, text }, socket) => {
    const asked = code === 14 ? "ping" : text
    log.push(asked)
    sockets.set(asked, socket)
    return asked === "slow" || asked.startsWith("KILL") ? undefined : [ok()]
  })
  const answer = (asked: string, payload: Buffer) =>
    Effect.sync(() => {
      log.push(`${asked} is answered`)
      sockets.get(asked)!.write(packet(1, payload))
    })
  const hangUp = (asked: string) => Effect.sync(() => sockets.get(asked)!.destroy())
  const isAsked = (asked: string) => until(`${asked} is asked`, Effect.sync(() => log.includes(asked)))
  return { ...server, log, answer, hangUp, isAsked }
})

const kill = "KILL QUERY 7"

const killed = err(1317, "70100", "Query execution was interrupted")

describe("What follows an interrupted query", () => {
  /** Interrupted, with its KILL on its way and a query behind it. */
  const interrupted = Effect.gen(function*() {
    const server = yield* slowServer
    const connection = yield* openFake(server, { cancelTimeout: "500 millis" })
    const slow = yield* Effect.fork(connection.query("slow"))
    yield* server.isAsked("slow")
    yield* Fiber.interrupt(slow)
    const next = yield* Effect.fork(Effect.exit(connection.query("next")))
    yield* server.isAsked(kill)
    return { ...server, connection, next }
  })

  it.live("waits for its answer, then for the KILL's, then for a round trip", () =>
    Effect.gen(function*() {
      const { answer, log, next } = yield* interrupted
      yield* answer("slow", killed)
      // Time enough for one that waits for nothing to be sent.
      yield* Effect.sleep(50)
      yield* answer(kill, ok())
      expect(Exit.isSuccess(yield* Fiber.join(next))).toBe(true)
      expect(log).toEqual(["slow", kill, "slow is answered", "KILL QUERY 7 is answered", "ping", "next"])
    }).pipe(Effect.scoped))

  it.live("waits for the KILL's answer, then for its own, then for a round trip", () =>
    Effect.gen(function*() {
      const { answer, log, next } = yield* interrupted
      yield* answer(kill, ok())
      yield* Effect.sleep(50)
      yield* answer("slow", killed)
      expect(Exit.isSuccess(yield* Fiber.join(next))).toBe(true)
      expect(log).toEqual(["slow", kill, "KILL QUERY 7 is answered", "slow is answered", "ping", "next"])
    }).pipe(Effect.scoped))

  it.live("goes on where the server refuses the KILL", () =>
    Effect.gen(function*() {
      const { answer, next } = yield* interrupted
      yield* answer(kill, err(1094, "HY000", "Unknown thread id: 7"))
      yield* answer("slow", ok())
      expect(Exit.isSuccess(yield* Fiber.join(next))).toBe(true)
    }).pipe(Effect.scoped))

  it.live("fails where the KILL is never answered: it may still arrive", () =>
    Effect.gen(function*() {
      const { answer, connection, log, next } = yield* interrupted
      yield* answer("slow", killed)
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(next)))).toMatchObject({ reason: "ConnectionLost" })
      expect(steps.isBroken(connection)).toBe(true)
      expect(log).not.toContain("next")
    }).pipe(Effect.scoped))

  it.live("fails at once where the KILL was sent, and its connection died: it may still arrive", () =>
    Effect.gen(function*() {
      const { answer, hangUp, log, next } = yield* interrupted
      yield* answer("slow", killed)
      yield* hangUp(kill)
      const error = yield* Effect.flip(Effect.flatten(Fiber.join(next)))
      expect(error).toMatchObject({ reason: "ConnectionLost" })
      expect(error.message).toContain("may still be on its way")
      expect(log).not.toContain("next")
    }).pipe(Effect.scoped))

  it.live("fails where the answer never ends, though the KILL is answered", () =>
    Effect.gen(function*() {
      const { answer, connection, log, next } = yield* interrupted
      yield* answer(kill, ok())
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(next)))).toMatchObject({ reason: "ConnectionLost" })
      expect(steps.isBroken(connection)).toBe(true)
      expect(log).not.toContain("next")
    }).pipe(Effect.scoped))

  it.live("is not sent in the middle of an answer's rows", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const payloads = rows(["x", "y"])
      const server = yield* fakeServer(({ code, text }, socket) => {
        log.push(code === 14 ? "ping" : text)
        if (text !== "slow") return [ok()]
        // All but the end of the answer.
        socket.write(answered(payloads.slice(0, -1)))
        setTimeout(() => {
          log.push("the end")
          socket.write(answered(payloads.slice(-1), payloads.length))
        }, 50)
        return undefined
      })
      const connection = yield* openFake(server)
      const slow = yield* Effect.fork(connection.query("slow"))
      yield* until("it runs", Effect.sync(() => log.includes("slow")))
      yield* Fiber.interrupt(slow)
      yield* connection.query("next")
      expect(log).toEqual(["slow", kill, "the end", "ping", "next"])
    }).pipe(Effect.scoped))
})

/** Several servers behind one address. */
const balancer = (servers: ReadonlyArray<{ readonly host: string; readonly port: number }>) => {
  let connections = 0
  return strangeServer((client) => {
    const { host, port } = servers[Math.min(connections++, servers.length - 1)]!
    const server = net.connect(port, host)
    server.on("error", () => client.destroy())
    server.on("close", () => client.destroy())
    client.on("close", () => server.destroy())
    client.pipe(server).pipe(client)
  })
}

/** A server with a session of the same number as every other's. */
const namedServer = (name: string) =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const sockets: Array<net.Socket> = []
    const server = yield* fakeServer(({ code, text }, socket) => {
      log.push(code === 14 ? "ping" : text)
      if (text === "slow") sockets.push(socket)
      if (text.startsWith("KILL")) sockets[0]!.write(packet(1, killed))
      return text === "slow" ? undefined : [ok()]
    }, { name })
    return { ...server, log, answer: Effect.sync(() => sockets[0]!.write(packet(1, ok()))) }
  })

describe("The KILL of an interrupted query, where several servers are behind an address,", () => {
  it.live("is sent to the one that runs it", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* namedServer("one"), yield* namedServer("two")]
      const connection = yield* openFake(yield* balancer([one, two, two, one]))
      const slow = yield* Effect.fork(connection.query("slow"))
      yield* until("it runs", Effect.sync(() => one.log.includes("slow")))
      yield* Fiber.interrupt(slow)
      yield* connection.query("next")
      expect(one.log).toEqual(["slow", kill, "ping", "next"])
      expect(two.log).toEqual([])
    }).pipe(Effect.scoped))

  it.live("is sent to none where that one is not reached", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* namedServer("one"), yield* namedServer("two")]
      const connection = yield* openFake(yield* balancer([one, two]))
      const slow = yield* Effect.fork(connection.query("slow"))
      yield* until("it runs", Effect.sync(() => one.log.includes("slow")))
      yield* Fiber.interrupt(slow)
      yield* until("it was looked for", Effect.sync(() => two.logins() === 5 && two.sockets() === 0))
      yield* one.answer
      yield* connection.query("next")
      expect(one.log).toEqual(["slow", "next"])
      expect(two.log).toEqual([])
    }).pipe(Effect.scoped))

  it.live("is sent to the right one by an abort, too", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* namedServer("one"), yield* namedServer("two")]
      const connection = yield* openFake(yield* balancer([one, two, one]))
      const slow = yield* Effect.fork(Effect.exit(connection.query("slow")))
      yield* until("it runs", Effect.sync(() => one.log.includes("slow")))
      steps.abort(connection)
      yield* Fiber.join(slow)
      yield* until("it is killed", Effect.sync(() => one.log.includes("KILL CONNECTION 7")))
      expect(two.log).toEqual([])
    }).pipe(Effect.scoped))

  it.live("is sent where no server says which it is: there is but one, or somebody who knows", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const server = yield* fakeServer(({ code, text }) => {
        log.push(code === 14 ? "ping" : text)
        return text === "slow" ? undefined : [ok()]
      }, { name: undefined })
      const connection = yield* openFake(server, { cancelTimeout: "200 millis" })
      const slow = yield* Effect.fork(connection.query("slow"))
      yield* until("it runs", Effect.sync(() => log.includes("slow")))
      yield* Fiber.interrupt(slow)
      yield* until("it is sent", Effect.sync(() => log.includes(kill)))
    }).pipe(Effect.scoped))
})
