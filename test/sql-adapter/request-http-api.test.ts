/** The handlers of an HttpApi in their transactions. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Postgres } from "../support/postgres.js"
import { layer as postgres } from "../support/postgres.js"
import { rests } from "./conformance/subject.js"
import { client } from "./pgClientHarness.js"
import { ask, servers } from "./request/servers.js"

class Odd extends Schema.TaggedError<Odd>()("Odd", {}, HttpApiSchema.annotations({ status: 200 })) {}

class Small extends Schema.TaggedClass<Small>()("Small", {}, HttpApiSchema.annotations({ status: 202 })) {}

class Large extends Schema.TaggedClass<Large>()("Large", {
  at: Schema.DateFromString
}, HttpApiSchema.annotations({ status: 203 })) {}

const things = HttpApiGroup.make("things")
  .add(HttpApiEndpoint.post("created", "/created").addSuccess(Schema.Struct({ id: Schema.Number }), { status: 201 }))
  .add(HttpApiEndpoint.post("nothing", "/nothing"))
  .add(HttpApiEndpoint.post("text", "/text").addSuccess(HttpApiSchema.Text()))
  .add(HttpApiEndpoint.post("bytes", "/bytes").addSuccess(HttpApiSchema.Uint8Array()))
  .add(
    HttpApiEndpoint.post("form", "/form").addSuccess(
      HttpApiSchema.withEncoding(Schema.Struct({ a: Schema.String }), { kind: "UrlParams" })
    )
  )
  .add(HttpApiEndpoint.post("small", "/small").addSuccess(Schema.Union(Small, Large)))
  .add(HttpApiEndpoint.post("large", "/large").addSuccess(Schema.Union(Small, Large)))
  .add(HttpApiEndpoint.post("raw", "/raw").addSuccess(Schema.String))
  .add(HttpApiEndpoint.post("odd", "/odd").addError(Odd))
  .add(HttpApiEndpoint.post("broken", "/broken").addSuccess(Schema.Struct({ id: Schema.NonNegative })))
  .addError(RequestTransaction.Failure)

const Things = HttpApi.make("api").add(things)

/** Each leaves a row with its number. */
const handlersOf = (handlers: HttpApiBuilder.Handlers.FromGroup<HttpApiDecodeError, never, typeof things>) => {
  const insert = (id: number) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.asVoid(Effect.orDie(sql`insert into things values (${id})`)))
  return handlers
    .handle("created", () => Effect.as(insert(1), { id: 1 }))
    .handle("nothing", () => insert(2))
    .handle("text", () => Effect.as(insert(3), "text"))
    .handle("bytes", () => Effect.as(insert(4), new Uint8Array([65, 66])))
    .handle("form", () => Effect.as(insert(5), { a: "b c" }))
    .handle("small", () => Effect.as(insert(6), new Small()))
    .handle("large", () => Effect.as(insert(7), new Large({ at: new Date(0) })))
    .handle("raw", () => Effect.as(insert(8), HttpServerResponse.text("raw", { status: 208 })))
    .handle("odd", () => Effect.zipRight(insert(9), new Odd()))
    .handle("broken", () => Effect.as(insert(10), { id: -5 }))
}

const inTransactions = HttpApiBuilder.group(
  Things,
  "things",
  (handlers) => handlersOf(handlers).pipe(RequestTransaction.handlers())
)

const plain = HttpApiBuilder.group(Things, "things", handlersOf)

const serve = (handlers: typeof plain, sql: SqlClient.SqlClient) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Layer.mergeAll(HttpApiBuilder.api(Things), HttpApiBuilder.Middleware.layer).pipe(
        Layer.provide(handlers),
        Layer.provideMerge(HttpApiBuilder.Router.Live),
        Layer.provideMerge(HttpServer.layerContext),
        Layer.provide(Layer.succeed(SqlClient.SqlClient, sql))
      )
    )
    const app = yield* Effect.provide(HttpApiBuilder.httpApp, context)
    return yield* servers["a web handler"](
      Effect.mapInputContext(app, (input: Context.Context<any>) => Context.merge(context, input)) as never
    )
  })

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("An HttpApi's transactions:", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => Effect.provide(run, Logger.remove(Logger.defaultLogger)))

  test(
    "its answers are what they were without; what cannot be encoded, and an error with a status of success, are undone",
    Effect.gen(function*() {
      const sql = Object.assign(yield* client({ maxSize: 1 }), { pools: [] })
      yield* sql`create table things (id int)`
      const without = yield* serve(plain, sql)
      const within = yield* serve(inTransactions, sql)
      const statuses: Array<number> = []
      for (const { path } of Object.values(things.endpoints)) {
        const expected = yield* ask(without, "POST", path)
        yield* sql`delete from things`
        expect(yield* ask(within, "POST", path)).toEqual(expected)
        statuses.push(expected.status)
        const kept = expected.status < 400 && path !== "/odd"
        expect([path, (yield* sql`select id from things`).length]).toEqual([path, kept ? 1 : 0])
      }
      expect(statuses).toEqual([201, 204, 200, 200, 200, 202, 203, 208, 200, 400])
      yield* rests({ ...sql, pools: [sql.pool] } as never)
    })
  )
})
