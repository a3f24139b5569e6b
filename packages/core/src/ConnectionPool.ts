/**
 * A connection pool for Effect.
 *
 * A connection is a Scope-managed Effect. One STM allocator decides who may hold one: everything that waits, counts or hands
 * over is in it and in no other place, so there is nothing to deadlock with. What a caller does is one of
 *
 * - `pool.use(f)`: a connection for as long as `f` runs;
 * - `pool.get`: a connection until the Scope closes;
 * - `pool.lease()`: the same, with a handle that knows its id and age, and can invalidate it.
 *
 * An idle connection is handed out at once. Else the caller waits, in order of arrival, for whichever comes first: a
 * connection that somebody gives back, or one that the pool opens. Giving back never waits. An interruption or a timeout, at
 * any moment, costs nobody a connection or a place.
 *
 * What it refuses to do: retry what a caller does with a connection, hand out one that is past its lifetime or was idle for
 * long without a check, or serve a failure of the past.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConnectionPool, Startup, StartupError } from "./model/pool.js"
import type { InvalidOptions } from "./PoolError.js"
import type { Options } from "./PoolOptions.js"
import * as internal from "./request/tag.js"

/**
 * @since 0.1.0
 */
export * from "./model/pool.js"

// A user who emits declarations must be able to name what a pool's members give. The compiler finds a name where this module
// leads to the public module that has it.
export type {
  /**
   * What `events` emits.
   *
   * @since 0.1.0
   * @category models
   */
  PoolEvent
} from "./PoolEvent.js"

export type {
  /**
   * What `stats` gives.
   *
   * @since 0.1.0
   * @category models
   */
  PoolStats
} from "./PoolStats.js"

export type {
  /**
   * What `layerConfig` takes.
   *
   * @since 0.1.0
   * @category models
   */
  ConfigOptions,
  /**
   * What `Tag` gives.
   *
   * @since 0.1.0
   * @category models
   */
  TagClass
} from "./request/tag.js"

/**
 * Makes a pool that is closed with the Scope. Closing it refuses newcomers and waiters (`PoolClosed`), closes what is idle,
 * waits for what is leased, and aborts what is out still when `shutdownTimeout` is over.
 *
 * Fails with `InvalidOptions`, which names every option that cannot be; where `startup` is `"probe"` or `"fill"`, also as the
 * first failed opening does. The connector's services, FiberRefs and Clock are those of the fiber that makes the pool.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as Effect from "effect/Effect"
 *
 * const open = Effect.acquireRelease(
 *   Effect.sync(() => ({ query: (sql: string) => Effect.succeed(`rows of ${sql}`) })),
 *   () => Effect.log("closed")
 * )
 *
 * export const program = Effect.gen(function*() {
 *   const pool = yield* ConnectionPool.make({ connector: open, maxSize: 10 })
 *   return yield* pool.use((connection) => connection.query("select 1"))
 * }).pipe(Effect.scoped)
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <A, E, R, const S extends Startup | undefined = "lazy">(
  options: Options<A, E, R> & { readonly startup?: S }
) => Effect.Effect<
  ConnectionPool<A, E>,
  InvalidOptions | StartupError<S, E>,
  Exclude<R, Scope.Scope> | Scope.Scope
> = internal.make

/**
 * A service that is a pool: a Context.Tag whose static members are the pool's own operations and its layers.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as Effect from "effect/Effect"
 *
 * class Connection {
 *   readonly ping = Effect.succeed("pong")
 * }
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, Connection>() {}
 *
 * export const program = Db.use((connection) => connection.ping).pipe(
 *   Effect.provide(Db.layer({ connector: Effect.succeed(new Connection()), maxSize: 10 }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const Tag: <const Id extends string>(
  id: Id
) => <Self, A, E = never>() => internal.TagClass<Self, Id, A, E> = internal.Tag
