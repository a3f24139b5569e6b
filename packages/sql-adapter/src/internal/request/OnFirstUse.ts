/** A transaction that begins with the first statement in it. */
import { Shared } from "@cenote/core/RequestService"
import type { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { TransactionOptions } from "../../SqlTransaction.js"
import type { Bound } from "../client/Bound.js"
import { transactionEnded } from "../client/failure.js"
import { OnDemand } from "../client/Handle.js"
import { lease } from "../client/lease.js"
import type { Frame, Transactions } from "../client/transaction.js"
import { bind, transaction } from "../client/transaction.js"

/** How the transaction of a request begins. */
export type BeginOptions = Pick<TransactionOptions, "deferrable" | "isolation" | "readOnly">

interface Begun<A, E> {
  readonly bound: Bound<A, E>
  readonly frame: Frame
  readonly span: Tracer.Span
}

/** A BEGIN that was interrupted may have begun something. */
const begin = <A extends object, E>(
  self: Transactions<A, E>,
  options: BeginOptions,
  parent: Tracer.AnySpan | undefined
): Effect.Effect<Begun<A, E>, SqlError, Scope.Scope> => {
  const pool = self.pools.forTransaction(options)
  const traced = Effect.makeSpanScoped("sql.transaction", {
    parent,
    attributes: Object.fromEntries(self.attributes),
    kind: "client",
    captureStackTrace: false
  })
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const connection = yield* restore(lease(pool))
      const span = yield* traced
      const bound = yield* bind(self, connection, 0, pool.invalidate(connection))
      // Whoever still has it when the connection goes back has it for nothing.
      yield* Effect.addFinalizer(() => Effect.sync(() => bound.end()))
      const frame = transaction(bound, options)
      yield* Effect.catchAllCause(restore(frame.begin), (cause) =>
        Effect.zipRight(
          Cause.isInterrupted(cause) ? Effect.exit(restore(frame.rollback())) : Effect.void,
          Effect.failCause(cause)
        ))
      return { bound, frame, span }
    })
  )
}

class Ended {
  readonly _tag = "Ended"
}

const ended = new Ended()

/** Whose handlers have returned the response whose body the fiber is sending. */
const sending = FiberRef.unsafeMake<ReadonlyArray<object>>([])

export class OnFirstUse<A extends object, E> extends OnDemand<A, E> {
  private hasEnded = false
  private wasAsked = false
  private readonly shared: Shared<Begun<A, E>, SqlError, Ended>

  /** `refusal` is what asking for it comes to, where it must not begin. */
  constructor(
    self: Transactions<A, E>,
    options: BeginOptions,
    parent: Tracer.AnySpan | undefined,
    private readonly refusal: Effect.Effect<never> | undefined
  ) {
    super()
    this.shared = new Shared(begin(self, options, parent), () => ended, "Kept")
  }

  get isEnded(): boolean {
    return this.hasEnded
  }

  /** Whether somebody needed it, and so may have a connection. */
  get isUsed(): boolean {
    return this.wasAsked
  }

  /** What sends the body of the response has the handler's context, perhaps, but comes after the transaction. */
  isOutside(fiber: Fiber.RuntimeFiber<any, any>): boolean {
    return fiber.getFiberRef(sending).includes(this)
  }

  /** While its Scope is open, the fiber is outside of the transaction. */
  get outside(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.locallyScopedWith(sending, (before) => [...before, this])
  }

  protected get current(): Bound<A, E> | undefined {
    return this.shared.current?.bound
  }

  protected begun(sql: string): Effect.Effect<Bound<A, E>, SqlError> {
    if (this.hasEnded) return Effect.fail(transactionEnded(sql))
    if (this.refusal !== undefined) return this.refusal
    this.wasAsked = true
    return Effect.mapError(
      this.shared.use(({ bound }) => Effect.succeed(bound)),
      (error) => error instanceof Ended ? transactionEnded(sql) : error
    )
  }

  /** Fails as COMMIT does; nothing was committed then, or it is a `CommitUnknown`. Must be run uninterruptibly. */
  commit(restore: Restore): Effect.Effect<void, SqlError> {
    return this.finish("db.transaction.commit", ({ frame }) => restore(frame.commit))
  }

  /** Must be run uninterruptibly. */
  rollback(restore: Restore): Effect.Effect<void> {
    // An interrupted fiber does not wait for it.
    return this.finish("db.transaction.rollback", ({ frame }) => Effect.asVoid(Effect.exit(restore(frame.rollback()))))
  }

  private finish<F>(name: string, end: (begun: Begun<A, E>) => Effect.Effect<void, F>): Effect.Effect<void, F> {
    return Effect.suspend(() => {
      this.hasEnded = true
      const begun = this.shared.current
      if (begun === undefined) return this.shared.end
      begun.bound.end()
      return Effect.flatMap(Clock.currentTimeNanos, (now) => {
        begun.span.event(name, now)
        return Effect.ensuring(end(begun), this.shared.end)
      })
    })
  }
}

type Restore = <B, F, R>(effect: Effect.Effect<B, F, R>) => Effect.Effect<B, F, R>
