import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

it.effect("a pool whose closing is interrupted closes all the same, and ends its events", () =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(ConnectionPool.make({ connector: Effect.succeed({}) }), scope)
    const events = yield* Effect.fork(Stream.runDrain(pool.events))
    yield* Effect.fork(pool.use(() => Effect.sleep("1 minute")))
    yield* TestClock.adjust(0)
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("1 second")
    yield* Fiber.interruptFork(closing)
    yield* TestClock.adjust("19 seconds")
    expect((yield* pool.stats).phase).toBe("closed")
    expect(Option.isSome(yield* Fiber.poll(events))).toBe(true)
  }))
