/** Routes of each kind, which do in their uses what a test's script says. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Route } from "./app.js"
import { Boom } from "./app.js"
import { RequestDb } from "./pool.js"

/** What happens inside of the uses; tests change it as they go on. */
export interface Script {
  /** In the handler's use. */
  handler: Effect.Effect<void, Boom>
  /** In the use of the body's piece of that number, from 0. */
  piece: (number: number) => Effect.Effect<void, Boom>
  /** How many pieces a body has. */
  pieces: number
  /** What each piece, or the whole of a body that is no stream, is long. */
  size: number
  /** Pieces that were made so far. */
  made: number
}

export const makeScript = (): Script => ({
  handler: Effect.void,
  piece: () => Effect.void,
  pieces: 3,
  size: 1,
  made: 0
})

const encoder = new TextEncoder()

/** The handler's use gives the number of its connection. */
const ask = (script: Script) =>
  RequestDb.use((connection) => Effect.as(Effect.suspend(() => script.handler), connection.id))

const plain = (script: Script) =>
  Effect.map(ask(script), (id) => HttpServerResponse.text(String(id).padEnd(script.size, ".")))

/** A body of pieces, each of which is a use; then, if any, silence. */
const pieces = (script: Script, contentType: string, end: Stream.Stream<Uint8Array> = Stream.empty) =>
  Effect.gen(function*() {
    const db = yield* RequestDb
    yield* ask(script)
    const piece = (number: number) =>
      db.use((connection) =>
        Effect.as(Effect.suspend(() => script.piece(number)), `${connection.id};`.padEnd(script.size, "."))
      )
    const body = Stream.range(0, script.pieces - 1, 1).pipe(
      Stream.mapEffect(piece),
      Stream.tap(() => Effect.sync(() => script.made++)),
      Stream.map((text) => encoder.encode(text)),
      Stream.concat(end)
    )
    return HttpServerResponse.stream(body, { contentType })
  })

/** Answers each message with a use; "fail", "die" and "bye" end it. */
const socket = (script: Script) =>
  Effect.gen(function*() {
    const db = yield* RequestDb
    yield* ask(script)
    const socket = yield* Effect.orDie(HttpServerRequest.upgrade)
    const write = yield* socket.writer
    const decoder = new TextDecoder()
    yield* socket.runRaw((data) =>
      db.use((connection) =>
        Effect.gen(function*() {
          const text = typeof data === "string" ? data : decoder.decode(data)
          yield* script.piece(script.made++)
          if (text === "fail") return yield* new Boom()
          if (text === "die") return yield* Effect.die(new Error("told to die"))
          yield* Effect.ignore(write(String(connection.id)))
          return undefined
        })
      )
    ).pipe(Effect.catchTag("SocketError", () => Effect.void))
    return HttpServerResponse.empty()
  })

export const routesOf = (script: Script): ReadonlyArray<Route> => [
  { method: "GET", path: "/plain", handler: plain(script) },
  {
    method: "POST",
    path: "/plain",
    handler: Effect.flatMap(
      HttpServerRequest.HttpServerRequest,
      (request) => Effect.zipRight(Effect.orDie(request.text), plain(script))
    )
  },
  { method: "GET", path: "/stream", handler: pieces(script, "application/octet-stream") },
  { method: "GET", path: "/events", handler: pieces(script, "text/event-stream") },
  {
    method: "GET",
    path: "/quiet",
    handler: pieces({ ...script, pieces: 1 }, "text/event-stream", Stream.never)
  },
  { method: "GET", path: "/socket", handler: socket(script) }
]
