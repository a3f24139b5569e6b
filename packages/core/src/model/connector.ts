/**
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("@cenote/core/Connector")

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * How connections of one kind are opened, checked, reset and closed.
 *
 * `A` is the connection, `E` what opening it may fail with, and `R` the services that its steps need besides the Scope that
 * the pool gives to `open`. The pool takes `R` from where it is made, never from a caller.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connector<in out A, out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: TypeId
  /** What the connections are called in errors, events and spans. No secrets. */
  readonly name: string
  /**
   * Opens a connection. Its finalizers, added to the Scope, close it. They run once, whatever happens to the connection.
   * A failed opening closes what it had opened so far, and is bounded by the pool's `connectTimeout`.
   */
  readonly open: Effect.Effect<A, E, R | Scope.Scope>
  /**
   * Asks the other side whether the connection still works, before one that was idle for longer than `checkAfterIdle` is
   * handed out. Any failure means that it does not; the value is ignored. Bounded by `checkTimeout`. Without it, idle
   * connections are handed out as they are.
   */
  readonly check?: ((connection: A) => Effect.Effect<unknown, unknown, R>) | undefined
  /**
   * Keeps an idle connection from being cut off by what stands between it and the server. Sent every `keepalive`, to one
   * connection at a time. Default: `check`. A failure discards the connection.
   */
  readonly ping?: ((connection: A) => Effect.Effect<unknown, unknown, R>) | undefined
  /**
   * Brings a returned connection back to the state of a new one: waits for a cancelled answer to settle, rolls back what
   * was left open. Runs on the pool's fiber, so that a release never waits for it. A failure discards the connection.
   * Bounded by `resetTimeout`.
   */
  readonly reset?: ((connection: A) => Effect.Effect<unknown, unknown, R>) | undefined
  /**
   * Tells, without I/O, whether a returned connection has anything to reset. `false` sends it straight on. Default: always
   * `true` where there is a `reset`. One that throws discards the connection.
   */
  readonly needsReset?: ((connection: A) => boolean) | undefined
  /**
   * Tells, without I/O, whether a connection is beyond use. Asked when a connection comes back. One that throws counts as
   * broken.
   */
  readonly isBroken?: ((connection: A) => boolean) | undefined
  /**
   * Registers a listener for the death of the connection, once, right after it was opened. The connector calls `lost` when
   * the connection dies, at most once, at once if it is dead already. An idle connection is then discarded when it dies, not
   * when the next user finds out; one in use is discarded when it comes back.
   */
  readonly onLost?: ((connection: A, lost: (reason: unknown) => void) => void) | undefined
  /**
   * Registers a listener for errors that say more of the server than of the connection, once, right after it was opened: the server
   * shuts down, fails over, or turned read-only. Each time the connector calls `critical`, every idle connection is suspected, and
   * checked before it is handed out (as Npgsql does; where there is no `check`, nothing changes). The connection itself is not
   * closed for it: `isBroken` and `onLost` say that.
   */
  readonly onCritical?: ((connection: A, critical: () => void) => void) | undefined
  /**
   * Kills the connection without goodbye and without waiting: destroys the socket. Called when a close does not end within
   * `closeTimeout`, when the pool's own close reaches its deadline, and to end a lease from outside (`maxLease`, `clear`). What it throws is ignored. The connection's
   * finalizers run (or still run) besides it.
   */
  readonly abort?: ((connection: A) => void) | undefined
}

/**
 * What `make` takes: the steps of a Connector.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A, E, R, RCheck, RPing, RReset>
  extends Pick<Connector<A>, "needsReset" | "isBroken" | "onLost" | "onCritical" | "abort">
{
  /** Default: "connection". */
  readonly name?: string | undefined
  readonly open: Effect.Effect<A, E, R>
  readonly check?: ((connection: A) => Effect.Effect<unknown, unknown, RCheck>) | undefined
  readonly ping?: ((connection: A) => Effect.Effect<unknown, unknown, RPing>) | undefined
  readonly reset?: ((connection: A) => Effect.Effect<unknown, unknown, RReset>) | undefined
}

/**
 * What a pool can be made of: a Connector, or a plain scoped Effect that opens a connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<A, E, R> = Connector<A, E, R> | Effect.Effect<A, E, R>

const Prototype = {
  [TypeId]: TypeId,
  pipe() {
    return pipeArguments(this, arguments)
  }
}

/**
 * Makes a connector of its steps.
 *
 * @example
 * import * as Connector from "@cenote/core/Connector"
 * import * as Effect from "effect/Effect"
 *
 * class Socket {
 *   open = true
 *   send = (line: string) => Effect.succeed(`echo ${line}`)
 * }
 *
 * const open = Effect.acquireRelease(
 *   Effect.sync(() => new Socket()),
 *   (socket) => Effect.sync(() => { socket.open = false })
 * )
 *
 * export const sockets = Connector.make({
 *   name: "echo",
 *   open,
 *   check: (socket) => socket.send("ping"),
 *   isBroken: (socket) => !socket.open
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E, R, RCheck = never, RPing = never, RReset = never>(
  options: Options<A, E, R, RCheck, RPing, RReset>
): Connector<A, E, Exclude<R, Scope.Scope> | RCheck | RPing | RReset> =>
  Object.assign(Object.create(Prototype), options, { name: options.name ?? "connection" })

/**
 * @since 0.1.0
 * @category guards
 */
export const isConnector = (u: unknown): u is Connector<unknown, unknown, unknown> => hasProperty(u, TypeId)

/**
 * A connector as it is, or a plain scoped Effect as a connector that only opens.
 *
 * @since 0.1.0
 * @category constructors
 */
export const from: {
  <A, E, R>(source: Connector<A, E, R>): Connector<A, E, R>
  <A, E, R>(source: Effect.Effect<A, E, R>): Connector<A, E, Exclude<R, Scope.Scope>>
} = <A, E, R>(source: Connector<A, E, R> | Effect.Effect<A, E, R>): Connector<A, E, any> =>
  Effect.isEffect(source) ? make({ open: source }) : source
