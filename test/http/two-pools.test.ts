/** Two pools in one application: a request has a connection of each, and the types keep them apart. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Db, makeSubject, RequestDb } from "./support/pool.js"

interface Printer {
  readonly print: (text: string) => string
}

class Printers extends ConnectionPool.Tag("two/Printers")<Printers, Printer>() {}

class RequestPrinter extends RequestConnection.Tag("two/RequestPrinter")<RequestPrinter>()(Printers) {}

const printed = Effect.gen(function*() {
  const id = yield* RequestDb.use((connection) => Effect.succeed(connection.id))
  const text = yield* RequestPrinter.use((printer) => Effect.sync(() => printer.print(`connection ${id}`)))
  const leased = yield* Effect.all([Db.stats, Printers.stats])
  return HttpServerResponse.text([text, ...leased.map((stats) => stats.leased)].join())
})

it.scopedLive("a request has one connection of each of two pools, and gives both back", () =>
  Effect.gen(function*() {
    const { pool } = yield* makeSubject()
    const printers = yield* ConnectionPool.make({
      connector: Effect.succeed<Printer>({ print: (text) => `<${text}>` })
    })
    const router = HttpRouter.empty.pipe(
      HttpRouter.get("/", printed),
      HttpRouter.use(RequestDb.middleware),
      HttpRouter.use(RequestPrinter.middleware)
    )
    const { dispose, handler } = HttpApp.toWebHandlerLayer(
      router,
      Layer.merge(Layer.succeed(Db, pool), Layer.succeed(Printers, printers))
    )
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const response = yield* Effect.promise(() => handler(new Request("http://localhost/")))
    expect(yield* Effect.promise(() => response.text())).toBe("<connection 0>,1,1")
    expect([(yield* pool.stats).leased, (yield* printers.stats).leased]).toEqual([0, 0])
  }))

it.scopedLive("a provider inside another of the same tag has the outer one's connection", () =>
  Effect.gen(function*() {
    const { fake, pool } = yield* makeSubject({ maxSize: 1 })
    const inner = Effect.map(
      RequestDb.use((connection) => Effect.succeed(connection.id)),
      (id) => HttpServerResponse.text(String(id))
    )
    const outer = Effect.zipRight(RequestDb.use(() => Effect.void), RequestDb.middleware(inner))
    const router = HttpRouter.empty.pipe(HttpRouter.get("/", outer), HttpRouter.use(RequestDb.middleware))
    const { dispose, handler } = HttpApp.toWebHandlerLayer(router, Layer.succeed(Db, pool))
    yield* Effect.addFinalizer(() => Effect.promise(dispose))
    const response = yield* Effect.promise(() => handler(new Request("http://localhost/")))
    expect(yield* Effect.promise(() => response.text())).toBe("0")
    expect((yield* pool.stats).requests).toBe(1)
    expect((yield* pool.stats).leased).toBe(0)
    expect((yield* fake.counts).opened).toBe(1)
  }))
