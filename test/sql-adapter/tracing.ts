import type * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"

/** A tracer that keeps the spans it made. */
export const recording = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
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
  return { spans, tracer }
}
