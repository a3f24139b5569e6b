/** A route that keeps its connection while its body is sent; and where that is refused. */
import { FakeConnector } from "@cenote/core/testing"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { App, Route } from "./support/app.js"
import { Boom } from "./support/app.js"
import { eventually, leasedIs, RequestDb, stays } from "./support/pool.js"
import { connect, get } from "./support/servers.js"
import { play, routerNames, serverNames } from "./support/stage.js"

const encoder = new TextEncoder()

const idOf = (connection: FakeConnector.FakeConnection) => Effect.succeed(connection.id)

const route = (handler: Route["handler"]): ReadonlyArray<Route> => [
  { method: "GET", path: "/", handler: RequestDb.keepThroughBody(handler) }
]

/** Three rows from the connection itself, each when the gate before it is open. */
const rows = (before: (row: number) => Effect.Effect<void, Boom>): Route["handler"] =>
  Effect.gen(function*() {
    const db = yield* RequestDb
    const first = yield* db.use(idOf)
    const rows = db.stream((connection) =>
      Stream.mapEffect(Stream.make(0, 1, 2), (row) => Effect.as(before(row), `${first}${connection.id} `))
    )
    return HttpServerResponse.stream(Stream.map(rows, (row) => encoder.encode(row)))
  })

/** As a server's logger does. */
const logged = (app: App): App => Effect.tapErrorCause(app, (cause) => Effect.logError(cause))

for (const router of routerNames) {
  for (const server of serverNames) {
    describe(`${router} on ${server}, a route that keeps its connection`, () => {
      it.scopedLive("has the handler's connection until its body has ended", () =>
        Effect.flatMap(
          FakeConnector.makeGate,
          (gate) =>
            play(
              { router, server },
              route(rows((row) => row === 2 ? gate.pass : Effect.void)),
              ({ server, subject }) =>
                Effect.gen(function*() {
                  const reading = yield* Effect.fork(Effect.flatMap(get(server), ({ rest }) => rest))
                  yield* gate.reached
                  yield* stays(subject.leased, 1)
                  yield* gate.open
                  expect(yield* Fiber.join(reading)).toBe("00 00 00 ")
                  yield* leasedIs(subject, 0)
                  expect((yield* subject.pool.stats).requests).toBe(1)
                })
            )
        ))

      for (
        const [what, effect] of [
          ["fails", new Boom()],
          ["dies", Effect.die(new Error("told to die"))]
        ] as const
      ) {
        it.scopedLive(`gives it back when its body ${what}`, () =>
          play(
            { router, server },
            route(rows((row) => row === 1 ? effect : Effect.void)),
            ({ server, subject }) =>
              Effect.gen(function*() {
                const { rest } = yield* get(server)
                yield* Effect.exit(rest)
                yield* leasedIs(subject, 0)
              })
          ))
      }

      it.scopedLive("gives it back when its client goes in the middle of the body", () =>
        Effect.flatMap(
          FakeConnector.makeGate,
          (gate) =>
            play(
              { router, server },
              route(rows((row) => row === 1 ? gate.pass : Effect.void)),
              ({ server, subject }) =>
                Effect.gen(function*() {
                  const { abort, answer } = yield* server.request("GET", "/")
                  yield* answer
                  yield* gate.reached
                  yield* leasedIs(subject, 1)
                  yield* abort
                  yield* leasedIs(subject, 0)
                })
            )
        ))

      it.scopedLive("gives it back when the handler has returned, to HEAD and where the body is no stream", () => (
        play(
          { router, server },
          [
            ...route(rows(() => Effect.void)),
            {
              method: "GET",
              path: "/plain",
              handler: RequestDb.keepThroughBody(
                RequestDb.use(() => Effect.succeed(HttpServerResponse.text("x".repeat(8_000_000))))
              )
            }
          ],
          ({ server, subject }) =>
            Effect.gen(function*() {
              yield* Effect.flatMap(server.request("HEAD", "/"), ({ answer }) => answer)
              yield* stays(subject.leased, 0)
              const { rest } = yield* get(server, "/plain")
              yield* stays(subject.leased, 0)
              yield* rest
            })
        )
      ))

      it.scopedLive("holds nothing where it uses nothing", () =>
        play(
          { router, server },
          route(Effect.succeed(HttpServerResponse.stream(Stream.make(encoder.encode("a"))))),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("a")
              expect((yield* subject.pool.stats).requests).toBe(0)
            })
        ))

      for (
        const [reason, response] of [
          ["EventStream", () => HttpServerResponse.stream(Stream.never, { contentType: "text/event-stream" })],
          [
            "EventStream",
            () =>
              HttpServerResponse.stream(Stream.never, {
                headers: { "content-type": "Text/Event-Stream; charset=utf-8" }
              })
          ],
          ["RawBody", () => HttpServerResponse.raw(Readable.from(["a"]))]
        ] as const
      ) {
        it.scopedLive(`is refused (${reason}) with a 500, a defect that says what to write, and nothing leased`, () =>
          play(
            { router, server, around: logged },
            route(RequestDb.use(() => Effect.sync(response))),
            ({ log, server, subject }) =>
              Effect.gen(function*() {
                const { rest, status } = yield* get(server)
                expect([status, yield* rest]).toEqual([500, ""])
                yield* leasedIs(subject, 0)
                // Seen by what is around the router, or in the log of the request.
                if (!router.startsWith("HttpApi")) {
                  expect(log.join()).toContain(
                    "The connection of test/RequestDb is not kept while this response is sent"
                  )
                }
              })
          ))
      }
    })
  }

  it.scopedLive(`${router} on Node: a WebSocket that keeps its connection is refused before its handler runs`, () => {
    let ran = false
    return play(
      { router, server: "Node", around: logged },
      [
        {
          method: "GET",
          path: "/",
          handler: RequestDb.keepThroughBody(
            Effect.gen(function*() {
              ran = true
              yield* HttpServerRequest.upgrade
              return HttpServerResponse.empty()
            }).pipe(Effect.orDie)
          )
        }
      ],
      ({ log, server, subject }) =>
        Effect.scoped(Effect.gen(function*() {
          const connecting = yield* Effect.fork(connect(server, "/"))
          yield* eventually(Effect.sync(() => log.join()), (text) => text.includes("WebSocket"), "it is refused")
          expect(log.join()).toContain("each use leases a connection for as long as it runs")
          expect(ran).toBe(false)
          expect((yield* subject.pool.stats).requests).toBe(0)
          connecting.unsafeInterruptAsFork(connecting.id())
        }))
    )
  })
}
