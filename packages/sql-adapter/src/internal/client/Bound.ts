import type { ConnectionPool } from "@cenote/core/ConnectionPool"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Dialect } from "./dialect.js"
import { foreignTransaction, toSqlError, transactionEnded } from "./failure.js"
import { transformed, transformedStream } from "./transform.js"
import type { TransformRows } from "./transform.js"

/** A connection that somebody has for longer than a statement: a transaction, a savepoint, a reservation. */
export class Bound<A, E> implements Connection {
  private isEnded = false

  constructor(
    readonly dialect: Dialect<A, E>,
    readonly connection: A,
    readonly level: number,
    readonly turns: ConnectionPool<A>,
    /** Says that the connection is of no more use. */
    readonly discard: Effect.Effect<void>
  ) {}

  /** From now on its statements fail, also those that wait for their turn. */
  end(): void {
    this.isEnded = true
  }

  /** Waits for the turn, and has it until the effect ends. */
  turn<B, E2, R>(sql: string, effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2 | SqlError, R> {
    return Effect.suspend(() => {
      let hasTurn = false
      return Effect.mapError(
        this.turns.use((): Effect.Effect<B, E2 | SqlError, R> => {
          hasTurn = true
          return this.isEnded ? Effect.fail(transactionEnded(sql)) : effect
        }),
        // The turns end with their connection.
        (error) => hasTurn ? error as E2 | SqlError : transactionEnded(sql)
      )
    })
  }

  private run<B>(sql: string, statement: Effect.Effect<B, E>): Effect.Effect<B, SqlError> {
    return this.turn(sql, Effect.mapError(statement, toSqlError))
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return transformed(this.run(sql, this.dialect.rows(this.connection, sql, params)), transform)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return transformed(this.run(sql, this.dialect.unprepared(this.connection, sql, params)), transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(sql, this.dialect.values(this.connection, sql, params))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(sql, this.dialect.raw(this.connection, sql, params))
  }

  /** Has the turn until the stream ends. */
  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    const ended = Effect.suspend(() => this.isEnded ? Effect.fail(transactionEnded(sql)) : Effect.void)
    const rows = Stream.mapError(this.dialect.stream(this.connection, sql, params), toSqlError)
    return Effect.mapError(this.turns.get, () => transactionEnded(sql)).pipe(
      Effect.zipRight(ended),
      Effect.as(Stream.mapChunksEffect(rows, (chunk) => Effect.as(ended, chunk))),
      Stream.unwrapScoped,
      (stream) => transformedStream(stream, transform)
    )
  }
}

/**
 * What a transaction puts where @effect/sql looks for one: SqlResolver carries it to where it runs a batch. A client of ours finds its own
 * transaction in it, also behind those of other clients. Anybody else would use the connection itself, and is told not to.
 */
export class Handle implements Connection {
  constructor(
    /** The client that it belongs to. */
    readonly owner: object,
    readonly bound: Bound<any, any>,
    /** What was there before. */
    readonly outer: Connection | undefined
  ) {}

  execute(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeUnprepared(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeValues(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeRaw(sql: string) {
    return Effect.fail(foreignTransaction(sql))
  }
  executeStream(sql: string) {
    return Stream.fail(foreignTransaction(sql))
  }
}

/** The innermost transaction of this client. */
export const boundOf = <A, E>(owner: object, connection: Connection | undefined): Bound<A, E> | undefined => {
  for (let at = connection; at instanceof Handle; at = at.outer) {
    if (at.owner === owner) return at.bound as Bound<A, E>
  }
  return undefined
}
