/** An app on Node's server, over real sockets, and as a web handler; and a client that may go away. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApp from "@effect/platform/HttpApp"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type { AddressInfo } from "node:net"

export type App = HttpApp.Default<unknown, Scope.Scope>

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** `undefined` where it was cut off. */
  readonly body: string | undefined
}

interface Sent {
  /** The whole response; `undefined` where none came. */
  readonly answer: Effect.Effect<Answer | undefined>
  /** The client goes away. */
  readonly abort: Effect.Effect<void>
}

export interface Server {
  readonly send: (method: string, path: string, headers?: Record<string, string>) => Effect.Effect<Sent>
}

/** Sends a request and takes in the whole response. */
export const ask = (server: Server, method: string, path: string): Effect.Effect<Answer> =>
  Effect.flatMap(
    Effect.flatMap(server.send(method, path), ({ answer }) => answer),
    (answer) => answer === undefined ? Effect.dieMessage(`${method} ${path}: no response`) : Effect.succeed(answer)
  )

const text = async (chunks: AsyncIterable<Uint8Array>): Promise<string | undefined> => {
  let all = ""
  try {
    for await (const chunk of chunks) all += new TextDecoder().decode(chunk)
    return all
  } catch {
    return undefined
  }
}

const never = { answer: undefined }

const sent = (response: Promise<Answer>, abort: () => void): Sent => {
  const settled = response.then((answer) => ({ answer }), () => never)
  return { answer: Effect.map(Effect.promise(() => settled), ({ answer }) => answer), abort: Effect.sync(abort) }
}

const node = (app: App): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function*() {
    const listener = http.createServer()
    yield* Effect.addFinalizer(() => Effect.sync(() => listener.closeAllConnections()))
    const server = yield* Effect.orDie(NodeHttpServer.make(() => listener, { port: 0, host: "127.0.0.1" }))
    yield* server.serve(app)
    yield* Effect.addFinalizer(() => Effect.sync(() => listener.closeAllConnections()))
    const { port } = listener.address() as AddressInfo
    return {
      send: (method, path, headers = {}) =>
        Effect.sync(() => {
          const request = http.request({ host: "127.0.0.1", port, method, path, headers, agent: false })
          const response = new Promise<http.IncomingMessage>((resolve, reject) => {
            request.on("response", resolve)
            request.on("error", reject)
          })
          request.end()
          return sent(
            response.then(async (message) => ({
              status: message.statusCode!,
              headers: message.headers as Record<string, string>,
              body: await text(message)
            })),
            () => request.destroy()
          )
        })
    }
  })

const web = (app: App): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.map(Effect.runtime(), (runtime) => {
    const handler = HttpApp.toWebHandlerRuntime(runtime)(app)
    return {
      send: (method, path, headers = {}) =>
        Effect.sync(() => {
          const controller = new AbortController()
          const request = new Request(`http://127.0.0.1${path}`, { method, headers, signal: controller.signal })
          return sent(
            handler(request).then(async (response) => ({
              status: response.status,
              headers: Object.fromEntries(response.headers),
              body: response.body === null ? "" : await text(response.body as unknown as AsyncIterable<Uint8Array>)
            })),
            () => controller.abort()
          )
        })
    }
  })

export const servers = { "Node's server": node, "a web handler": web }
