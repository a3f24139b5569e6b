/**
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type * as Connector from "./connector.js"

/**
 * The classes of callers. Those of a class are served in order of arrival.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "high" | "normal" | "low"

/**
 * When a pool sheds load: CoDel ("Controlled Delay", K. Nichols and V. Jacobson, 2012) on the queue.
 *
 * @since 0.1.0
 * @category models
 */
export interface Overload {
  /**
   * The longest wait that is taken as usual. Too small: short crowds are shed. Too large: callers wait for long while the pool is
   * overloaded. Must be above 0. Default: 50 ms (as in Elixir's db_connection).
   */
  readonly target?: Duration.DurationInput | undefined
  /**
   * How long waits must have been above the target without a break before callers are shed. Too small: short crowds are shed. Too
   * large: the queue has grown long by then. Must be above 0. Default: 1 second (db_connection takes 2).
   */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * How a pool behaves. Durations are `DurationInput`: `"30 seconds"`, a number of milliseconds, or a `Duration`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tuning {
  /** What the pool is called in errors, events and spans. Default: the connector's name. */
  readonly name?: string | undefined
  /**
   * The most connections that are opening, open or closing at one time. Too small: callers queue. Too large: the server
   * does the queueing, and is slower for it. Default: 10.
   */
  readonly maxSize?: number | undefined
  /**
   * How many connections are kept open even when nobody uses them. Too small: after a quiet time the first callers wait
   * for a connect. Too large: sessions that the server holds for nothing. Default: 0.
   */
  readonly minSize?: number | undefined
  /**
   * How many connections are kept idle for a burst, within `maxSize`: as soon as fewer are, others are opened, after those for
   * callers that wait. Too small: a burst waits for connects. Too large: as `minSize`. Default: 0.
   */
  readonly minIdle?: number | undefined
  /**
   * How long a caller waits before it gets an `AcquireTimeout`; each call can say its own. 0 tries once: it fails unless a
   * connection is ready, and starts opening one where that is allowed. Too small: a moment's crowd becomes errors. Too
   * large: callers wait for what their own callers have given up on. Default: 30 seconds.
   */
  readonly acquireTimeout?: Duration.DurationInput | undefined
  /**
   * How many callers may wait at one time for what others hold; the next is refused with `PoolRefused`. Those for whom there is
   * a permit, so that a connection is opened or checked for them, do not count: with 0, a caller is refused only when all of
   * `maxSize` are busy. Too small: a moment's crowd becomes errors. Unbounded, a queue can grow until all in it time out.
   * Default: `Infinity`.
   */
  readonly maxWaiters?: number | undefined
  /**
   * Sheds callers while the pool is overloaded, so that those it serves wait about `target`: when waits have been above it for
   * `interval`, whoever has waited that long gets `PoolRefused` with `Overloaded`, and a newcomer whose deadline is too short by the
   * measured rate of returns, `DeadlineTooShort`. `true`: with the defaults. Default: off, and then callers wait for their timeout.
   */
  readonly overload?: Overload | boolean | undefined
  /**
   * By how much a caller of a class goes before those of the class below: `high` before who came up to this time earlier as `normal`,
   * and so on, so nobody waits for ever. Too small: priorities mean little. Too large: low ones time out. Default: 5 seconds.
   */
  readonly ageing?: Duration.DurationInput | undefined
  /**
   * How many connections may be opening at one time. Too small: a cold pool fills slowly. Too large: a server that has just
   * come back meets a storm. Default: 2 (as in MongoDB's connection pool specification).
   */
  readonly maxConnecting?: number | undefined
  /**
   * Bounds one opening, its retries included. Too small: a server under load looks dead. Too large: a hung connect holds a
   * permit for that long. Must be above 0. Default: 15 seconds.
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * What waiters do while nothing is open and openings fail. `"fail"`: each failed opening's error goes to every caller
   * that was waiting when it began. `"wait"`: they wait for their own deadline. Default: `"fail"`.
   */
  readonly whenDown?: "fail" | "wait" | undefined
  /**
   * Tries again inside one opening, within `connectTimeout`. Besides it, the pool backs off between failed openings: 100 ms,
   * doubled, jittered, 5 s at most. Default: none.
   */
  readonly connectRetry?: Schedule.Schedule<unknown, any> | undefined
  /**
   * A connection idle for this long is closed, down to `minSize` and `minIdle`, and to as many as were in use at once in two of
   * the last four minutes, because the next minute may need them too. Too small: reconnects after each pause. Too large:
   * sessions that nobody needs. Must be above 0. Default: 10 minutes.
   */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /**
   * No connection is handed out that is older than this. Too small: constant reconnecting. Too large: connections outlive
   * what load balancers and credentials allow. Must be above 0. Default: 30 minutes (as HikariCP).
   */
  readonly maxLifetime?: Duration.DurationInput | undefined
  /**
   * Spreads retirement over the last part of `maxLifetime`, so that connections opened together do not end together. A
   * share from 0 to 1. 0: they do end together. 1: some are retired young. Default: 0.25 (as HikariCP).
   */
  readonly lifetimeJitter?: number | undefined
  /** A connection is closed after this many uses. 1: never reused. Default: `Infinity`. */
  readonly maxUses?: number | undefined
  /**
   * How many leases one connection may have at a time, for what can do several things at once: HTTP/2, Redis, a pipelined driver. A
   * caller goes to an idle connection, else to the least loaded one, and until there are `maxSize` more are opened. One that
   * needs a connection for itself asks with `exclusive`. Too small: callers queue. Too large: they wait for each other inside of
   * the connection, where nobody sees it. Default: 1.
   */
  readonly concurrency?: number | undefined
  /**
   * A connection that was idle for longer than this is checked before it is handed out. 0 checks each time. Too large: a
   * caller may meet a connection that died meanwhile. Default: 1 second (HikariCP's bypass is 500 ms).
   */
  readonly checkAfterIdle?: Duration.DurationInput | undefined
  /**
   * How long an idle connection goes without a ping; one is pinged at a time. `Duration.infinity` switches it off, and so
   * does a connector with neither `ping` nor `check`. Must be above 0. Default: 2 minutes (as HikariCP).
   */
  readonly keepalive?: Duration.DurationInput | undefined
  /**
   * A lease older than this is aborted, where the connector can: the holder's next call on the connection fails. Not one that said
   * that it is `long`. Too small: cuts off work. Must be above 0. Default: `Duration.infinity`, off.
   */
  readonly maxLease?: Duration.DurationInput | undefined
  /**
   * A lease older than this is reported, as an event and a warning in the log that say who holds it; and once more when it comes back.
   * Not one that said that it is `long`. Too small: noise. Must be above 0. Default: `Duration.infinity`, off.
   */
  readonly leakThreshold?: Duration.DurationInput | undefined
  /** Keeps the stack of each caller, to be told where a lease that is reported was asked for. Costs several µs a call. Default: false. */
  readonly leakTracing?: boolean | undefined
  /** Bounds a check and a ping. Too small: a slow moment closes good connections. Must be above 0. Default: 1 second. */
  readonly checkTimeout?: Duration.DurationInput | undefined
  /** Bounds a reset; then the connection is closed. Must be above 0. Default: 5 seconds. */
  readonly resetTimeout?: Duration.DurationInput | undefined
  /**
   * Bounds a close; then the connection is aborted and its permit is free. A close waits for an opening that ignores its interruption, as
   * that may have a session on the server already. Must be above 0. Default: 5 seconds.
   */
  readonly closeTimeout?: Duration.DurationInput | undefined
  /**
   * Which idle connection is handed out first. `"lifo"`, the last to come back, lets surplus ones go idle and be closed.
   * `"fifo"` uses all in turn. Default: `"lifo"`.
   */
  readonly order?: "lifo" | "fifo" | undefined
  /**
   * What `make` waits for. `"lazy"`: nothing. `"probe"`: one connection was opened. `"fill"`: `minSize` were. The last two
   * fail with the connector's error when an opening fails. Default: `"lazy"`.
   */
  readonly startup?: "lazy" | "probe" | "fill" | undefined
  /**
   * Bounds the closing of the pool. Leases that are out still are aborted when it is over. Too small: work in flight is cut
   * off. Too large: the orchestrator kills the process first. Default: 20 seconds.
   */
  readonly shutdownTimeout?: Duration.DurationInput | undefined
}

/**
 * What a pool is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A, E, R> extends Tuning {
  /** How connections are opened: a `Connector`, or a scoped Effect. Required. */
  readonly connector: Connector.Source<A, E, R>
}

/**
 * What one call can say for itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface AcquireOptions {
  /** How long this caller waits. 0 tries once. Default: the pool's `acquireTimeout`. */
  readonly acquireTimeout?: Duration.DurationInput | undefined
  /** Its class: see `ageing`. Default: "normal". */
  readonly priority?: Priority | undefined
  /**
   * Where `concurrency` is above 1: it gets a connection that nobody else has, and nobody else gets it meanwhile. It waits for one to be
   * empty; who comes later does not go to the least loaded one, and, once 20 × `concurrency` have come, to none. Default: false.
   */
  readonly exclusive?: boolean | undefined
}

/**
 * What one lease can say for itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeaseOptions extends AcquireOptions {
  /** It is meant to last: `maxLease` and `leakThreshold` do not hold for it. Default: false. */
  readonly long?: boolean | undefined
}

/**
 * What one claim of a user's own transaction can say for itself: it does not wait.
 *
 * @since 0.1.0
 * @category models
 */
export type ClaimOptions = Pick<LeaseOptions, "exclusive" | "long">

/**
 * What `resize` changes. What is left out stays.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolSizes {
  readonly maxSize?: number | undefined
  readonly minSize?: number | undefined
  readonly minIdle?: number | undefined
}

/**
 * The defaults, in one place.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults = {
  maxSize: 10,
  minSize: 0,
  minIdle: 0,
  acquireTimeout: "30 seconds",
  maxWaiters: Infinity,
  overload: false,
  ageing: "5 seconds",
  maxConnecting: 2,
  connectTimeout: "15 seconds",
  whenDown: "fail",
  idleTimeout: "10 minutes",
  maxLifetime: "30 minutes",
  lifetimeJitter: 0.25,
  maxUses: Infinity,
  concurrency: 1,
  checkAfterIdle: "1 second",
  keepalive: "2 minutes",
  maxLease: Infinity,
  leakThreshold: Infinity,
  leakTracing: false,
  checkTimeout: "1 second",
  resetTimeout: "5 seconds",
  closeTimeout: "5 seconds",
  order: "lifo",
  startup: "lazy",
  shutdownTimeout: "20 seconds"
} as const satisfies Tuning
