import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Dialect } from "./dialect.js"
import { noTurn, toSqlError, transactionEnded } from "./failure.js"
import { transformed, transformedStream } from "./transform.js"
import type { TransformRows } from "./transform.js"
import type { Turns } from "./Turns.js"

/** Who has the turn for longer than a statement. */
type Holder =
  | { readonly _tag: "Nested"; readonly bound: Bound<any, any> }
  | { readonly _tag: "Stream"; readonly scope: Scope.CloseableScope }

type Pull = Effect.Effect<Chunk.Chunk<any>, Option.Option<SqlError>>

/** A connection that somebody has for longer than a statement: a transaction, a savepoint, a reservation. */
export class Bound<A, E> implements Connection {
  private hasEnded = false
  private holder: Holder | undefined
  /** For statements: none gets through once this has ended. */
  private readonly guarded: A

  constructor(
    readonly dialect: Dialect<A, E>,
    readonly connection: A,
    readonly level: number,
    readonly turns: ConnectionPool<A>,
    private readonly allTurns: Turns<A>,
    /** Says that the connection is of no more use. */
    readonly discard: Effect.Effect<void>
  ) {
    this.guarded = dialect.within(connection, () => this.hasEnded)
  }

  get isEnded(): boolean {
    return this.hasEnded
  }

  isOutside(): boolean {
    return false
  }

  /**
   * From now on its statements fail, also those that wait for their turn, and whoever outlives it has nothing of it any more: a nested
   * transaction ends with it, and a stream that somebody reads is closed. Otherwise a stream would keep COMMIT from running, and either
   * would keep the turn from who has the connection next.
   */
  end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    const { holder } = this
    switch (holder?._tag) {
      case undefined:
        return
      case "Nested":
        holder.bound.end()
        return this.allTurns.renew(this.level)
      case "Stream":
        return void this.allTurns.run(Scope.close(holder.scope, Exit.void))
    }
  }

  with<B, E2, R>(_sql: string, f: (bound: Bound<A, E>) => Effect.Effect<B, E2, R>): Effect.Effect<B, E2, R> {
    return f(this)
  }

  /** Waits for the turn, and has it until the effect ends. */
  turn<B, E2, R>(sql: string, effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2 | SqlError, R> {
    return Effect.suspend(() => {
      let hasTurn = false
      return Effect.mapError(
        this.turns.use((): Effect.Effect<B, E2 | SqlError, R> => {
          hasTurn = true
          return this.hasEnded ? Effect.fail(transactionEnded(sql)) : effect
        }),
        (error) => hasTurn ? error as E2 | SqlError : noTurn(sql, error)
      )
    })
  }

  /** Runs a transaction that is nested in this one, and has its turn. */
  nesting<B, E2, R>(bound: Bound<A, E>, effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2, R> {
    return Effect.suspend(() => {
      this.holder = { _tag: "Nested", bound }
      return Effect.ensuring(
        effect,
        Effect.sync(() => this.holder = undefined)
      )
    })
  }

  /** What a statement that fails has failed with: that its transaction has ended comes before what came of that. */
  private readonly failure = (sql: string) => (error: E): SqlError =>
    this.hasEnded ? transactionEnded(sql) : toSqlError(error)

  /** Waits for the turn, and runs a statement. */
  run<B>(
    sql: string,
    statement: (connection: A) => Effect.Effect<B, E>,
    around: (answer: Effect.Effect<B, SqlError>) => Effect.Effect<B, SqlError> = identity
  ): Effect.Effect<B, SqlError> {
    return this.turn(
      sql,
      Effect.suspend(() => around(Effect.mapError(statement(this.guarded), this.failure(sql))))
    )
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return transformed(this.run(sql, (connection) => this.dialect.rows(connection, sql, params)), transform)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return transformed(this.run(sql, (connection) => this.dialect.unprepared(connection, sql, params)), transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(sql, (connection) => this.dialect.values(connection, sql, params))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(sql, (connection) => this.dialect.raw(connection, sql, params))
  }

  /** Has the turn until the stream ends. */
  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    const pull = Effect.flatMap(
      Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential)),
      (scope) => Scope.extend(this.open(sql, params, scope), scope)
    )
    return transformedStream(Stream.unwrapScoped(Effect.map(pull, Stream.repeatEffectChunkOption)), transform)
  }

  /** Closing `scope` takes from the stream what it has: the turn and the rows. */
  private open(
    sql: string,
    params: ReadonlyArray<unknown>,
    scope: Scope.CloseableScope
  ): Effect.Effect<Pull, SqlError, Scope.Scope> {
    const unlessEnded = Effect.suspend(() => this.hasEnded ? Effect.fail(transactionEnded(sql)) : Effect.void)
    const held = Effect.acquireRelease(
      Effect.tap(unlessEnded, () => Effect.sync(() => this.holder = { _tag: "Stream", scope })),
      () => Effect.sync(() => this.holder = undefined)
    )
    const rows = Effect.suspend(() => Stream.toPull(this.dialect.stream(this.guarded, sql, params)))
    return Effect.mapError(this.turns.get, (error) => noTurn(sql, error)).pipe(
      Effect.zipRight(held),
      Effect.zipRight(rows),
      Effect.map((pull) => {
        const before = Effect.mapError(unlessEnded, Option.some)
        const read = Effect.exit(Effect.mapError(pull, Option.map(toSqlError)))
        // Rows that end because they were taken away are no end of the stream.
        return Effect.flatMap(Effect.zipRight(before, read), (exit) => Effect.zipRight(before, exit))
      })
    )
  }
}
