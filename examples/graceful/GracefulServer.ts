/**
 * NodeHttpServer, but it ends well: told to stop, it finishes what it has begun. Copy this folder, and write
 * `GracefulServer.layer` where you have `NodeHttpServer.layer`.
 *
 * It is told so when the Scope that it serves in closes: NodeRuntime.runMain does that on SIGTERM. Then
 *
 * 1. requests that come are refused: 503, `Connection: close`, and nothing of them is begun;
 * 2. those that are under way go on, with all that they need: the layers below them are open still;
 * 3. the server closes when the last one is answered, or when `deadline` is over. What is left then loses its connection,
 *    and its handler is interrupted.
 *
 * Only after that are the layers closed that the application was made of: the pool's, which waits for its last leases.
 *
 * NodeHttpServer alone takes its handler off the server first. A request on a connection that was busy in that moment is then
 * never answered, and one on a connection that was not is reset if it was on its way.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as http from "node:http"
import type * as net from "node:net"
import type { Counts } from "./requests.js"
import { Requests } from "./requests.js"
import { within } from "./within.js"

export interface Options extends net.ListenOptions {
  /**
   * How long requests that are under way may take to finish. Too short, and slow ones are lost; too long, and the process is
   * killed before: orchestrators mostly wait for 30 s, and the pool's `shutdownTimeout` comes on top. Default: 10 s.
   */
  readonly deadline?: Duration.DurationInput | undefined
  /**
   * How long the server is still there after the last answer, to refuse what was on its way. Without it, such a request is
   * reset, and its client cannot know whether it was begun. Default: 250 ms.
   */
  readonly linger?: Duration.DurationInput | undefined
}

export class GracefulServer extends Context.Tag("examples/GracefulServer")<GracefulServer, {
  /**
   * Ends when the server is told to stop, with how many requests are under way. For answers that have no end of their own: an
   * event stream that goes on holds up the stop until the deadline.
   */
  readonly stopping: Effect.Effect<number>
  /** Ends when the server has stopped. */
  readonly stopped: Effect.Effect<Counts>
}>() {}

const make = (evaluate: () => http.Server, { deadline = "10 seconds", linger = "250 millis", ...listen }: Options) =>
  Effect.gen(function*() {
    const node = evaluate()
    const requests = new Requests(node)
    const stopping = yield* Deferred.make<number>()
    const stopped = yield* Deferred.make<Counts>()
    const plain = yield* NodeHttpServer.make(() => node, listen)

    const none = Effect.async<void>((resume) => {
      const giveUp = requests.whenNone(() => resume(Effect.void))
      return Effect.sync(giveUp)
    })

    const stop = Effect.gen(function*() {
      yield* Deferred.succeed(stopping, requests.stop())
      yield* within(Effect.zipRight(none, Effect.sleep(linger)), deadline)
      yield* Effect.sync(() => {
        requests.cut()
        node.close()
        node.closeAllConnections()
      })
      yield* within(none, "1 second")
      yield* Deferred.succeed(stopped, requests.counts)
    })

    const guard = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
      Effect.flatMap(
        HttpServerRequest.HttpServerRequest,
        (request) => requests.refuses(NodeHttpServerRequest.toIncomingMessage(request)) ? refusal : app
      )

    const server = HttpServer.make({
      address: plain.address,
      // Finalizers run in reverse: the server stops before the handler is taken off it.
      serve: (app, middleware) =>
        Effect.zipRight(
          plain.serve(guard(app), middleware!),
          Effect.addFinalizer(() => stop)
        )
    })
    return Context.make(HttpServer.HttpServer, server).pipe(
      Context.add(GracefulServer, { stopping: Deferred.await(stopping), stopped: Deferred.await(stopped) })
    )
  })

const refusal = HttpServerResponse.unsafeJson(
  { error: "The service is stopping. Ask again." },
  { status: 503, headers: { "connection": "close", "retry-after": "1" } }
)

/** As NodeHttpServer.layer, but it ends well. */
export const layer = (evaluate: () => http.Server, options: Options) =>
  Layer.merge(Layer.scopedContext(make(evaluate, options)), NodeHttpServer.layerContext)
