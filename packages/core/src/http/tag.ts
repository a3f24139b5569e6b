/** The tag of a request's connection, with what provides it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { AcquireOptions } from "../model/options.js"
import type { ConnectionPool } from "../model/pool.js"
import { begin, Connection } from "./connection.js"
import { RequestEnded, Unavailable } from "./errors.js"
import type { RequestConnection, TagClass } from "./model.js"
import * as provider from "./provider.js"

const failure = Schema.Union(Unavailable, RequestEnded)

/** A tag for the connection that a request has of a pool. */
export const Tag = <const Id extends string>(id: Id) =>
<Self>() =>
<Pool, A, E>(
  pool: Context.Tag<Pool, ConnectionPool<A, E>>,
  options?: AcquireOptions | undefined
): TagClass<Self, Id, Pool, A> => {
  const tag = Context.Tag(id)<Self, RequestConnection<A>>()
  const provided = provider.make({
    tag,
    begin: (request) => Effect.map(pool, (pool) => begin(id, pool, options, request)),
    failure
  })
  return Object.assign(tag, provided, {
    use: <B, E, R>(f: (connection: A) => Effect.Effect<B, E, R>) =>
      Effect.flatMap(tag, (connection) => connection.use(f)),
    stream: <B, E, R>(f: (connection: A) => Stream.Stream<B, E, R>) =>
      Stream.unwrap(Effect.map(tag, (connection) => connection.stream(f))),
    keepThroughBody: <B, E, R>(handler: Effect.Effect<B, E, R>) =>
      Effect.zipRight(Effect.flatMap(tag, (connection) => connection.keep), handler),
    provide: <B, E, R>(work: Effect.Effect<B, E, R>) =>
      Effect.flatMap(pool, (pool) => {
        const connection = new Connection<A>(id, pool, options, false)
        return Effect.ensuring(Effect.provideService(work, tag, connection), connection.end)
      })
  })
}
