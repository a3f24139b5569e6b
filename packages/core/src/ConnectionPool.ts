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
import type { STM } from "effect/STM"
import type { ClaimOwner, ConnectionPool, Connections, OpenErrors, Pools, Startup, StartupError } from "./model/pool.js"
import type { AcquireError, InvalidOptions } from "./PoolError.js"
import type { LeaseOptions, Options } from "./PoolOptions.js"
import * as claims from "./request/claims.js"
import * as internal from "./request/tag.js"
import * as together from "./request/together.js"

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
   * What `health` gives.
   *
   * @since 0.1.0
   * @category models
   */
  PoolHealth
} from "./PoolHealth.js"

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
 * A connection of each of several pools until the Scope closes: all at once, or none. The same pool may be named several times.
 *
 * One transaction takes them all, so nobody holds one while it waits for another: callers that name the same pools in any order never deadlock. Who
 * cannot be served at once waits in the queue of each pool. Others that came later are served meanwhile, until 20 have come; then what comes
 * back is held for it, unless another of its pools has nothing open: one pool's outage freezes no other. What it gets is idle and needs no check; where
 * connections are shared, nobody else is on it.
 *
 * Waits for each pool's `acquireTimeout`, or that of the options. Fails as one of the pools would, with nothing taken; with `PoolRefused`
 * (`BeyondCapacity`) at once where a pool is named more often than its `maxSize`. Interrupting it costs nobody a connection or a place.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as Effect from "effect/Effect"
 *
 * interface Connection {
 *   readonly query: (sql: string) => Effect.Effect<string>
 * }
 *
 * export const copy = (from: ConnectionPool.ConnectionPool<Connection>, to: ConnectionPool.ConnectionPool<Connection>) =>
 *   Effect.scoped(
 *     Effect.flatMap(ConnectionPool.all({ from, to }), ({ from, to }) => Effect.flatMap(from.query("read"), to.query))
 *   )
 *
 * @since 0.1.0
 * @category combinators
 */
export const all: <const P extends Pools>(
  pools: P,
  options?: LeaseOptions | undefined
) => Effect.Effect<Connections<P>, OpenErrors<P> | AcquireError, Scope.Scope> = together.all

/**
 * As `all`, for as long as `f` runs: the connections go back when it has ended, however it did.
 *
 * @since 0.1.0
 * @category combinators
 */
export const useAll: <const P extends Pools, B, E2, R2>(
  pools: P,
  f: (connections: Connections<P>) => Effect.Effect<B, E2, R2>,
  options?: LeaseOptions | undefined
) => Effect.Effect<B, OpenErrors<P> | E2 | AcquireError, R2> = together.useAll

/**
 * Commits a transaction of your own that takes connections with `tryTake`, from any pools, beside whatever else it does with TRefs; runs `f`
 * with its value; and gives the connections back when `f` has ended, however it did.
 *
 * The transaction is all or nothing: if it fails or retries, nothing was taken. Where it retries it waits until something that it has read
 * changes, without a deadline and without a place in any queue: put an `Effect.timeout` around it, or let it fail and ask with `use`.
 * Interrupting it ends the wait, or `f`, at once, and costs nobody a connection.
 *
 * Fails as the transaction or `f` does. The transaction may be run several times: it must do nothing but STM.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as STM from "effect/STM"
 * import * as TRef from "effect/TRef"
 *
 * interface Connection {
 *   readonly query: (sql: string) => Effect.Effect<string>
 * }
 *
 * // From the replica while there is budget for it, else from the primary.
 * const taken = (
 *   replica: ConnectionPool.ConnectionPool<Connection>,
 *   primary: ConnectionPool.ConnectionPool<Connection>,
 *   budget: TRef.TRef<number>
 * ) =>
 *   STM.gen(function*() {
 *     const left = yield* TRef.get(budget)
 *     const connection = yield* (left > 0 ? replica : primary).tryTake()
 *     if (Option.isNone(connection)) return yield* STM.fail("busy" as const)
 *     if (left > 0) yield* TRef.set(budget, left - 1)
 *     return connection.value
 *   })
 *
 * export const read = (...pools: Parameters<typeof taken>) =>
 *   ConnectionPool.useSTM(taken(...pools), (connection) => connection.query("select 1"))
 *
 * @since 0.1.0
 * @category combinators
 */
export const useSTM: <T, E, R, B, E2, R2>(
  stm: STM<T, E, R>,
  f: (taken: T) => Effect.Effect<B, E2, R2>
) => Effect.Effect<B, E | E2, Exclude<R, ClaimOwner> | R2> = claims.useSTM

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
