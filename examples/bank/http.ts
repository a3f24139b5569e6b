/** The bank's HTTP service. Each handler takes a connection for as long as it needs one, and no longer. */
import * as PoolConsole from "@cenote/core/PoolConsole"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import * as GracefulServer from "../graceful/GracefulServer.js"
import { AccountId, Bank, Db, Transfer } from "./bank.js"
import type { Crowd } from "./crowd.js"
import type { Hurt } from "./hurt.js"
import type { Monitor } from "./monitor.js"
import * as Visit from "./visit.js"

const Account = Schema.Struct({ id: Schema.compose(Schema.NumberFromString, AccountId) })
const Audit = Schema.Struct({
  seconds: Schema.compose(Schema.NumberFromString, Schema.Number.pipe(Schema.between(0, 600)))
})

const bank = HttpRouter.empty.pipe(
  HttpRouter.get("/hello", HttpServerResponse.text("Hello")),
  HttpRouter.post(
    "/transfers",
    Effect.gen(function*() {
      const bank = yield* Bank
      const transfer = yield* HttpServerRequest.schemaBodyJson(Transfer)
      yield* bank.transfer(transfer)
      return yield* HttpServerResponse.json(transfer)
    })
  ),
  HttpRouter.get(
    "/accounts/:id",
    Effect.gen(function*() {
      const bank = yield* Bank
      const { id } = yield* HttpRouter.schemaPathParams(Account)
      return yield* HttpServerResponse.json({ id, balance: yield* bank.balance(id) })
    })
  ),
  HttpRouter.get(
    "/total",
    Effect.gen(function*() {
      const bank = yield* Bank
      return yield* HttpServerResponse.json({ total: yield* bank.total })
    })
  ),
  HttpRouter.get(
    "/audit/:seconds",
    Effect.gen(function*() {
      const bank = yield* Bank
      const { seconds } = yield* HttpRouter.schemaPathParams(Audit)
      return yield* HttpServerResponse.json({ total: yield* bank.audit(seconds) })
    })
  ),
  HttpRouter.get("/pool", Effect.flatMap(Db.stats, (stats) => HttpServerResponse.json(stats)))
)

const answer = (status: number, error: string) => HttpServerResponse.unsafeJson({ error }, { status })

/** What is wrong with the request. */
const refuse = (status: number) => (error: { readonly message: string }) => answer(status, error.message)

/** Nothing is: the same request may succeed later. Why it did not is for the log, as it may name hosts and users. */
const unavailable = (error: { readonly message: string }) =>
  Effect.as(
    Effect.logDebug(error.message),
    HttpServerResponse.setHeader(answer(503, "The bank is busy. Try again later."), "retry-after", "1")
  )

const broken = (error: { readonly message: string }) =>
  Effect.as(Effect.logError(error.message), answer(500, "Something is wrong with the bank."))

/** The bank, a console to watch its pool, and what a visitor may do. Who reaches it may do anything with it: it listens on loopback. */
const router = ({ crowd, hurt, monitor }: Parts) =>
  Effect.gen(function*() {
    const { stopping } = yield* GracefulServer.GracefulServer
    const console = yield* PoolConsole.make({
      pools: { bank: yield* Db },
      read: "anyone",
      authorize: () => Effect.void,
      server: { bank: monitor.activity },
      stopping
    })
    return bank.pipe(HttpRouter.mount("/console", console), HttpRouter.concat(Visit.router(crowd, hurt)))
  })

/** What each error means to a client. */
const answered = <R>(router: HttpRouter.HttpRouter<Effect.Effect.Error<typeof bank>, R>) =>
  router.pipe(
    Effect.catchTags({
      ParseError: refuse(400),
      RequestError: refuse(400),
      RouteNotFound: refuse(404),
      UnknownAccount: refuse(404),
      InsufficientFunds: refuse(409),
      // The pool has no connection for this request: too many others wait, or the server cannot be reached.
      AcquireTimeout: unavailable,
      PoolRefused: unavailable,
      PoolDeadlock: unavailable,
      PoolClosed: unavailable,
      ConnectTimeout: unavailable,
      PgConnectError: unavailable,
      PgQueryError: (error) => error.reason === "ConnectionLost" ? unavailable(error) : broken(error),
      HttpBodyError: () => broken({ message: "The answer could not be written." })
    })
  )

export interface Parts {
  readonly monitor: Pick<Monitor, "activity">
  readonly crowd: Crowd
  readonly hurt: Hurt
}

type Needs = Bank | Db | GracefulServer.GracefulServer | HttpServer.HttpServer

/** The service, once there is a bank and a server to serve it with. */
export const layer = (parts: Parts) =>
  Layer.unwrapEffect(
    Effect.map(
      router(parts),
      (router) => HttpServer.serve(answered(router) satisfies HttpApp.Default<never, Needs>)
    )
  )

/** There is no listening on this port. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

export interface Options {
  /** 0 is any that is free. */
  readonly port: number
  /** How long requests may take to finish when the server is told to stop. */
  readonly deadline: Duration.DurationInput
}

/** A server on loopback. */
export const server = ({ deadline, port }: Options) =>
  GracefulServer.layer(() => createServer({ keepAliveTimeout: 600_000 }), {
    port,
    host: "127.0.0.1",
    backlog: 4096,
    deadline
  }).pipe(
    Layer.catchAll(({ cause }) =>
      Layer.fail(
        new CannotListen({
          message: (cause as NodeJS.ErrnoException).code === "EADDRINUSE"
            ? `Port ${port} is taken. Choose another one with --port, or leave it out for any that is free.`
            : `Port ${port} cannot be used: ${cause}. Choose another one with --port.`
        })
      )
    )
  )
