/**
 * The pool of a tag, for tests: over a fake server, whose controls are a service, too. What is tested is the user's service with the real
 * pool: its timeouts, its queue, its back-off.
 *
 * @example
 * import * as ConnectionPool from "@cenote/core/ConnectionPool"
 * import { Outage, TestPool } from "@cenote/core/testing"
 * import * as Data from "effect/Data"
 * import * as Effect from "effect/Effect"
 *
 * class DbError extends Data.TaggedError("DbError")<{ readonly reason: string }> {}
 *
 * interface Connection {
 *   readonly query: (sql: string) => Effect.Effect<ReadonlyArray<string>, DbError>
 * }
 *
 * class Db extends ConnectionPool.Tag("app/Db")<Db, Connection, DbError>() {}
 *
 * // A query is a call to the fake server.
 * const DbTest = TestPool.layer(Db, {
 *   connect: (fake) => ({
 *     query: (sql) => Effect.mapBoth(fake.call, {
 *       onFailure: ({ reason }) => new DbError({ reason }),
 *       onSuccess: () => [`rows of ${sql}`]
 *     })
 *   }),
 *   fail: ({ reason }) => new DbError({ reason }),
 *   maxSize: 2
 * })
 *
 * export const program = Effect.gen(function*() {
 *   const server = yield* TestPool.fake(Db)
 *   yield* server.outage("10 seconds", Outage.refuse)
 *   return yield* Effect.flip(Db.use((connection) => connection.query("select 1")))
 * }).pipe(Effect.provide(DbTest))
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ConnectionPool from "../ConnectionPool.js"
import * as Connector from "../Connector.js"
import type { InvalidOptions } from "../PoolError.js"
import type * as PoolOptions from "../PoolOptions.js"
import * as FakeConnector from "./FakeConnector.js"

/**
 * Identifies the fake server of a tag's pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fake<in out Self> {
  readonly _: unique symbol
  readonly Self: (self: Self) => Self
}

/**
 * What `layer` takes besides the options of the pool. `connect` and `fail` may be left out where the tag's connection and error are those
 * of the fake themselves.
 *
 * @since 0.1.0
 * @category models
 */
export type Options<A, E> =
  & PoolOptions.Tuning
  & {
    /** Which steps the fake's connector has. Default: all. */
    readonly server?: FakeConnector.FakeOptions | undefined
    /** Tells the server what to do before the pool asks it for anything. */
    readonly prepare?: ((fake: FakeConnector.FakeConnector) => Effect.Effect<void>) | undefined
  }
  & ([FakeConnector.FakeConnection] extends [A] ? { readonly connect?: Connect<A> | undefined }
    : { readonly connect: Connect<A> })
  & ([FakeConnector.FakeError] extends [E] ? { readonly fail?: Fail<E> | undefined } : { readonly fail: Fail<E> })

/**
 * Makes the user's connection of a fake one. Each must be a value of its own.
 *
 * @since 0.1.0
 * @category models
 */
export type Connect<A> = (fake: FakeConnector.FakeConnection) => A

/**
 * Makes the user's error of the fake's.
 *
 * @since 0.1.0
 * @category models
 */
export type Fail<E> = (error: FakeConnector.FakeError) => E

/**
 * The fake server of a tag's pool, as `layer` gives it.
 *
 * @since 0.1.0
 * @category services
 */
export const fake = <Self, A, E>(
  tag: Context.Tag<Self, ConnectionPool.ConnectionPool<A, E>>
): Context.Tag<Fake<Self>, FakeConnector.FakeConnector> => Context.GenericTag(`${tag.key}/FakeConnector`)

/** The fake's connector, with other connections: each step finds the one that is meant. */
const mapped = <A, E>(
  name: string,
  { connector }: FakeConnector.FakeConnector,
  connect: Connect<A>,
  fail: Fail<E>
): Connector.Connector<A, E> => {
  const fakes = new Map<A, FakeConnector.FakeConnection>()
  const of = (connection: A): FakeConnector.FakeConnection => fakes.get(connection)!
  const open = Effect.flatMap(connector.open, (fake) => {
    const connection = connect(fake)
    if (fakes.has(connection)) return Effect.dieMessage("TestPool: connect gave two connections the same value")
    fakes.set(connection, fake)
    return Effect.succeed(connection)
  })
  const step = <R>(run: ((fake: FakeConnector.FakeConnection) => R) | undefined) =>
    run === undefined ? undefined : (connection: A) => run(of(connection))
  return Connector.make({
    ...connector,
    name,
    open: Effect.mapError(open, fail),
    check: step(connector.check),
    ping: step(connector.ping),
    reset: step(connector.reset),
    needsReset: step(connector.needsReset),
    isBroken: step(connector.isBroken),
    onLost: connector.onLost && ((connection, lost) => connector.onLost!(of(connection), lost)),
    onCritical: connector.onCritical && ((connection, critical) => connector.onCritical!(of(connection), critical)),
    abort: step(connector.abort)
  })
}

/** Where the types let these be left out, the fake's own connection and error are the tag's. */
const itself = (value: any) => value

/**
 * The pool of a tag over a fake server, and the server as the service `fake(tag)`.
 *
 * The options are those of the pool, with two other defaults. It is called by the tag's key. Its `shutdownTimeout` is 0: a test that fails
 * while its fibers hold connections ends, though nobody is there any more who could let time pass. To test a shutdown, say another one.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self, Id extends string, A, E, const S extends ConnectionPool.Startup | undefined = "lazy">(
  tag: ConnectionPool.TagClass<Self, Id, A, E>,
  options: Options<A, E> & { readonly startup?: S }
): Layer.Layer<Self | Fake<Self>, InvalidOptions | ConnectionPool.StartupError<S, E>> =>
  Layer.scopedContext(Effect.gen(function*() {
    const { connect = itself, fail = itself, prepare, server, ...tuning } = options
    const controls = yield* FakeConnector.make(server)
    if (prepare !== undefined) yield* prepare(controls)
    const connector = mapped<A, E>(tag.key, controls, connect, fail)
    const pool = yield* ConnectionPool.make<A, E, never, S>({
      shutdownTimeout: 0,
      ...tuning as PoolOptions.Tuning & { readonly startup?: S },
      connector
    })
    return Context.make(tag, pool).pipe(Context.add(fake(tag), controls))
  }))
