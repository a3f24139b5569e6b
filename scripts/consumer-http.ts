// As consumer.ts, from the entry point of requests only.
import type * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as RequestConnection from "@cenote/core/RequestConnection"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

declare const Db: Context.TagClass<"Db", "app/Db", ConnectionPool.ConnectionPool<{ readonly ping: string }, Error>>

export class RequestDb extends RequestConnection.Tag("app/RequestDb")<RequestDb>()(Db) {}

export class Api extends HttpApi.make("app").add(
  HttpApiGroup.make("group").add(HttpApiEndpoint.get("ping", "/").middleware(RequestDb.Api)).middleware(RequestDb.Api)
) {}

export const { layerApi, layerRouter, middleware, provide, stream, use } = RequestDb
export const ApiTag = RequestDb.Api
export const answer = RequestDb.use((connection) => Effect.succeed(connection.ping))
export const kept = RequestDb.keepThroughBody(answer)
export const service = Effect.map(RequestDb, (connection) => connection)
