/** A program that can be ended and started again while others need it. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Child from "./child.js"

export interface Restartable<E> {
  /** Ends it, starts it again, and waits until it is ready. */
  readonly restart: Effect.Effect<void, E>
  /** The process that runs, once it is ready. */
  readonly running: Effect.Effect<Child.Child, E>
  /** Waits for an end that nobody asked for, and says what it was. Fails where it could not be started again. */
  readonly died: Effect.Effect<{ readonly child: Child.Child; readonly how: string }, E>
}

/** Runs it until the Scope closes. */
export const make = <E, R>(
  first: Effect.Effect<Child.Child, E, R | Scope.Scope>,
  again: Effect.Effect<Child.Child, E, R | Scope.Scope>
): Effect.Effect<Restartable<E>, E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<R | Scope.Scope>()
    const outer = yield* Effect.scope
    const one = yield* Effect.makeSemaphore(1)
    let scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
    let current = yield* Deferred.make<Child.Child, E>()
    yield* Deferred.succeed(current, yield* Scope.extend(first, scope))

    const restart = Effect.gen(function*() {
      const next = yield* Deferred.make<Child.Child, E>()
      current = next
      yield* Scope.close(scope, Exit.void)
      scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
      const started = yield* Effect.exit(Effect.interruptible(Scope.extend(again, scope)))
      yield* Deferred.done(next, started)
      yield* started
    }).pipe(Effect.uninterruptible, one.withPermits(1), Effect.provide(context))

    const died: Restartable<E>["died"] = Effect.gen(function*() {
      while (true) {
        const now = current
        const child = yield* Deferred.await(now)
        const how = yield* child.ended
        if (now === current) return { child, how }
      }
    })

    return { restart, running: Effect.suspend(() => Deferred.await(current)), died }
  })
