import type { Options } from "@cenote/sql-adapter/PgPool"
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Reactivity from "@effect/experimental/Reactivity"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import { Postgres } from "../support/postgres.js"
import { optionsOf } from "./harness.js"

interface Given extends Partial<Omit<Options, "connection">> {
  readonly connection?: PgPool.Options["connection"]
}

export const client = ({ connection, ...options }: Given = {}) =>
  Effect.flatMap(
    Postgres,
    (server) => PgPool.make({ ...options, connection: { ...optionsOf(server), ...(connection as object) } })
  ).pipe(
    Effect.provide(Reactivity.layer)
  )

export const failureOf = <E>(exit: Exit.Exit<unknown, E>): { readonly _tag: string; readonly message: string } =>
  (Cause.squash((exit as Exit.Failure<unknown, E>).cause) as SqlError).cause as never

/** A tracer that keeps the spans it made. */
export const recording = () => {
  const spans: Array<Tracer.Span> = []
  const native = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const span = {
        _tag: "Span",
        name,
        spanId: `${spans.length + 1}`.padStart(16, "0"),
        traceId: "1".padStart(32, "0"),
        parent,
        context,
        links,
        kind,
        sampled: true,
        status: { _tag: "Started", startTime } as Tracer.SpanStatus,
        attributes,
        attribute: (key: string, value: unknown) => void attributes.set(key, value),
        event: () => {},
        addLinks: () => {},
        end(endTime: bigint, exit: Exit.Exit<unknown, unknown>) {
          this.status = { _tag: "Ended", startTime, endTime, exit }
        }
      }
      spans.push(span as never)
      return span as never
    },
    context: (f) => f()
  })
  return { spans, native }
}
