/**
 * A pool for each key, as a tenant, a host or a shard, under one maximum for all.
 *
 * Each key has its own connections and its own queue, as a `ConnectionPool` has, and at most `maxPerKey` connections; all keys together have at most
 * `maxTotal`. One transaction decides on both. Where all permits are spent and a key needs one, the connection ends that has been idle for longest, of
 * any key. Among keys that need one, the one with the fewest connections is next, and of equals the one that has waited the longest; a key whose
 * callers wait keeps its connections for a second, and then gives one up if this makes the shares more even. So one hot key cannot starve the rest, and
 * two busy ones do not open anew for each caller.
 *
 * A key costs memory, and neither a fiber nor a timer. One that has no connection and that nobody asks for is forgotten after `keyIdleTimeout`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Key, KeyedOptions, KeyedPool } from "./model/keyed.js"
import type { InvalidOptions } from "./PoolError.js"
import * as internal from "./request/keys/tag.js"

/**
 * @since 0.1.0
 */
export * from "./model/keyed.js"

export type {
  /**
   * What `Tag` gives.
   *
   * @since 0.1.0
   * @category models
   */
  TagClass
} from "./request/keys/tag.js"

/**
 * Makes a keyed pool that is closed with the Scope, as a plain one is. It opens nothing.
 *
 * Fails with `InvalidOptions`, which names every option that cannot be. The connectors' services, FiberRefs and Clock are those of the fiber that makes
 * the pool. What `connector` throws for a key is a defect of each caller that asks for this key.
 *
 * @example
 * import * as KeyedPool from "@cenote/core/KeyedPool"
 * import * as Effect from "effect/Effect"
 *
 * const connect = (tenant: string) =>
 *   Effect.acquireRelease(
 *     Effect.sync(() => ({ query: (sql: string) => Effect.succeed(`${tenant}: rows of ${sql}`) })),
 *     () => Effect.log("closed")
 *   )
 *
 * export const program = Effect.gen(function*() {
 *   const tenants = yield* KeyedPool.make({ connector: connect, maxPerKey: 5, maxTotal: 50 })
 *   return yield* tenants.use("acme", (connection) => connection.query("select 1"))
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <K extends Key, A, E, R>(
  options: KeyedOptions<K, A, E, R>
) => Effect.Effect<KeyedPool<K, A, E>, InvalidOptions, Exclude<R, Scope.Scope> | Scope.Scope> = internal.make

/**
 * A service that is a keyed pool: a Context.Tag whose static members are the pool's own operations and its layer.
 *
 * @example
 * import * as KeyedPool from "@cenote/core/KeyedPool"
 * import * as Effect from "effect/Effect"
 *
 * class Connection {
 *   constructor(readonly host: string) {}
 *   readonly ping = Effect.sync(() => `pong from ${this.host}`)
 * }
 *
 * class Hosts extends KeyedPool.Tag("app/Hosts")<Hosts, string, Connection>() {}
 *
 * export const program = Hosts.use("a.example", (connection) => connection.ping).pipe(
 *   Effect.provide(Hosts.layer({ connector: (host) => Effect.succeed(new Connection(host)), maxTotal: 200 }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag: <const Id extends string>(
  id: Id
) => <Self, K extends Key, A, E = never>() => internal.TagClass<Self, Id, K, A, E> = internal.Tag
