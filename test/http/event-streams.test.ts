/** One query, and then a stream that stays open: it must not pin a connection. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Route } from "./support/app.js"
import { leasedIs, RequestDb, stays } from "./support/pool.js"
import { connect } from "./support/servers.js"
import { play, routerNames, serverNames } from "./support/stage.js"

const STREAMS = 50
const CONNECTIONS = 10

const encoder = new TextEncoder()

/** Queries, says so, and stays open. */
const events: Route["handler"] = Effect.gen(function*() {
  yield* RequestDb.use(() => Effect.yieldNow())
  const event = encoder.encode("data: ready\n\n")
  return HttpServerResponse.stream(Stream.concat(Stream.make(event), Stream.never), {
    contentType: "text/event-stream"
  })
})

const query: Route["handler"] = RequestDb.use(() => Effect.succeed(HttpServerResponse.text("served")))

const socket: Route["handler"] = Effect.gen(function*() {
  yield* RequestDb.use(() => Effect.yieldNow())
  const socket = yield* Effect.orDie(HttpServerRequest.upgrade)
  const write = yield* socket.writer
  yield* Effect.ignore(socket.runRaw(() => {}, { onOpen: Effect.ignore(write("ready")) }))
  return HttpServerResponse.empty()
})

const routes: ReadonlyArray<Route> = [
  { method: "GET", path: "/events", handler: events },
  { method: "GET", path: "/query", handler: query },
  { method: "GET", path: "/socket", handler: socket }
]

for (const router of routerNames) {
  for (const server of serverNames) {
    describe(`${router} on ${server}`, () => {
      it.scopedLive(`${STREAMS} event streams over ${CONNECTIONS} connections pin none, and others are served meanwhile`, () =>
        play(
          { router, server, tuning: { maxSize: CONNECTIONS } },
          routes,
          ({ server, subject }) =>
            Effect.gen(function*() {
              const open = yield* Effect.forEach(
                Array.from({ length: STREAMS }),
                () =>
                  Effect.gen(function*() {
                    const { abort, answer } = yield* server.request("GET", "/events")
                    const { headers, next, status } = yield* answer
                    expect(status).toBe(200)
                    expect(headers["content-type"]).toContain("text/event-stream")
                    expect(yield* next).toBe("data: ready\n\n")
                    return abort
                  }),
                { concurrency: "unbounded" }
              )
              yield* stays(subject.leased, 0)
              expect((yield* subject.pool.stats).requests).toBe(STREAMS)
              const { answer } = yield* server.request("GET", "/query")
              expect(yield* (yield* answer).rest).toBe("served")
              yield* Effect.all(open)
            })
        ))
    })
  }

  it.scopedLive(`${router} on Node: ${STREAMS} WebSockets over ${CONNECTIONS} connections pin none, and others are served meanwhile`, () =>
    play(
      { router, server: "Node", tuning: { maxSize: CONNECTIONS } },
      routes,
      ({ server, subject }) =>
        Effect.scoped(Effect.gen(function*() {
          const lines = yield* Effect.forEach(Array.from({ length: STREAMS }), () => connect(server, "/socket"), {
            concurrency: "unbounded"
          })
          yield* leasedIs(subject, 0)
          yield* stays(subject.leased, 0)
          expect((yield* subject.pool.stats).requests).toBe(STREAMS)
          const { answer } = yield* server.request("GET", "/query")
          expect(yield* (yield* answer).rest).toBe("served")
          yield* Effect.forEach(lines, ({ abort }) => abort)
        }))
    ))
}
