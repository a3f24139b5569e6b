import type { Connection } from "@effect/sql/SqlConnection"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { TransformRows } from "./transform.js"

const hex = /^[0-9a-f]+$/

/** W3C trace context as a comment behind the text, as sqlcommenter does it. */
const commented = (fiber: Fiber.RuntimeFiber<any, any>, sql: string): string => {
  const span = fiber.currentContext.unsafeMap.get(Tracer.ParentSpan.key) as Tracer.AnySpan | undefined
  // What is in a text that is run is one's own, or it is nothing.
  if (span === undefined || !hex.test(span.traceId) || !hex.test(span.spanId)) return sql
  return `${sql} /*traceparent='00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}'*/`
}

const withComment = <A, E, R>(sql: string, f: (sql: string) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiberRuntime((fiber) => f(commented(fiber, sql)))

/** A connection whose statements say what they belong to. */
export class Commented implements Connection {
  constructor(private readonly connection: Connection) {}

  execute(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return withComment(sql, (sql) => this.connection.execute(sql, params, transform))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return withComment(sql, (sql) => this.connection.executeUnprepared(sql, params, transform))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return withComment(sql, (sql) => this.connection.executeValues(sql, params))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return withComment(sql, (sql) => this.connection.executeRaw(sql, params))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: TransformRows) {
    return Stream.unwrap(
      withComment(sql, (sql) => Effect.succeed(this.connection.executeStream(sql, params, transform)))
    )
  }
}
