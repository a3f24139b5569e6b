import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { ask, hold, listen, only } from "./support.js"

const bug = new Error("a bug in the connector")

const throws = (): never => {
  throw bug
}

/** A pool of one numbered connection, with some steps that throw. */
const poolOf = (steps: Partial<Connector.Connector<number>>, tuning = {}) =>
  Effect.gen(function*() {
    let opened = 0
    const closed: Array<number> = []
    const open = Effect.acquireRelease(
      Effect.sync(() => ++opened),
      (connection) => Effect.sync(() => closed.push(connection))
    )
    const pool = yield* ConnectionPool.make({ connector: Connector.make({ open, ...steps }), maxSize: 1, ...tuning })
    return { pool, closed, events: yield* listen(pool) }
  })

const reasonsOf = (events: Parameters<typeof only>[0]) =>
  only(events, "ConnectionClosing").map(({ id, reason }) => [id, reason])

for (
  const { name, reason, steps } of [
    { name: "isBroken", reason: "Broken", steps: { isBroken: throws } },
    { name: "needsReset", reason: "Broken", steps: { needsReset: throws, reset: () => Effect.void } },
    { name: "reset", reason: "ResetFailed", steps: { reset: throws } },
    { name: "onLost", reason: "Lost", steps: { onLost: throws } }
  ] as const
) {
  it.scoped(`a connector whose ${name} throws loses that connection, and nothing else`, () =>
    Effect.gen(function*() {
      const { closed, events, pool } = yield* poolOf(steps)
      expect(yield* pool.use((connection) => Effect.zipRight(settled, Effect.succeed(connection)))).toBe(1)
      expect(yield* pool.use((connection) => Effect.zipRight(settled, Effect.succeed(connection)))).toBe(2)
      yield* settled
      expect(closed).toEqual([1, 2])
      expect(reasonsOf(events)).toEqual([[0, reason], [1, reason]])
    }))
}

it.scoped("a release does not see what isBroken throws", () =>
  Effect.gen(function*() {
    const { pool } = yield* poolOf({ isBroken: throws })
    expect(yield* Effect.exit(pool.use(() => Effect.succeed("a row")))).toEqual(Exit.succeed("a row"))
    expect(yield* Effect.exit(Effect.scoped(pool.get))).toEqual(Exit.succeed(2))
  }))

it.scoped("a check that throws before it is an Effect fails, and its caller gets another connection", () =>
  Effect.gen(function*() {
    const { events, pool } = yield* poolOf({ check: throws })
    yield* pool.use(() => Effect.void)
    yield* TestClock.adjust("10 seconds")
    expect(yield* pool.use((connection) => Effect.succeed(connection))).toBe(2)
    expect(reasonsOf(events)).toEqual([[0, "CheckFailed"]])
  }))

it.scoped("a ping that throws before it is an Effect fails", () =>
  Effect.gen(function*() {
    const { events, pool } = yield* poolOf({ ping: throws }, { keepalive: "1 minute" })
    yield* pool.use(() => Effect.void)
    yield* TestClock.adjust("1 minute")
    expect(reasonsOf(events)).toEqual([[0, "PingFailed"]])
  }))

it.scoped("an open that throws before it is an Effect is a defect of the callers that waited for it", () =>
  Effect.gen(function*() {
    const { pool } = yield* poolOf({ open: Effect.suspend(throws) })
    expect(yield* Effect.exit(pool.use(() => Effect.void))).toEqual(Exit.die(bug))
    yield* settled
    expect(yield* pool.stats).toMatchObject({ openFailures: 1, closing: 0 })
  }))

it.scoped("a finalizer that throws is a failed close, and the permit is free", () =>
  Effect.gen(function*() {
    const { events, pool } = yield* poolOf({
      open: Effect.acquireRelease(Effect.succeed(1), () => Effect.sync(throws))
    })
    yield* pool.use((connection) => pool.invalidate(connection))
    yield* settled
    expect(only(events, "ConnectionClosed")).toMatchObject([{ outcome: { _tag: "Failed" } }])
    expect(yield* pool.use((connection) => Effect.succeed(connection))).toBe(1)
  }))

it.scoped("an abort that throws is ignored, and the close is over", () =>
  Effect.gen(function*() {
    let aborts = 0
    const { events, pool } = yield* poolOf({
      open: Effect.acquireRelease(Effect.succeed(1), () => Effect.never),
      abort: () => {
        aborts++
        throw bug
      }
    }, { closeTimeout: "1 second" })
    yield* pool.use((connection) => pool.invalidate(connection))
    const next = yield* ask(pool)
    yield* TestClock.adjust("1 second")
    yield* (yield* Fiber.join(next)).release
    expect(aborts).toBe(1)
    expect(only(events, "ConnectionClosed")).toMatchObject([{ outcome: { _tag: "Aborted" } }])
    yield* pool.use((connection) => pool.invalidate(connection))
    yield* TestClock.adjust("1 second")
  }))

it.effect("an abort that throws at the close deadline does not keep the pool from closing", () =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const { pool } = yield* Scope.extend(poolOf({ abort: throws }, { shutdownTimeout: "1 second" }), scope)
    const user = yield* Effect.fork(pool.use(() => Effect.never))
    yield* settled
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
    expect(yield* pool.stats).toMatchObject({ phase: "closed", aborted: 1 })
    yield* Fiber.interrupt(user)
  }))

it.scoped("a connector that reports a death twice, or a stranger's, closes each connection once", () =>
  Effect.gen(function*() {
    const listeners: Array<(reason: unknown) => void> = []
    const { closed, pool } = yield* poolOf({ onLost: (_, lost) => listeners.push(lost) })
    const { release } = yield* hold(pool)
    listeners[0]!("once")
    listeners[0]!("twice")
    yield* settled
    yield* release
    yield* settled
    listeners[0]!("again")
    yield* settled
    expect(closed).toEqual([1])
  }))
