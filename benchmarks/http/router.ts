/** The HTTP side of the bank in @effect/platform: the same handlers for every server that has Effect. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import { most, noAccount, noTransfer, Refusal } from "./bank.js"
import type { Bank } from "./effects.js"
import { listenOptions } from "./listen.js"

const Whole = Schema.Int.pipe(Schema.between(1, most))

const Transfer = Schema.Struct({ from: Whole, to: Whole, amount: Whole }).pipe(
  Schema.filter(({ from, to }) => from !== to)
)

const Path = Schema.Struct({ id: Schema.compose(Schema.NumberFromString, Whole) })

const refused = (error: unknown) =>
  error instanceof Refusal
    ? HttpServerResponse.unsafeJson({ error: error.error }, { status: error.status })
    : Effect.as(
      Effect.logError(error),
      HttpServerResponse.unsafeJson({ error: "The bank is broken." }, { status: 500 })
    )

const isRefused = Effect.catchAll((error: unknown) => refused(error))

const transfer = HttpServerRequest.schemaBodyJson(Transfer).pipe(Effect.mapError(() => noTransfer))

const account = HttpRouter.schemaPathParams(Path).pipe(Effect.mapError(() => noAccount))

/** Each route on its own, for those who want something around one of them. */
export const routes = <E, R>(bank: Bank<E, R>) => ({
  transfers: HttpRouter.makeRoute(
    "POST",
    "/transfers",
    transfer.pipe(
      Effect.flatMap(bank.transfer),
      Effect.flatMap((recorded) => HttpServerResponse.json(recorded, { status: 201 })),
      isRefused
    )
  ),
  accounts: HttpRouter.makeRoute(
    "GET",
    "/accounts/:id",
    account.pipe(
      Effect.flatMap(({ id }) => bank.account(id)),
      Effect.flatMap((account) => HttpServerResponse.json(account)),
      isRefused
    )
  )
})

export const router = <E, R>(bank: Bank<E, R>) => {
  const { accounts, transfers } = routes(bank)
  return HttpRouter.fromIterable([transfers, accounts])
}

/** Listens until the process ends, and says where. */
export const listen = <E, R, EL>(router: HttpRouter.HttpRouter<E, R>, services: Layer.Layer<R, EL>): Promise<number> =>
  Effect.gen(function*() {
    const server = NodeHttpServer.layer(() => createServer(), listenOptions)
    const all = HttpServer.serve(router).pipe(Layer.provide(services), Layer.provideMerge(server))
    const context = yield* Layer.buildWithScope(all, yield* Scope.make())
    const { address } = Context.get(context, HttpServer.HttpServer)
    return address._tag === "TcpAddress" ? address.port : yield* Effect.dieMessage("The server has no port")
  }).pipe(Effect.runPromise)
