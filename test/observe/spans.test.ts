import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { hold, isWaiting } from "../request/support.js"
import { settled, withPool } from "../support/pool.js"

interface Recorded {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Record<string, unknown>
  /** In milliseconds. */
  readonly startedAt: number
  endedAt: number | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
}

/** A tracer that keeps its spans, in order of their beginning. */
const recorder = () => {
  const spans: Array<Recorded> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind, options) => {
      const recorded: Recorded = {
        name,
        parent: Option.getOrUndefined(parent)?.spanId,
        attributes: { ...options?.attributes },
        startedAt: Number(startTime / 1_000_000n),
        endedAt: undefined,
        exit: undefined
      }
      spans.push(recorded)
      return {
        _tag: "Span",
        name,
        spanId: name,
        traceId: "trace",
        parent,
        context,
        links,
        kind,
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        attribute: (key, value) => {
          recorded.attributes[key] = value
        },
        event: () => {},
        addLinks: () => {},
        end: (endTime, exit) => {
          recorded.endedAt = Number(endTime / 1_000_000n)
          recorded.exit = exit
        }
      }
    },
    context: (run) => run()
  })
  /** A caller that has a span. */
  const inSpan = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.withSpan("handler"), Effect.withTracer(tracer))
  return { inSpan, spans, tracer, waits: () => spans.filter(({ name }) => name === "cenote.acquire") }
}

it.effect("a wait is a span of its own, child of the caller's, and has ended when the use begins", () =>
  withPool({ name: "orders", maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, spans, waits } = recorder()
      const holder = yield* hold(pool)
      yield* TestClock.adjust("1 second")
      const caller = yield* pool.use(() =>
        Effect.zipRight(Effect.sleep("5 seconds"), Effect.currentSpan).pipe(Effect.withSpan("query"))
      ).pipe(inSpan, Effect.forkScoped)
      yield* settled
      yield* TestClock.adjust("2 seconds")
      expect(waits()).toMatchObject([{ startedAt: 1_000, endedAt: undefined }])
      yield* holder.release
      yield* settled
      expect(waits()).toEqual([{
        name: "cenote.acquire",
        parent: "handler",
        attributes: { "db.client.connection.pool.name": "orders", "cenote.lease": 1, "cenote.outcome": "Granted" },
        startedAt: 1_000,
        endedAt: 3_000,
        exit: Exit.succeed(expect.anything())
      }])
      expect(spans.map(({ name, parent }) => [name, parent])).toEqual([
        ["handler", undefined],
        ["cenote.acquire", "handler"],
        ["query", "handler"]
      ])
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(caller)).name).toBe("query")
      expect(spans[2]).toMatchObject({ startedAt: 3_000, endedAt: 8_000 })
    })))

it.effect("get and lease have the span, too", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      const holder = yield* hold(pool)
      const callers = yield* Effect.forEach(
        [Effect.asVoid(pool.get), Effect.asVoid(pool.lease())],
        (ask) => Effect.fork(inSpan(Effect.scoped(ask)))
      )
      yield* settled
      yield* holder.release
      yield* Fiber.joinAll(callers)
      expect(waits()).toMatchObject([
        { endedAt: 0, attributes: { "cenote.outcome": "Granted" } },
        { endedAt: 0, attributes: { "cenote.outcome": "Granted" } }
      ])
    })))

it.effect("a caller that is served at once has no such span", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      yield* pool.use(() => Effect.void)
      yield* inSpan(pool.use(() => Effect.void))
      expect(waits()).toEqual([])
    })))

it.effect("a caller without a span has none for its wait", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { spans, tracer } = recorder()
      const holder = yield* hold(pool)
      const caller = yield* Effect.fork(Effect.withTracer(pool.use(() => Effect.void), tracer))
      yield* settled
      yield* holder.release
      yield* Fiber.join(caller)
      expect(spans).toEqual([])
    })))

it.effect("a wait that times out ends its span as an error, with the type and the message", () =>
  withPool({ maxSize: 1, acquireTimeout: "3 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      yield* hold(pool)
      const caller = yield* Effect.fork(Effect.flip(inSpan(pool.use(() => Effect.void))))
      yield* settled
      yield* TestClock.adjust("3 seconds")
      const error = yield* Fiber.join(caller)
      expect(error).toMatchObject({ _tag: "AcquireTimeout" })
      expect(waits()).toMatchObject([{
        attributes: { "cenote.outcome": "TimedOut", "error.type": "AcquireTimeout" },
        startedAt: 0,
        endedAt: 3_000,
        exit: Exit.fail(error)
      }])
    })))

it.effect("a wait that ends because nothing can be opened has the connector's own error", () =>
  withPool({}, ({ fake, pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      yield* fake.next("open", FakeConnector.fail("no route"), FakeConnector.die(new TypeError("told to")))
      const ask = inSpan(pool.use(() => Effect.void))
      const error = yield* Effect.flip(ask)
      yield* TestClock.adjust("1 second")
      yield* Effect.exit(ask)
      expect(waits()).toMatchObject([
        { attributes: { "cenote.outcome": "Down", "error.type": "FakeError" }, exit: Exit.fail(error) },
        { attributes: { "cenote.outcome": "Down", "error.type": "TypeError" }, exit: { _tag: "Failure" } }
      ])
    })))

it.effect("a wait whose pool is closed has PoolClosed", () =>
  withPool({ maxSize: 1 }, ({ close, pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      const holder = yield* hold(pool)
      const caller = yield* Effect.fork(Effect.flip(inSpan(pool.use(() => Effect.void))))
      yield* settled
      const closing = yield* Effect.fork(close)
      yield* Fiber.join(caller)
      expect(waits()).toMatchObject([{ attributes: { "cenote.outcome": "Closed", "error.type": "PoolClosed" } }])
      yield* holder.release
      yield* Fiber.join(closing)
    })))

it.effect("a wait that is interrupted ends its span at once, as an interruption and no error", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      yield* hold(pool)
      const caller = yield* Effect.fork(inSpan(pool.use(() => Effect.void)))
      yield* settled
      yield* TestClock.adjust("4 seconds")
      yield* Fiber.interrupt(caller)
      const [wait] = waits()
      expect(wait).toMatchObject({ endedAt: 4_000, attributes: { "cenote.outcome": "Interrupted" } })
      expect(wait?.attributes).not.toHaveProperty("error.type")
      expect(Exit.isInterrupted(wait!.exit!)).toBe(true)
    })))

it.effect("a failure of the use is not the wait's", () =>
  withPool({ maxSize: 1 }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      const holder = yield* hold(pool)
      const caller = yield* Effect.fork(Effect.flip(inSpan(pool.use(() => Effect.fail("no rows")))))
      yield* settled
      yield* holder.release
      expect(yield* Fiber.join(caller)).toBe("no rows")
      expect(waits()).toMatchObject([{ attributes: { "cenote.outcome": "Granted" }, exit: { _tag: "Success" } }])
      expect(waits()[0]?.attributes).not.toHaveProperty("error.type")
    })))

it.effect("a caller that cannot be interrupted waits in its span until its deadline", () =>
  withPool({ maxSize: 1, acquireTimeout: "3 seconds" }, ({ pool }) =>
    Effect.gen(function*() {
      const { inSpan, waits } = recorder()
      yield* hold(pool)
      const caller = yield* Effect.fork(
        Effect.uninterruptible(Effect.flip(inSpan(pool.use(() => Effect.void))))
      )
      yield* settled
      yield* Effect.fork(Fiber.interrupt(caller))
      expect(yield* isWaiting(caller)).toBe(true)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.await(caller)
      expect(waits()).toMatchObject([{ endedAt: 3_000, attributes: { "cenote.outcome": "TimedOut" } }])
    })))
