import type { Connection } from "@effect/sql/SqlConnection"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Dialect, Pools } from "./dialect.js"
import { toSqlError } from "./failure.js"
import { lease, withConnection } from "./lease.js"
import { transformed, transformedStream } from "./transform.js"
import type { TransformRows } from "./transform.js"

/** Any connection of the pool, another one for each statement. A statement has its connection for as long as it runs. */
export class Pooled<A, E> implements Connection {
  constructor(private readonly dialect: Dialect<A, E>, private readonly pools: Pools<A>) {}

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

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return lease(this.pools.forStream(sql)).pipe(
      Effect.map((connection) => Stream.mapError(this.dialect.stream(connection, sql, params), toSqlError)),
      Stream.unwrapScoped,
      (stream) => transformedStream(stream, transform)
    )
  }

  private run<B>(sql: string, statement: (connection: A) => Effect.Effect<B, E>) {
    return withConnection(
      this.pools.forStatement(sql),
      (connection) => Effect.mapError(statement(connection), toSqlError)
    )
  }
}
