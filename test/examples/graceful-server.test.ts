/** A server that is told to stop, and what becomes of what it has begun: see examples/graceful. */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as http from "node:http"
import * as net from "node:net"
import type { Options } from "../../examples/graceful/GracefulServer.js"
import * as GracefulServer from "../../examples/graceful/GracefulServer.js"
import * as Clients from "../demo/clients.js"

interface Subject {
  readonly url: string
  readonly port: number
  /** Closes the server's Scope. */
  readonly close: Effect.Effect<void>
  readonly server: Effect.Effect.Success<typeof GracefulServer.GracefulServer>
  /** What a request to /gate waits for. */
  readonly gate: Deferred.Deferred<void>
  /** Ends when a request has come to the gate. */
  readonly reached: Deferred.Deferred<void>
  /** Paths of the requests that were begun, and what else happened, in order. */
  readonly happened: Array<string>
}

const serve = (options: Partial<Options> = {}) =>
  Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    const reached = yield* Deferred.make<void>()
    const happened: Array<string> = []
    const note = (what: string) => Effect.sync(() => void happened.push(what))
    const atGate = Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(gate))

    const answer = Effect.gen(function*() {
      const { url } = yield* HttpServerRequest.HttpServerRequest
      const server = yield* GracefulServer.GracefulServer
      yield* note(url)
      switch (url) {
        case "/gate":
          yield* Effect.onInterrupt(atGate, () => note("interrupted"))
          break
        case "/stuck":
          yield* Effect.uninterruptible(atGate)
          break
        case "/stream": {
          const rest = Stream.fromEffect(Effect.as(atGate, "the end"))
          return HttpServerResponse.stream(Stream.encodeText(Stream.concat(Stream.succeed("begun, "), rest)))
        }
        case "/events": {
          const events = Stream.concat(Stream.succeed("data: 1\n\n"), Stream.never)
          return HttpServerResponse.stream(Stream.encodeText(Stream.interruptWhen(events, server.stopping)))
        }
      }
      return HttpServerResponse.text(url)
    })

    // What the application is made of: it is closed after the server.
    const below = Layer.scopedDiscard(Effect.addFinalizer(() => note("closed")))
    // A router lets its handlers be interrupted.
    const layer = HttpServer.serve(HttpRouter.all(HttpRouter.empty, "*", answer)).pipe(
      Layer.provideMerge(GracefulServer.layer(() => http.createServer(), { port: 0, host: "127.0.0.1", ...options })),
      Layer.provide(below)
    )
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const context = yield* Layer.buildWithScope(layer, scope)
    const subject = yield* Effect.all({
      server: GracefulServer.GracefulServer,
      url: HttpServer.addressFormattedWith(Effect.succeed)
    }).pipe(Effect.provide(context))
    const port = Number(new URL(subject.url).port)
    return { ...subject, port, close: Scope.close(scope, Exit.void), gate, reached, happened } satisfies Subject
  })

const gateOf = ({ reached, url }: Subject, path = "/gate") =>
  Effect.zipLeft(Effect.fork(Effect.either(Clients.ask(url, { path }))), Deferred.await(reached))

describe("A graceful server, told to stop", () => {
  it.scopedLive("finishes what it has begun, then is gone, and only then what it is made of is closed", () =>
    Effect.gen(function*() {
      const subject = yield* serve()
      const asked = yield* gateOf(subject)
      const closing = yield* Effect.fork(subject.close)
      expect(yield* subject.server.stopping).toBe(1)
      expect(subject.happened).toEqual(["/gate"])

      yield* Deferred.succeed(subject.gate, undefined)
      expect(yield* Fiber.join(asked)).toMatchObject({ right: { status: 200, connection: "close" } })
      yield* Fiber.join(closing)
      expect(subject.happened).toEqual(["/gate", "closed"])
      expect(yield* subject.server.stopped).toEqual({ underWay: 1, finished: 1, left: 0, cut: 0, refused: 0 })
      expect(yield* Effect.flip(Clients.ask(subject.url, { path: "/" }))).toMatchObject({ code: "ECONNREFUSED" })
    }))

  it.scopedLive("refuses what comes then, over a connection that it has already or a new one, and begins nothing of it", () =>
    Effect.gen(function*() {
      const subject = yield* serve()
      const agent = yield* Clients.agent
      expect(yield* Clients.ask(subject.url, { path: "/", agent })).toMatchObject({
        status: 200,
        connection: "keep-alive"
      })
      const asked = yield* gateOf(subject)
      const closing = yield* Effect.fork(subject.close)
      yield* subject.server.stopping

      const refusal = { status: 503, connection: "close", body: expect.stringContaining("stopping") }
      expect(yield* Clients.ask(subject.url, { path: "/late", agent })).toMatchObject(refusal)
      expect(yield* Clients.ask(subject.url, { path: "/late" })).toMatchObject(refusal)
      yield* Deferred.succeed(subject.gate, undefined)
      yield* Fiber.join(closing)
      expect(yield* Fiber.join(asked)).toMatchObject({ right: { status: 200 } })
      expect(subject.happened).toEqual(["/", "/gate", "closed"])
      expect(yield* subject.server.stopped).toMatchObject({ finished: 1, refused: 2 })
    }))

  it.scopedLive("is still there for a moment after the last answer, to refuse what was on its way", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ linger: "1 second" })
      const agent = yield* Clients.agent
      yield* Clients.ask(subject.url, { path: "/", agent })
      const closing = yield* Effect.fork(subject.close)
      expect(yield* subject.server.stopping).toBe(0)
      for (let late = 0; late < 5; late++) {
        expect(yield* Clients.ask(subject.url, { path: "/late", agent })).toMatchObject({
          status: 503,
          connection: "close"
        })
      }
      yield* Fiber.join(closing)
    }))

  it.scopedLive("waits for no connection on which nobody asks", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ deadline: "1 hour" })
      const agent = yield* Clients.agent
      yield* Clients.ask(subject.url, { path: "/", agent })
      const silent = yield* connect(subject.port)
      yield* subject.close
      yield* silent.closed
    }))

  it.scopedLive("answers two requests of one connection, of which the second came before the first was answered", () =>
    Effect.gen(function*() {
      const subject = yield* serve()
      const socket = yield* connect(subject.port)
      socket.write("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2))
      yield* until(() => subject.happened.length === 2)
      const closing = yield* Effect.fork(subject.close)
      expect(yield* subject.server.stopping).toBe(2)
      yield* Deferred.succeed(subject.gate, undefined)
      yield* Fiber.join(closing)
      yield* socket.closed
      expect(socket.received().match(/HTTP\/1.1 200/g)).toHaveLength(2)
      // Only what is said last is the last.
      expect(socket.received().match(/Connection: close/gi)).toHaveLength(1)
      expect(yield* subject.server.stopped).toMatchObject({ underWay: 2, finished: 2 })
    }))

  it.scopedLive("sends a stream to its end, whose head was sent before", () =>
    Effect.gen(function*() {
      const subject = yield* serve()
      const agent = yield* Clients.agent
      const asked = yield* Effect.fork(Clients.ask(subject.url, { path: "/stream", agent }))
      yield* Deferred.await(subject.reached)
      const closing = yield* Effect.fork(subject.close)
      yield* subject.server.stopping
      yield* Deferred.succeed(subject.gate, undefined)
      expect((yield* Fiber.join(asked)).body).toBe("begun, the end")
      yield* Fiber.join(closing)
    }))

  it.scopedLive("ends a stream that has no end of its own, where that hears of the stop", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ deadline: "1 hour" })
      const asked = yield* Effect.fork(Clients.ask(subject.url, { path: "/events" }))
      yield* until(() => subject.happened.includes("/events"))
      yield* subject.close
      expect((yield* Fiber.join(asked)).body).toBe("data: 1\n\n")
      expect(yield* subject.server.stopped).toMatchObject({ finished: 1, cut: 0 })
    }))

  it.scopedLive("interrupts what hangs when its time is over", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ deadline: "50 millis" })
      const asked = yield* gateOf(subject)
      yield* subject.close
      expect(yield* Fiber.join(asked)).toMatchObject({ left: { code: "ECONNRESET" } })
      yield* until(() => subject.happened.includes("interrupted"))
      expect(yield* subject.server.stopped).toEqual({ underWay: 1, finished: 0, left: 0, cut: 1, refused: 0 })
    }))

  it.scopedLive("does not wait for what cannot be interrupted either", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ deadline: "50 millis" })
      const asked = yield* gateOf(subject, "/stuck")
      yield* subject.close
      expect(yield* Fiber.join(asked)).toMatchObject({ left: { code: "ECONNRESET" } })
      expect(subject.happened).toEqual(["/stuck", "closed"])
      expect(yield* subject.server.stopped).toMatchObject({ cut: 1 })
      yield* Deferred.succeed(subject.gate, undefined)
    }))

  it.scopedLive("tells who left from who was cut short", () =>
    Effect.gen(function*() {
      const subject = yield* serve({ deadline: "1 hour" })
      const asked = yield* gateOf(subject)
      const closing = yield* Effect.fork(subject.close)
      yield* subject.server.stopping
      yield* Fiber.interrupt(asked)
      yield* Fiber.join(closing)
      expect(yield* subject.server.stopped).toMatchObject({ underWay: 1, finished: 0, left: 1, cut: 0 })
    }))

  it.scopedLive("is not hurried by a second interruption of who closes it", () =>
    Effect.gen(function*() {
      const subject = yield* serve()
      const asked = yield* gateOf(subject)
      const closing = yield* Effect.fork(Effect.ensuring(Effect.never, subject.close))
      yield* Effect.yieldNow()
      yield* Fiber.interruptFork(closing)
      yield* subject.server.stopping
      yield* Fiber.interruptFork(closing)
      // It is there still.
      expect(yield* Clients.ask(subject.url, { path: "/late" })).toMatchObject({ status: 503 })
      yield* Deferred.succeed(subject.gate, undefined)
      expect(yield* Fiber.join(asked)).toMatchObject({ right: { status: 200 } })
      yield* Fiber.await(closing)
      expect(yield* subject.server.stopped).toMatchObject({ finished: 1, cut: 0 })
    }))
})

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.delay(until(holds), 5))

/** A socket that says what it is told to. */
const connect = (port: number) =>
  Effect.acquireRelease(
    Effect.async<{
      readonly write: (text: string) => void
      readonly received: () => string
      readonly closed: Effect.Effect<void>
      readonly destroy: () => void
    }>((resume) => {
      let text = ""
      const socket = net.connect(port, "127.0.0.1", () =>
        resume(Effect.succeed({
          write: (text) => void socket.write(text),
          received: () => text,
          closed: until(() => socket.closed),
          destroy: () => void socket.destroy()
        })))
      socket.on("error", () => {})
      socket.setEncoding("utf8").on("data", (part: string) => {
        text += part
      })
    }),
    (socket) => Effect.sync(socket.destroy)
  )
