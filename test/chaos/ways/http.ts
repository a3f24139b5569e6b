/** By a request to an HTTP service of the bank, whose handler runs in the request's transaction. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { move } from "../bank.js"
import { Transfer } from "../judge.js"
import { committed, Outcome, outcomeOf } from "../outcome.js"
import type { Way } from "./way.js"

const host = "127.0.0.1"

/** What a handler has come to: `Ended` means that COMMIT or ROLLBACK is next. */
type Handler = "Running" | "Interrupted" | "Ended"

const left = (handler: Handler | undefined): Outcome => {
  switch (handler) {
    case undefined:
      return { _tag: "RolledBack", why: "left before its handler began" }
    case "Interrupted":
      return { _tag: "RolledBack", why: "left, and its handler was interrupted" }
    case "Ended":
      return { _tag: "Unknown", why: "left when its handler had ended" }
    case "Running":
      return { _tag: "Unexpected", what: "a handler that is not interrupted though its client has left" }
  }
}

/** Created where it was committed; else the outcome, as JSON. */
const router = (handlers: Map<number, Handler>) => {
  const transfer = Effect.gen(function*() {
    const asked = yield* HttpServerRequest.schemaBodyJson(Transfer)
    handlers.set(asked.id, "Running")
    yield* Effect.onExit(
      Effect.flatMap(SqlClient.SqlClient, (sql) => move(sql, asked)),
      (exit) => Effect.sync(() => handlers.set(asked.id, Exit.isInterrupted(exit) ? "Interrupted" : "Ended"))
    )
    return HttpServerResponse.empty({ status: 201 })
  })
  return HttpRouter.empty.pipe(
    HttpRouter.post("/transfers", RequestTransaction.middleware()(transfer)),
    HttpRouter.catchAllCause((cause) => HttpServerResponse.json(outcomeOf(cause), { status: 500 }))
  )
}

const read = (response: HttpClientResponse.HttpClientResponse) =>
  response.status === 201
    ? Effect.succeed(committed)
    : Effect.scoped(HttpClientResponse.schemaBodyJson(Outcome)(response))

export interface Service {
  /** Clients with connections of their own, which end with the Scope. */
  readonly way: Effect.Effect<Way, never, Scope.Scope>
}

/** It is there until the Scope closes. */
export const serve = (sql: SqlClient.SqlClient): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const handlers = new Map<number, Handler>()
    const listener = http.createServer()
    const server = yield* Effect.orDie(NodeHttpServer.make(() => listener, { host, port: 0 }))
    yield* Effect.provideService(server.serve(router(handlers)), SqlClient.SqlClient, sql)
    yield* Effect.addFinalizer(() => Effect.sync(() => listener.closeAllConnections()))
    const url = `http://${host}:${(listener.address() as AddressInfo).port}/transfers`

    const take = (id: number) => {
      const handler = handlers.get(id)
      handlers.delete(id)
      return handler
    }
    const way = Effect.gen(function*() {
      const agent = yield* NodeHttpClient.makeAgent({ keepAlive: true })
      const client = yield* Effect.provideService(NodeHttpClient.make, NodeHttpClient.HttpAgent, agent)
      return {
        name: "http",
        ask: (transfer) =>
          HttpClientRequest.post(url).pipe(
            HttpClientRequest.bodyUnsafeJson(transfer),
            client.execute,
            Effect.flatMap(read),
            Effect.catchAll((error) => Effect.succeed<Outcome>({ _tag: "Unexpected", what: String(error) })),
            Effect.tap(() => Effect.sync(() => take(transfer.id)))
          ),
        left: (id) => left(take(id))
      } satisfies Way
    })
    return { way }
  })
