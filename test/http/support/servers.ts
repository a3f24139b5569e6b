/** An app on Node's server, over real sockets, and as a web handler; and a client of each, which reads as it is told. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import type { App } from "./app.js"
import { Db } from "./pool.js"
import type { Subject } from "./pool.js"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The next piece of the body; undefined at its end. Nothing is read before it is asked for. */
  readonly next: Effect.Effect<string | undefined, Cut>
  /** All of the body that is left. */
  readonly rest: Effect.Effect<string, Cut>
}

/** The response, or what was left of it, did not come. */
export class Cut {
  readonly _tag = "Cut"
  constructor(readonly cause: unknown) {}
}

export interface Sent {
  /** The head of the response. */
  readonly answer: Effect.Effect<Answer, Cut>
  /** Sends another piece of a body that was announced as `"pieces"`; without an argument, its end. */
  readonly send: (piece?: string) => Effect.Effect<void>
  /** The client goes away. */
  readonly abort: Effect.Effect<void>
  /** The same, where a web Request's signal is all that tells of it, and nobody cancels the body. */
  readonly abortSignal: Effect.Effect<void>
}

export interface RequestInit {
  readonly body?: string | "pieces"
  readonly headers?: Record<string, string>
  /** Of Node's client: which sockets it may use again. Default: none. */
  readonly agent?: http.Agent
}

export interface Server {
  readonly request: (method: string, path: string, init?: RequestInit) => Effect.Effect<Sent>
  /** What an end of the program does: no new requests; when those in flight have ended, it is over. */
  readonly shutdown: Effect.Effect<void>
  /** What its deadline does: cuts off who is left. */
  readonly cut: Effect.Effect<void>
  /** The address of a WebSocket. */
  readonly url: (path: string) => string
}

const decoder = new TextDecoder()

const collect = (next: Answer["next"]): Answer["rest"] =>
  Effect.gen(function*() {
    let all = ""
    for (let piece = yield* next; piece !== undefined; piece = yield* next) all += piece
    return all
  })

const nodeAnswer = (message: http.IncomingMessage): Answer => {
  const pieces = message[Symbol.asyncIterator]()
  const next = Effect.tryPromise({
    try: async () => {
      const { done, value } = await pieces.next()
      return done === true ? undefined : decoder.decode(value as Uint8Array)
    },
    catch: (cause) => new Cut(cause)
  })
  return {
    status: message.statusCode!,
    headers: message.headers as Record<string, string>,
    next,
    rest: collect(next)
  }
}

/** Node's server. Pieces are what the socket gives, so they may be parts of what was written. */
export const node = (
  app: App,
  { pool }: Subject,
  middleware: HttpMiddleware.HttpMiddleware = (app) => app
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function*() {
    const listener = http.createServer()
    const upgraded = new Set<Duplex>()
    listener.on("upgrade", (_, socket) => upgraded.add(socket))
    // Node does not count an upgraded socket among its connections.
    const cut = Effect.sync(() => {
      listener.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
    })
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) =>
      Effect.zipRight(cut, Scope.close(scope, Exit.void)))
    yield* Effect.gen(function*() {
      const server = yield* Effect.orDie(NodeHttpServer.make(() =>
        listener, { port: 0, host: "127.0.0.1" }))
      yield* server.serve(app, middleware)
    }).pipe(Scope.extend(scope), Effect.provideService(Db, pool))
    const { port } = listener.address() as AddressInfo
    return {
      request: (method, path, { agent, body, headers = {} } = {}) =>
        Effect.sync(() => {
          const request = http.request({ host: "127.0.0.1", port, method, path, agent: agent ?? false, headers })
          const head = new Promise<Answer>((resolve, reject) => {
            request.on("response", (message) => resolve(nodeAnswer(message)))
            request.on("error", reject)
          })
          head.catch(() => {})
          if (body === "pieces") request.flushHeaders()
          else request.end(body)
          return {
            answer: Effect.tryPromise({ try: () => head, catch: (cause) => new Cut(cause) }),
            send: (piece) => Effect.sync(() => void (piece === undefined ? request.end() : request.write(piece))),
            abort: Effect.sync(() => void request.destroy()),
            abortSignal: Effect.sync(() => void request.destroy())
          }
        }),
      shutdown: Scope.close(scope, Exit.void),
      cut,
      url: (path) => `ws://127.0.0.1:${port}${path}`
    }
  })

/** The head of the response to GET. */
export const get = (server: Server, path = "/"): Effect.Effect<Answer, Cut> =>
  Effect.flatMap(server.request("GET", path), ({ answer }) => answer)

const webAnswer = (response: Response, readers: Array<ReadableStreamDefaultReader<Uint8Array>>): Answer => {
  const reader = response.body?.getReader()
  if (reader !== undefined) readers.push(reader)
  const next = Effect.tryPromise({
    try: async () => {
      if (reader === undefined) return undefined
      const { done, value } = await reader.read()
      return done ? undefined : decoder.decode(value)
    },
    catch: (cause) => new Cut(cause)
  })
  return { status: response.status, headers: Object.fromEntries(response.headers), next, rest: collect(next) }
}

/** A web handler, and what a server around it does: a client that goes aborts the request's signal and cancels the body. */
export const web = (
  app: App,
  { close, pool }: Subject,
  middleware?: HttpMiddleware.HttpMiddleware
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = yield* Effect.provideService(Effect.runtime<Db>(), Db, pool)
    const handler = HttpApp.toWebHandlerRuntime(runtime)(app, middleware)
    const everyone = new Set<() => void>()
    const server: Server = {
      request: (method, path, { body, headers = {} } = {}) =>
        Effect.sync(() => {
          const controller = new AbortController()
          const readers: Array<ReadableStreamDefaultReader<Uint8Array>> = []
          const upload = new TransformStream<Uint8Array, Uint8Array>()
          const writer = upload.writable.getWriter()
          const request = new Request(`http://127.0.0.1${path}`, {
            method,
            headers,
            signal: controller.signal,
            ...body === undefined ? {} : { body: body === "pieces" ? upload.readable : body, duplex: "half" }
          } as globalThis.RequestInit)
          const head = handler(request).then((response) => webAnswer(response, readers))
          const abort = () => {
            controller.abort()
            for (const reader of readers) reader.cancel().catch(() => {})
          }
          everyone.add(abort)
          return {
            answer: Effect.tryPromise({ try: () => head, catch: (cause) => new Cut(cause) }),
            send: (piece) =>
              Effect.sync(() => {
                const written = piece === undefined ? writer.close() : writer.write(new TextEncoder().encode(piece))
                written.catch(() => {})
              }),
            abort: Effect.sync(abort),
            abortSignal: Effect.sync(() => controller.abort())
          }
        }),
      // What `dispose` does to a pool in the handler's layer.
      shutdown: close,
      cut: Effect.sync(() => {
        for (const abort of everyone) abort()
      }),
      url: () => {
        throw new Error("A web handler has no WebSockets")
      }
    }
    yield* Effect.addFinalizer(() => server.cut)
    return server
  })

export const servers = { Node: node, "web handler": web }

export type ServerName = keyof typeof servers

/** A WebSocket's client. */
export interface Line {
  readonly say: (text: string) => Effect.Effect<void>
  /** What was heard so far. */
  readonly heard: ReadonlyArray<string>
  /** Whether it is closed, by either side. */
  readonly isClosed: Effect.Effect<boolean>
  readonly abort: Effect.Effect<void>
}

export const connect = (server: Server, path: string): Effect.Effect<Line, never, Scope.Scope> =>
  Effect.gen(function*() {
    const construct = yield* Effect.provide(Socket.WebSocketConstructor, NodeSocket.layerWebSocketConstructor)
    const socket = construct(server.url(path))
    const heard: Array<string> = []
    let isClosed = false
    socket.addEventListener("message", ({ data }) => heard.push(String(data)))
    socket.addEventListener("close", () => isClosed = true)
    socket.addEventListener("error", () => isClosed = true)
    yield* Effect.addFinalizer(() => Effect.sync(() => socket.close()))
    yield* Effect.async<void>((resume) => socket.addEventListener("open", () => resume(Effect.void)))
    const line: Line = {
      say: (text) => Effect.sync(() => socket.send(text)),
      heard,
      isClosed: Effect.sync(() => isClosed),
      // Without a goodbye, as when the network fails.
      abort: Effect.sync(() => (socket as unknown as { terminate: () => void }).terminate())
    }
    return line
  })
