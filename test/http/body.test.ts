/** After the handler has returned: what a body may use, what it may not, and when it is over. */
import type * as RequestConnection from "@cenote/core/RequestConnection"
import { FakeConnector } from "@cenote/core/testing"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { Route } from "./support/app.js"
import { eventually, leasedIs, RequestDb, stays } from "./support/pool.js"
import { get } from "./support/servers.js"
import { play, routerNames, serverNames } from "./support/stage.js"

const encoder = new TextEncoder()

const route = (handler: Route["handler"]): ReadonlyArray<Route> => [{ method: "GET", path: "/", handler }]

const idOf = (connection: FakeConnector.FakeConnection) => Effect.succeed(connection.id)

const textOf = (stream: Stream.Stream<string, unknown>) => Stream.map(stream, (text) => encoder.encode(text))

type Db = RequestConnection.RequestConnection<FakeConnector.FakeConnection>

for (const router of routerNames) {
  for (const server of serverNames) {
    describe(`${router} on ${server}`, () => {
      it.scopedLive("in the handler, all uses have the same connection, in fibers forked there too", () =>
        play(
          { router, server },
          route(Effect.gen(function*() {
            const ids = yield* Effect.all(Array.from({ length: 5 }, () => RequestDb.use(idOf)), {
              concurrency: "unbounded"
            })
            const forked = yield* Effect.fork(RequestDb.use(idOf))
            return HttpServerResponse.text([...ids, yield* Fiber.join(forked), yield* RequestDb.use(idOf)].join())
          })),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("0,0,0,0,0,0,0")
              expect((yield* subject.pool.stats).requests).toBe(1)
            })
        ))

      it.scopedLive("a handler that uses nothing leases nothing", () =>
        play(
          { router, server },
          route(Effect.succeed(HttpServerResponse.text("hello"))),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("hello")
              expect((yield* subject.pool.stats).requests).toBe(0)
            })
        ))

      it.scopedLive("each use in the body leases a connection for as long as it runs, and none in between", () => {
        const gates: Array<FakeConnector.Gate> = []
        return play(
          { router, server },
          route(Effect.gen(function*() {
            const db = yield* RequestDb
            yield* db.use(() => Effect.void)
            const body = Stream.fromIterable(gates).pipe(
              Stream.mapEffect((gate) =>
                Effect.zipRight(gate.pass, db.use((connection) => Effect.succeed(connection.id)))
              )
            )
            return HttpServerResponse.stream(textOf(Stream.map(body, String)))
          })),
          ({ server, subject }) =>
            Effect.gen(function*() {
              gates.push(yield* FakeConnector.makeGate, yield* FakeConnector.makeGate)
              // Node sends the head with the first piece.
              const reading = yield* Effect.fork(Effect.flatMap(get(server), ({ rest }) => rest))
              for (const gate of gates) {
                yield* gate.reached
                yield* stays(subject.leased, 0)
                yield* gate.open
              }
              expect(yield* Fiber.join(reading)).toBe("00")
              expect((yield* subject.pool.stats).requests).toBe(3)
            })
        )
      })

      it.scopedLive("after a body that is no stream, a use is a typed failure", () => {
        let kept: Db | undefined
        return play(
          { router, server },
          route(Effect.gen(function*() {
            kept = yield* RequestDb
            return HttpServerResponse.text(String(yield* kept.use(idOf)))
          })),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("0")
              const error = yield* Effect.flip(kept!.use(idOf))
              expect(error._tag).toBe("RequestEnded")
              expect((yield* subject.pool.stats).requests).toBe(1)
            })
        )
      })

      it.scopedLive("after the body's stream, a use is a typed failure", () => {
        let kept: Db | undefined
        return play(
          { router, server },
          route(Effect.gen(function*() {
            const db = yield* RequestDb
            kept = db
            return HttpServerResponse.stream(textOf(Stream.map(Stream.fromEffect(db.use(idOf)), String)))
          })),
          ({ server }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("0")
              yield* eventually(Effect.exit(kept!.use(idOf)), Exit.isFailure, "the request is over")
              expect((yield* Effect.flip(kept!.use(idOf)))._tag).toBe("RequestEnded")
            })
        )
      })

      it.scopedLive("after the client has gone, a use is a typed failure", () =>
        Effect.flatMap(FakeConnector.makeGate, (gate) => {
          let kept: Db | undefined
          return play(
            { router, server },
            route(Effect.gen(function*() {
              kept = yield* RequestDb
              yield* kept.use(() => gate.pass)
              return HttpServerResponse.empty()
            })),
            ({ server, subject }) =>
              Effect.gen(function*() {
                const { abort } = yield* server.request("GET", "/")
                yield* gate.reached
                yield* abort
                yield* leasedIs(subject, 0)
                expect((yield* Effect.flip(kept!.use(idOf)))._tag).toBe("RequestEnded")
              })
          )
        }))

      it.scopedLive("a use that still runs when the handler returns keeps the connection, and nobody else has it meanwhile", () =>
        Effect.flatMap(FakeConnector.makeGate, (gate) =>
          play(
            { router, server, tuning: { maxSize: 1 } },
            route(Effect.gen(function*() {
              yield* Effect.forkDaemon(RequestDb.use(() => gate.pass))
              yield* gate.reached
              return HttpServerResponse.text("returned")
            })),
            ({ server, subject }) =>
              Effect.gen(function*() {
                const { rest } = yield* get(server)
                expect(yield* rest).toBe("returned")
                const stranger = yield* Effect.fork(subject.pool.use(idOf))
                const load = Effect.map(subject.pool.stats, ({ leased, waiting }) => ({ leased, waiting }))
                yield* eventually(load, ({ waiting }) => waiting === 1, "the stranger waits")
                yield* stays(load, { leased: 1, waiting: 1 })
                yield* gate.open
                expect(yield* Fiber.join(stranger)).toBe(0)
              })
          )))

      it.scopedLive("stream in the body dies, as a slow client would hold the connection", () => {
        let exit: Exit.Exit<unknown, unknown> | undefined
        return play(
          { router, server },
          route(Effect.gen(function*() {
            const db = yield* RequestDb
            const rows = db.stream((connection) => Stream.make(String(connection.id)))
            return HttpServerResponse.stream(
              textOf(Stream.onError(rows, (cause) => Effect.sync(() => exit = Exit.failCause(cause))))
            )
          })),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              yield* Effect.exit(rest)
              yield* eventually(Effect.sync(() => exit), (exit) => exit !== undefined, "it has died")
              const defect = Exit.isFailure(exit!) ? Cause.squash(exit.cause) : undefined
              expect(defect).toMatchObject({ _tag: "KeepRefused", reason: "NotKept" })
              expect(String((defect as Error).message)).toContain("keepThroughBody")
              expect((yield* subject.pool.stats).requests).toBe(0)
            })
        )
      })

      it.scopedLive("stream in the handler is a use like others", () =>
        play(
          { router, server },
          route(Effect.gen(function*() {
            const rows = yield* Effect.orDie(Stream.runCollect(RequestDb.stream(({ id }) => Stream.make(id, id))))
            return HttpServerResponse.text([...rows, yield* RequestDb.use(idOf)].join())
          })),
          ({ server, subject }) =>
            Effect.gen(function*() {
              const { rest } = yield* get(server)
              expect(yield* rest).toBe("0,0,0")
              expect((yield* subject.pool.stats).requests).toBe(1)
            })
        ))
    })
  }
}

it.scopedLive("a raw body on Node holds nothing while it is sent, and may lease for each use", () =>
  Effect.flatMap(FakeConnector.makeGate, (gate) =>
    play(
      { server: "Node" },
      route(Effect.gen(function*() {
        const db = yield* RequestDb
        yield* db.use(idOf)
        const body = Readable.from((async function*() {
          await Effect.runPromise(gate.pass)
          yield String(await Effect.runPromise(db.use(idOf)))
        })())
        return HttpServerResponse.raw(body)
      })),
      ({ server, subject }) =>
        Effect.gen(function*() {
          const reading = yield* Effect.fork(Effect.flatMap(get(server), ({ rest }) => rest))
          yield* gate.reached
          yield* stays(subject.leased, 0)
          yield* gate.open
          expect(yield* Fiber.join(reading)).toBe("0")
        })
    )))
