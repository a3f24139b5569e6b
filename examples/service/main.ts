/**
 * A service with an HttpApi on PostgreSQL: it is started, asked a few questions, and stopped.
 *
 * ```
 * domain          what it is about: schemas, and errors with their status
 * connection      what it asks of a database, the pool (Db), and the connection of a request (RequestDb)
 * accounts, ledger, events, transfers, report    its services
 * api, http       what it offers, and what each endpoint does
 * postgres        the same words in SQL, and the pool in production
 * serve           all of it on a server
 * ```
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Postgres from "../bank/postgres.js"
import { DemoFailed, runMain } from "../bank/run.js"
import { Bank } from "./api.js"
import { createTables, layer as postgresPool } from "./postgres.js"
import { serve } from "./serve.js"

/** The application as its clients see it: typed by the same schemas. */
const questions = Effect.gen(function*() {
  const url = yield* HttpServer.addressFormattedWith(Effect.succeed)
  const bank = yield* HttpApiClient.make(Bank, { baseUrl: url })

  const ada = yield* bank.accounts.open({ payload: { owner: "Ada", balance: 100 } })
  const ben = yield* bank.accounts.open({ payload: { owner: "Ben", balance: 0 } })
  yield* Console.log(`${ada.owner} has ${ada.balance}, ${ben.owner} has ${ben.balance}.`)

  // Somebody listens to Ben's account while the transfers are made.
  const http = yield* HttpClient.HttpClient
  const heard = yield* http.get(`${url}/accounts/${ben.id}/events`)
  const transfer = (amount: number) => bank.transfers.make({ payload: { from: ada.id, to: ben.id, amount } })

  yield* Console.log(`Ada pays 70: number ${(yield* transfer(70)).number}.`)
  const tooMuch = yield* Effect.either(transfer(70))
  yield* Console.log(`And once more: ${Either.match(tooMuch, { onLeft: ({ _tag }) => _tag, onRight: () => "done" })}.`)

  const events = yield* heard.stream.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.filter((line) => line.startsWith("data: ")),
    Stream.take(2),
    Stream.runCollect
  )
  yield* Console.log(`Who listened has heard:\n  ${[...events].join("\n  ")}`)

  const report = yield* bank.report.rows()
  yield* Console.log(`The report:\n  ${report.trimEnd().split("\n").join("\n  ")}`)

  const { balance } = yield* bank.accounts.find({ path: { id: ada.id } })
  if (balance !== 30 || Either.isRight(tooMuch)) {
    return yield* new DemoFailed({ message: `Ada has ${balance}, and should have 30.` })
  }
}).pipe(Effect.provide(NodeHttpClient.layer))

const main = Effect.gen(function*() {
  const { url } = yield* Postgres.EmbeddedPostgres
  yield* createTables(url)
  yield* Effect.provide(questions, serve({ port: 0 }).pipe(Layer.provide(postgresPool({ url, maxSize: 10 }))))
}).pipe(Effect.provide(Postgres.layer({ maxConnections: 20 })))

runMain(Effect.provide(main, NodeContext.layer))
