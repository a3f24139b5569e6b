/**
 * The same shop on PostgreSQL and on SQLite: one layer is another one.
 *
 * ```
 * PgPool.layer or SqlitePool.layer → SqlClient → Shop → its routes, each request a transaction
 * ```
 */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApp from "@effect/platform/HttpApp"
import * as Path from "@effect/platform/Path"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Postgres from "../bank/postgres.js"
import { runMain } from "../bank/run.js"
import { router } from "./http.js"
import { migrate, Shop } from "./shop.js"

class ExampleFailed extends Data.TaggedError("ExampleFailed")<{ readonly message: string }> {}

const apples = 100

/** Asks the routes without a server: a web Request goes in, and a Response comes out. */
const makeCustomer = Effect.map(
  Effect.runtime<Shop | SqlClient.SqlClient>(),
  (runtime) => {
    const handle = HttpApp.toWebHandlerRuntime(runtime)(router)
    return (order: object) =>
      Effect.promise(() => handle(new Request("http://shop/orders", { method: "POST", body: JSON.stringify(order) })))
  }
)

/** 200 customers want an apple each, at once. */
const program = Effect.gen(function*() {
  yield* migrate
  const shop = yield* Shop
  const ask = yield* makeCustomer
  yield* shop.stockUp("apple", apples)
  const orders = yield* Effect.all(
    Array.from({ length: 2 * apples }, () => ask({ product: "apple", amount: 1 })),
    { concurrency: "unbounded" }
  )
  const served = orders.filter(({ status }) => status === 200).length
  const sold = yield* shop.sold
  const stock = yield* shop.stock("apple")
  const tooLate = orders.filter(({ status }) => status === 409).length
  yield* Console.log(`  ${served} served, ${tooLate} came too late; ${sold} sold, ${stock} left`)
  if (served + tooLate !== orders.length || served !== apples || sold !== apples || stock !== 0) {
    return yield* new ExampleFailed({ message: "The shop has lost count." })
  }
}).pipe(Effect.provide(Shop.Default))

const onPostgres = Layer.unwrapEffect(
  Effect.map(Postgres.EmbeddedPostgres, ({ url }) => PgPool.layer({ connection: { url }, maxSize: 10 }))
).pipe(Layer.provide(Postgres.layer({ maxConnections: 20 })))

const onSqlite = Layer.unwrapScoped(
  Effect.gen(function*() {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    return SqlitePool.layer({ connection: { filename: (yield* Path.Path).join(folder, "shop.db") } })
  })
)

const main = Effect.gen(function*() {
  yield* Console.log("PostgreSQL:")
  yield* Effect.provide(program, onPostgres)
  yield* Console.log("SQLite:")
  yield* Effect.provide(program, onSqlite)
})

runMain(Effect.provide(main, NodeContext.layer))
