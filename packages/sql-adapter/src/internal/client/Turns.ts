import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import * as Pool from "@cenote/core/ConnectionPool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"

interface Level<A> {
  readonly pool: ConnectionPool<A>
  /** Closed with the connection's at the latest. */
  readonly scope: Scope.CloseableScope
}

/**
 * Who may use a connection that several fibers have: a pool of one, for a transaction and each level of nesting. Whoever nests has the
 * turn of the level above for as long as it lasts, so there is one transaction at a level at any time, and a level's pool can serve
 * one after the other.
 */
export class Turns<A> {
  private readonly levels: Array<Level<A>> = []

  constructor(
    private readonly connection: A,
    private readonly scope: Scope.Scope,
    /** Of the opening: a pool lives longer than the fiber that needs it first, and keeps nothing of it. */
    private readonly runtime: Runtime.Runtime<never>
  ) {}

  /** Asked for by whoever has the lease (level 0) or the turn of the level above, so by one at a time. */
  at(level: number): Effect.Effect<ConnectionPool<A>> {
    const known = this.levels[level]
    return known === undefined ? this.make(level) : Effect.succeed(known.pool)
  }

  /**
   * Whoever has a turn from this level on has it for nothing from now on, and who waits for one is refused. Who asks next gets a turn
   * of those that are made anew.
   */
  renew(level: number): void {
    for (const { scope } of this.levels.splice(level)) this.run(Scope.close(scope, Exit.void))
  }

  /** Starts at once, and belongs to nobody who asks for it. */
  run<B>(effect: Effect.Effect<B>): Fiber.RuntimeFiber<B> {
    return Runtime.runFork(this.runtime)(effect)
  }

  private make(level: number): Effect.Effect<ConnectionPool<A>> {
    const pool = Effect.flatMap(
      Scope.fork(this.scope, ExecutionStrategy.sequential),
      (scope) => Effect.map(Scope.extend(this.open(level), scope), (pool) => ({ pool, scope }))
    )
    return Effect.sync(() => this.run(Effect.interruptible(pool))).pipe(
      // Not join: that would bring the context of the opening, and its Scope, to whoever waits here.
      Effect.flatMap(Fiber.await),
      Effect.flatten,
      Effect.map((made) => {
        this.levels[level] = made
        return made.pool
      }),
      Effect.uninterruptible
    )
  }

  private open(level: number): Effect.Effect<ConnectionPool<A>, never, Scope.Scope> {
    return Effect.orDie(Pool.make({
      name: `turns of a connection, level ${level}`,
      connector: Effect.succeed(this.connection),
      maxSize: 1,
      acquireTimeout: Duration.infinity,
      idleTimeout: Duration.infinity,
      maxLifetime: Duration.infinity,
      shutdownTimeout: Duration.zero
    }))
  }
}

/** The turns of each open connection, from its opening on. */
export class TurnsOf<A extends object> {
  private readonly all = new WeakMap<A, Turns<A>>()

  /** Turns end with the connection. */
  readonly opened = <E, R>(open: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
    Effect.tap(open, (connection) =>
      Effect.zipWith(Effect.scope, Effect.runtime<never>(), (scope, runtime) => {
        this.all.set(connection, new Turns(connection, scope, runtime))
      }))

  of(connection: A): Turns<A> {
    const turns = this.all.get(connection)
    if (turns === undefined) throw new Error("Bug in Cenote: a connection that no connector of this client opened")
    return turns
  }
}
