/** A connection that is made of several things: the finalizers of all of them run, whatever one of them does. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"

/** A session inside of a tunnel: closing it is a logout, and then the tunnel's end. */
const tunneled = (log: Array<string>, logout: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* Effect.acquireRelease(Effect.void, () => Effect.sync(() => log.push("tunnel closed")))
    return yield* Effect.acquireRelease(
      Effect.succeed({}),
      () => Effect.zipRight(logout, Effect.sync(() => log.push("logged out")))
    )
  })

it.effect("a session whose logout dies closes its tunnel", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const scope = yield* Scope.make()
    const connector = tunneled(log, Effect.die(new Error("told to die")))
    const pool = yield* Scope.extend(ConnectionPool.make({ connector }), scope)
    yield* pool.use(() => Effect.void)
    yield* Scope.close(scope, Exit.void)
    expect(log).toEqual(["tunnel closed"])
  }))

it.effect("a session whose logout takes longer than closeTimeout ends it, and closes its tunnel", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const pool = yield* ConnectionPool.make({ connector: tunneled(log, Effect.sleep("20 seconds")) })
    yield* pool.use((connection) => pool.invalidate(connection))
    yield* TestClock.adjust("5 seconds")
    expect((yield* pool.stats).aborted).toBe(1)
    yield* TestClock.adjust("15 seconds")
    expect(log).toEqual(["logged out", "tunnel closed"])
  }).pipe(Effect.scoped))

it.effect("a session whose logout takes longer than the pool's shutdownTimeout ends it, and closes its tunnel", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const scope = yield* Scope.make()
    const connector = tunneled(log, Effect.sleep("20 seconds"))
    const pool = yield* Scope.extend(ConnectionPool.make({ connector, shutdownTimeout: "2 seconds" }), scope)
    yield* pool.use(() => Effect.void)
    yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("2 seconds")
    expect((yield* pool.stats).phase).toBe("closed")
    yield* TestClock.adjust("18 seconds")
    expect(log).toEqual(["logged out", "tunnel closed"])
  }))
