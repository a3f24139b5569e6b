/** Places where the end of a request is hard to see. Nothing stays leased in any of them. */
import { FakeConnector } from "@cenote/core/testing"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Agent } from "node:http"
import type { IncomingMessage } from "node:http"
import type { App, Route } from "./support/app.js"
import { Boom } from "./support/app.js"
import { eventually, leasedIs, RequestDb, stays } from "./support/pool.js"
import { get } from "./support/servers.js"
import { play, routerNames, serverNames } from "./support/stage.js"

const encoder = new TextEncoder()

/** A handler that waits in its use, for a test to go on. */
const waiting = (gate: FakeConnector.Gate, response: HttpServerResponse.HttpServerResponse): Route["handler"] =>
  Effect.as(RequestDb.use(() => gate.pass), response)

const route = (handler: Route["handler"], uninterruptible = false): ReadonlyArray<Route> => [
  { method: "GET", path: "/", handler, uninterruptible }
]

const plain = HttpServerResponse.text("done")
const streamed = HttpServerResponse.stream(Stream.make(encoder.encode("a"), encoder.encode("b")))

/** Says something, and then nothing for ever. */
const open = (text: string, options?: HttpServerResponse.Options) =>
  HttpServerResponse.stream(Stream.concat(Stream.make(encoder.encode(text)), Stream.never), options)

const responses = { "a plain": plain, "a streamed": streamed }

for (const server of serverNames) {
  for (const router of routerNames) {
    describe(`an uninterruptible route of ${router} on ${server}`, () => {
      for (const [kind, response] of Object.entries(responses)) {
        for (const method of ["GET", "HEAD"]) {
          it.scopedLive(`whose client goes gives back at its end, with ${kind} response to ${method}`, () =>
            Effect.flatMap(
              FakeConnector.makeGate,
              (gate) =>
                play(
                  { router, server },
                  route(waiting(gate, response), true),
                  ({ subject, server }) =>
                    Effect.gen(function*() {
                      const { abort } = yield* server.request(method, "/")
                      yield* gate.reached
                      yield* abort
                      // It runs on, and uses it.
                      yield* stays(subject.leased, 1)
                      yield* gate.open
                      yield* leasedIs(subject, 0)
                    })
                )
            ))

          it.scopedLive(`that keeps its connection and whose client goes, gives back too, with ${kind} response to ${method}`, () =>
            Effect.flatMap(FakeConnector.makeGate, (gate) =>
              play(
                { router, server },
                route(RequestDb.keepThroughBody(waiting(gate, response)), true),
                ({ subject, server }) =>
                  Effect.gen(function*() {
                    const { abort } = yield* server.request(method, "/")
                    yield* gate.reached
                    yield* abort
                    yield* gate.open
                    yield* leasedIs(subject, 0)
                  })
              )))
        }
      }
    })
  }

  describe(`on ${server}`, () => {
    it.scopedLive("an app that is no router gives back when it has returned", () =>
      Effect.flatMap(FakeConnector.makeGate, (gate) =>
        play(
          { server, around: () => RequestDb.middleware(waiting(gate, streamed)) as App },
          [],
          ({ subject, server }) =>
            Effect.gen(function*() {
              const sent = yield* server.request("GET", "/")
              yield* gate.reached
              yield* leasedIs(subject, 1)
              yield* gate.open
              const { rest } = yield* sent.answer
              yield* stays(subject.leased, 0)
              expect(yield* rest).toBe("ab")
            })
        )))

    it.scopedLive("a router with catchAllCause around it gives back when the client goes", () =>
      Effect.flatMap(FakeConnector.makeGate, (gate) =>
        play(
          {
            server,
            around: (app) => Effect.catchAllCause(app, () => Effect.succeed(HttpServerResponse.empty({ status: 500 })))
          },
          route(waiting(gate, plain)),
          ({ subject, server }) =>
            Effect.gen(function*() {
              const { abort } = yield* server.request("HEAD", "/")
              yield* gate.reached
              yield* abort
              yield* leasedIs(subject, 0)
            })
        )))

    it.scopedLive("a kept connection goes back when its body has ended, though something around the router sends more", () =>
      play(
        {
          server,
          around: Effect.map((response) =>
            response.body._tag === "Stream"
              ? HttpServerResponse.stream(Stream.concat(response.body.stream, Stream.never))
              : response
          )
        },
        route(RequestDb.keepThroughBody(Effect.as(RequestDb.use(() => Effect.void), streamed))),
        ({ subject, server }) =>
          Effect.gen(function*() {
            const { abort, answer } = yield* server.request("GET", "/")
            const { next } = yield* answer
            yield* next
            yield* leasedIs(subject, 0)
            yield* abort
          })
      ))

    it.scopedLive("what handles a failure around the router finds the connection given back", () =>
      Effect.flatMap(FakeConnector.makeGate, (gate) =>
        play(
          {
            server,
            around: (app) => Effect.catchAll(app, () => Effect.as(gate.pass, HttpServerResponse.text("sorry")))
          },
          route(Effect.as(RequestDb.use(() => new Boom()), plain)),
          ({ subject, server }) =>
            Effect.gen(function*() {
              const { answer } = yield* server.request("GET", "/")
              yield* gate.reached
              expect((yield* subject.pool.stats).requests).toBe(1)
              yield* stays(subject.leased, 0)
              yield* gate.open
              expect(yield* (yield* answer).rest).toBe("sorry")
            })
        )))

    it.scopedLive("a server's middleware, which on Node includes sending, gives back before", () =>
      Effect.flatMap(FakeConnector.makeGate, (gate) =>
        play(
          {
            server,
            router: "bare",
            middleware: RequestDb.middleware as HttpMiddleware.HttpMiddleware
          },
          route(waiting(gate, open("a"))),
          ({ subject, server }) =>
            Effect.gen(function*() {
              const { abort, answer } = yield* server.request("GET", "/")
              yield* gate.open
              const { next } = yield* answer
              expect(yield* next).toBe("a")
              yield* stays(subject.leased, 0)
              yield* abort
            })
        )))

    for (const router of routerNames) {
      it.scopedLive(`a timeout around all of ${router} gives back at once`, () =>
        Effect.flatMap(Effect.all([FakeConnector.makeGate, FakeConnector.makeGate]), ([use, timeout]) =>
          play(
            {
              router,
              server,
              around: (app) => Effect.raceFirst(app, Effect.as(timeout.pass, open("too late", { status: 504 })))
            },
            route(waiting(use, plain)),
            ({ subject, server }) =>
              Effect.gen(function*() {
                const { abort, answer } = yield* server.request("GET", "/")
                yield* use.reached
                yield* leasedIs(subject, 1)
                yield* timeout.open
                const { next, status } = yield* answer
                expect(status).toBe(504)
                expect(yield* next).toBe("too late")
                yield* leasedIs(subject, 0)
                yield* abort
              })
          )))

      it.scopedLive(`a handler of ${router} that dies in a fiber of its own gives back at once`, () =>
        play(
          {
            router,
            server,
            around: (app) =>
              Effect.flatMap(Effect.fork(app), (fiber) =>
                Effect.flatMap(Fiber.await(fiber), (exit) =>
                  Exit.isSuccess(exit) ? exit : Effect.succeed(open("sorry"))))
          },
          route(RequestDb.use(() =>
            Effect.die(new Error("told to die"))
          )),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { abort, answer } = yield* server.request("GET", "/")
              const { next } = yield* answer
              expect(yield* next).toBe("sorry")
              yield* leasedIs(subject, 0)
              yield* abort
            })
        ))

      it.scopedLive(`Effect.timeoutTo around all of ${router} gives back at once`, () =>
        Effect.flatMap(FakeConnector.makeGate, (use) =>
          play(
            {
              router,
              server,
              around: Effect.timeoutTo({
                duration: "20 millis",
                onSuccess: (response) => response,
                onTimeout: () => open("too late", { status: 504 })
              })
            },
            route(waiting(use, plain)),
            ({ server, subject }) =>
              Effect.gen(function*() {
                const { abort, answer } = yield* server.request("GET", "/")
                const { next, status } = yield* answer
                expect(status).toBe(504)
                expect(yield* next).toBe("too late")
                yield* leasedIs(subject, 0)
                yield* abort
              })
          )))

      it.scopedLive(`a race that all of ${router} wins gives back when the handler has returned`, () =>
        play(
          { router, server, around: (app) => Effect.raceFirst(app, Effect.interruptible(Effect.never)) },
          route(Effect.as(RequestDb.use(() => Effect.void), open("a"))),
          ({ subject, server }) =>
            Effect.gen(function*() {
              const { abort, answer } = yield* server.request("GET", "/")
              const { next } = yield* answer
              expect(yield* next).toBe("a")
              yield* stays(subject.leased, 0)
              yield* abort
            })
        ))

      it.scopedLive(`a kept connection goes back when something around ${router} answers instead`, () =>
        play(
          { router, server, around: (app) => Effect.as(app, HttpServerResponse.text("instead")) },
          route(RequestDb.keepThroughBody(Effect.as(RequestDb.use(() => Effect.void), streamed))),
          ({ subject, server }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("instead")
              yield* leasedIs(subject, 0)
            })
        ))
    }
  })
}

it.scopedLive("a web Response that nobody reads gives back what is kept when its request is aborted", () =>
  play(
    { server: "web handler" },
    route(RequestDb.keepThroughBody(Effect.as(
      RequestDb.use(() => Effect.void),
      HttpServerResponse.stream(Stream.never)
    ))),
    ({ subject, server }) =>
      Effect.gen(function*() {
        const { abortSignal, answer } = yield* server.request("GET", "/")
        yield* answer
        yield* stays(subject.leased, 1)
        yield* abortSignal
        yield* eventually(subject.leased, (leased) => leased === 0, "given back")
      })
  ))

it.scopedLive("a web Response that nobody reads keeps nothing when its request was aborted before", () =>
  Effect.flatMap(FakeConnector.makeGate, (gate) =>
    play(
      { server: "web handler" },
      route(RequestDb.keepThroughBody(waiting(gate, open("a"))), true),
      ({ server, subject }) =>
        Effect.gen(function*() {
          const { abortSignal, answer } = yield* server.request("GET", "/")
          yield* gate.reached
          yield* abortSignal
          yield* gate.open
          yield* answer
          yield* leasedIs(subject, 0)
        })
    )))

it.scopedLive("many streams on one socket leave no listener on it", () => {
  const counts: Array<number> = []
  return play(
    { server: "Node" },
    [{
      method: "GET",
      path: "/",
      handler: Effect.map(HttpServerRequest.HttpServerRequest, ({ source }) => {
        counts.push((source as IncomingMessage).socket.listenerCount("close"))
        return streamed
      })
    }],
    ({ server }) =>
      Effect.gen(function*() {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
        for (let i = 0; i < 20; i++) {
          const { answer } = yield* server.request("GET", "/", { agent })
          expect(yield* (yield* answer).rest).toBe("ab")
        }
        expect(new Set(counts).size).toBe(1)
      })
  )
})
