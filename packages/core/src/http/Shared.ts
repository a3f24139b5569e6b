/** Something that the fibers of one request share: acquired by whoever uses it first, and released when nobody needs it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"

/** What is there. While it is `Acquiring`, every user waits for it. */
type State<A, E> =
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Acquiring"; fiber: Fiber.RuntimeFiber<A, E> | undefined }
  | { readonly _tag: "Present"; readonly value: A; readonly scope: Scope.CloseableScope }

/**
 * For how long it is there.
 *
 * - `Kept`: until further notice, once it was acquired
 * - `PerUse`: until the last use that runs has ended; the next acquires anew
 * - `Ended`: as `PerUse`, and nobody may begin to use it
 */
type Policy = "Kept" | "PerUse" | "Ended"

const empty: State<never, never> = { _tag: "Empty" }

/**
 * The one value of `acquire`, for all fibers of a request.
 *
 * It is acquired in a fiber of its own, as its first user would: so who else waits for it keeps the place in the queue when
 * that user is interrupted. When nobody waits any more, the acquiring is interrupted. A failure goes to those who wait, and is
 * not remembered: the next use tries again.
 */
export class Shared<A, E, Ended> {
  private state: State<A, E> = empty
  private users = 0

  /**
   * @param acquire Its Scope is closed when the value is released. Runs with the context of the first user, interruptible.
   * @param ended What a use fails with after `end`.
   */
  constructor(
    private readonly acquire: Effect.Effect<A, E, Scope.Scope>,
    private readonly ended: () => Ended,
    private policy: Policy
  ) {}

  /** What is there, if anything. */
  get current(): A | undefined {
    return this.state._tag === "Present" ? this.state.value : undefined
  }

  /** Whether each use acquires the value anew. */
  get isPerUse(): boolean {
    return this.policy === "PerUse"
  }

  /** Runs `f` with the value. The value is there for as long as `f` runs, even where `end` comes first. */
  use<B, E2, R>(f: (value: A) => Effect.Effect<B, E2, R>): Effect.Effect<B, E | E2 | Ended, R> {
    return Effect.uninterruptibleMask((restore): Effect.Effect<B, E | E2 | Ended, R> => {
      if (this.policy === "Ended") return Effect.fail(this.ended())
      this.users++
      return Effect.matchCauseEffect(restore(Effect.flatMap(this.value, f)), {
        onSuccess: (result) => Effect.as(this.leave, result),
        onFailure: (cause) => Effect.zipRight(this.leave, Effect.failCause(cause))
      })
    })
  }

  /** The value until the Scope closes: a use that lasts as long. */
  get scoped(): Effect.Effect<A, E | Ended, Scope.Scope> {
    return Effect.uninterruptibleMask((restore): Effect.Effect<A, E | Ended, Scope.Scope> => {
      if (this.policy === "Ended") return Effect.fail(this.ended())
      this.users++
      return Effect.matchCauseEffect(restore(this.value), {
        onSuccess: (value) =>
          Effect.flatMap(Effect.scope, (scope) => Effect.as(Scope.addFinalizer(scope, this.leave), value)),
        onFailure: (cause) => Effect.zipRight(this.leave, Effect.failCause(cause))
      })
    })
  }

  /** From now on the value is released when no use runs: at once, if none does. */
  get perUse(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.policy === "Kept") this.policy = "PerUse"
      return this.settle
    })
  }

  /**
   * From now on nobody may begin to use it, and who waits for it fails too. It is released when the uses that run have ended:
   * at once, if none does.
   */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.policy = "Ended"
      this.abandon()
      return this.settle
    })
  }

  private get value(): Effect.Effect<A, E | Ended> {
    return Effect.withFiberRuntime((user) => {
      if (this.state._tag === "Present") return Effect.succeed(this.state.value)
      // The end may have come since this user came in.
      if (this.policy === "Ended") return Effect.fail(this.ended())
      return this.join(this.state._tag === "Acquiring" ? this.state.fiber! : this.begin(user))
    })
  }

  private join(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E | Ended> {
    const done = fiber.unsafePoll()
    return done !== null ? done : Effect.flatMap(
      Fiber.await(fiber),
      (exit): Effect.Effect<A, E | Ended> =>
        this.policy === "Ended" && Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
          ? Effect.fail(this.ended())
          : exit
    )
  }

  /** Starts to acquire. It runs at once, so it may have ended when this returns. */
  private begin(user: Fiber.RuntimeFiber<unknown, unknown>): Fiber.RuntimeFiber<A, E> {
    const acquiring: Extract<State<A, E>, { _tag: "Acquiring" }> = { _tag: "Acquiring", fiber: undefined }
    this.state = acquiring
    const runtime = Runtime.make({
      context: user.currentContext,
      fiberRefs: user.getFiberRefs(),
      runtimeFlags: Runtime.defaultRuntimeFlags
    })
    const become = (state: State<A, E>): boolean => {
      // Not where everyone has left meanwhile: then it is somebody else's state.
      if (this.state !== acquiring) return false
      this.state = state
      return true
    }
    return acquiring.fiber = Runtime.runFork(runtime)(
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(Scope.make(), (scope) =>
          Effect.matchCauseEffect(restore(Scope.extend(this.acquire, scope)), {
            onSuccess: (value) =>
              become({ _tag: "Present", value, scope })
                ? Effect.succeed(value)
                : Effect.zipRight(Scope.close(scope, Exit.void), Effect.interrupt),
            onFailure: (cause) => {
              become(empty)
              return Effect.zipRight(Scope.close(scope, Exit.failCause(cause)), Effect.failCause(cause))
            }
          }))
      )
    )
  }

  private get leave(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.users--
      return this.settle
    })
  }

  /** Releases what nobody needs. */
  private get settle(): Effect.Effect<void> {
    if (this.users > 0) return Effect.void
    this.abandon()
    if (this.state._tag !== "Present" || this.policy === "Kept") return Effect.void
    const { scope } = this.state
    this.state = empty
    return Scope.close(scope, Exit.void)
  }

  private abandon(): void {
    if (this.state._tag !== "Acquiring") return
    this.state.fiber?.unsafeInterruptAsFork(FiberId.none)
    this.state = empty
  }
}
