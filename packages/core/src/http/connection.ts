/** The connection of one request. */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AcquireOptions } from "../model/options.js"
import type { ConnectionPool } from "../model/pool.js"
import { bodyKind, isEventStream, isWebSocket } from "./body.js"
import type { KeepRefusal, Unavailable } from "./errors.js"
import { KeepRefused, RequestEnded } from "./errors.js"
import type { Handling } from "./Life.js"
import type { RequestConnection } from "./model.js"
import { Shared } from "./Shared.js"
import { unavailable } from "./unavailable.js"

/** What the handler has said about its connection. */
type Wish = "GiveBack" | "Keep"

export class Connection<in out A> implements RequestConnection<A> {
  private wish: Wish = "GiveBack"
  private readonly shared: Shared<A, Unavailable, RequestEnded>
  /** What those were told who found no connection last. */
  private told: Unavailable | undefined = undefined

  constructor(
    private readonly id: string,
    pool: ConnectionPool<A, any>,
    options: AcquireOptions | undefined,
    private readonly isSocket: boolean
  ) {
    const lease = Effect.map(pool.lease(options), (lease) => lease.connection)
    const told = (error: Unavailable) =>
      Effect.sync(() => {
        this.told = error
      })
    this.shared = new Shared(
      Effect.tapError(Effect.catchAll(lease, (error) => unavailable(id, pool, error)), told),
      () => new RequestEnded({ service: id }),
      // The handler of a WebSocket runs for as long as that is open.
      isSocket ? "PerUse" : "Kept"
    )
  }

  readonly use: RequestConnection<A>["use"] = (f) => this.shared.use(f)

  readonly stream: RequestConnection<A>["stream"] = (f) =>
    Stream.unwrapScoped(
      Effect.suspend(() =>
        this.shared.isPerUse ? this.refuse(this.isSocket ? "WebSocket" : "NotKept") : Effect.map(this.shared.scoped, f)
      )
    )

  get keep(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isSocket) return this.refuse("WebSocket")
      this.wish = "Keep"
      return Effect.void
    })
  }

  private refuse(reason: KeepRefusal): Effect.Effect<never> {
    return Effect.die(new KeepRefused({ service: this.id, reason }))
  }

  returned(
    request: HttpServerRequest,
    response: HttpServerResponse.HttpServerResponse
  ): Effect.Effect<HttpServerResponse.HttpServerResponse> {
    const body = bodyKind(request, response)
    if (this.wish === "GiveBack" || body === "Complete") return Effect.as(this.shared.perUse, response)
    if (body === "Raw") return this.refuse("RawBody")
    return isEventStream(response) ? this.refuse("EventStream") : Effect.succeed(response)
  }

  /** `Unavailable` that was encoded with its schema has no header. */
  head(response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse {
    return this.told !== undefined && response.status === 503 && response.headers["retry-after"] === undefined
      ? HttpServerResponse.setHeader(response, "retry-after", String(this.told.retryAfter))
      : response
  }

  get end(): Effect.Effect<void> {
    return this.shared.end
  }
}

/** The connection of a request that begins. It leases none yet. */
export const begin = <A>(
  id: string,
  pool: ConnectionPool<A, any>,
  options: AcquireOptions | undefined,
  request: HttpServerRequest
): Handling<RequestConnection<A>> => {
  const connection = new Connection<A>(id, pool, options, isWebSocket(request))
  return {
    service: connection,
    returned: (response) => connection.returned(request, response),
    failed: () => connection.end,
    over: connection.end,
    head: (response) => connection.head(response)
  }
}
