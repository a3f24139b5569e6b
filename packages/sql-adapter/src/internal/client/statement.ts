import type { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import * as Context from "effect/Context"
import { liveServices } from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import type * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { Run } from "./dialect.js"
import { toSqlError } from "./failure.js"
import { heldIn } from "./Handle.js"
import { withConnection } from "./lease.js"
import type { Transactions } from "./transaction.js"
import type { TransformRows } from "./transform.js"
import { transformed } from "./transform.js"

/** Its spans are seen by nobody. */
const untraced = Context.get(liveServices, Tracer.Tracer)

const tracerOf = (fiber: Fiber.RuntimeFiber<any, any>): Tracer.Tracer =>
  Context.get(fiber.currentDefaultServices, Tracer.Tracer)

/** What runs the statements of a client. */
export class Runner<A extends object, E> {
  constructor(private readonly client: Transactions<A, E>, readonly transformRows: TransformRows) {}

  /**
   * Takes a connection first, so that the span of a statement is about the statement, and makes no span where nobody would see
   * it. Where somebody transforms statements, @effect/sql does it in its own way.
   */
  run<B>(
    statement: Statement.Statement<any>,
    operation: string,
    withoutTransform: boolean,
    theirs: Effect.Effect<B, SqlError>,
    run: Run<A, E, B>
  ): Effect.Effect<B, SqlError> {
    return Effect.withFiberRuntime<B, SqlError>((fiber) => {
      if (fiber.getFiberRef(Statement.currentTransformer)._tag === "Some") return theirs
      const [sql, params] = statement.compile(withoutTransform)
      const isTraced = tracerOf(fiber) !== untraced
      const around = (answer: Effect.Effect<B, SqlError>) => isTraced ? this.traced(operation, sql, answer) : answer
      const held = heldIn<A, E>(this.client, fiber)
      if (held !== undefined) {
        return held.with(sql, (bound) => bound.run(sql, (connection) => run(connection, sql, params), around))
      }
      const execute = (connection: A) => around(Effect.mapError(run(connection, sql, params), toSqlError))
      const pool = this.client.pools.forStatement(sql)
      return withConnection(pool, execute)
    })
  }

  private traced<B>(operation: string, sql: string, answer: Effect.Effect<B, SqlError>): Effect.Effect<B, SqlError> {
    return Effect.useSpan("sql.execute", { kind: "client", captureStackTrace: false }, (span) => {
      for (const [key, value] of this.client.attributes) span.attribute(key, value)
      span.attribute("db.operation.name", operation)
      span.attribute("db.query.text", sql)
      return answer
    })
  }

  get dialect() {
    return this.client.dialect
  }
}

/** A statement, as @effect/sql has built it, that is run by a client here. */
class ClientStatement<A> extends Effectable.Class<ReadonlyArray<A>, SqlError> implements Statement.Statement<A> {
  constructor(private readonly built: Statement.Statement<A>, private readonly runner: Runner<any, any>) {
    super()
  }

  get [Statement.FragmentId]() {
    return identity
  }

  get segments(): ReadonlyArray<Statement.Segment> {
    return this.built.segments
  }

  compile(withoutTransform?: boolean | undefined): readonly [sql: string, params: ReadonlyArray<unknown>] {
    return this.built.compile(withoutTransform)
  }

  commit(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { built, runner } = this
    return transformed(runner.run(built, "execute", false, built, runner.dialect.rows), runner.transformRows)
  }

  get withoutTransform(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { built, runner } = this
    return runner.run(built, "executeWithoutTransform", true, built.withoutTransform, runner.dialect.rows)
  }

  get unprepared(): Effect.Effect<ReadonlyArray<A>, SqlError> {
    const { built, runner } = this
    return transformed(
      runner.run(built, "executeUnprepared", false, built.unprepared, runner.dialect.unprepared),
      runner.transformRows
    )
  }

  get values(): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> {
    const { built, runner } = this
    return runner.run(built, "executeValues", false, built.values, runner.dialect.values)
  }

  get raw(): Effect.Effect<unknown, SqlError> {
    const { built, runner } = this
    return runner.run(built, "executeRaw", true, built.raw, runner.dialect.raw)
  }

  get stream(): Stream.Stream<A, SqlError> {
    return this.built.stream
  }

  toJSON() {
    return (this.built as unknown as { toJSON(): unknown }).toJSON()
  }
}

/** A constructor whose statements are run by a client here. */
export const constructorOf = (theirs: Statement.Constructor, runner: Runner<any, any>): Statement.Constructor => {
  const build = theirs as unknown as (strings: unknown, ...args: ReadonlyArray<unknown>) => unknown
  const sql = (strings: unknown, ...args: ReadonlyArray<unknown>): unknown => {
    const built = build(strings, ...args)
    return Effect.isEffect(built) ? new ClientStatement(built as Statement.Statement<any>, runner) : built
  }
  return Object.assign(sql, theirs, {
    unsafe: (text: string, params?: ReadonlyArray<any>) => new ClientStatement(theirs.unsafe(text, params), runner)
  }) as unknown as Statement.Constructor
}
