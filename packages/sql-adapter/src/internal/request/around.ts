/** What runs in a transaction that begins with its first statement. */
import { TransactionConnection } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import { connectionIn, Handle, heldIn } from "../client/Handle.js"
import type { Transactions } from "../client/transaction.js"
import { withTransaction } from "../client/transaction.js"
import type { BeginOptions } from "./OnFirstUse.js"
import { OnFirstUse } from "./OnFirstUse.js"

/** What is around an effect. */
export interface Around<I, S, B, F> {
  readonly options: BeginOptions
  /** Under which the effect finds `service`. */
  readonly tag: Context.Tag<I, S>
  readonly service: S
  /** Of what the effect has succeeded with. What fails is never kept. */
  readonly isKept: (value: B) => boolean
  readonly notCommitted: (error: SqlError) => Effect.Effect<never, F>
  /** What asking for the transaction comes to, where it must not begin. */
  readonly refusal: Effect.Effect<never> | undefined
  /** Where a transaction has begun already, and so cannot be as `options` say. */
  readonly tooLate: Effect.Effect<never>
  /** Of what it gives, what runs later comes after the transaction. */
  readonly after: (value: B, transaction: OnFirstUse<any, any>) => B
}

const isPlain = ({ deferrable, isolation, readOnly }: BeginOptions): boolean =>
  deferrable === undefined && isolation === undefined && readOnly !== true

/** A success that is not to be kept, or what else the effect came to: both undo a savepoint. */
class Undone<B, E> {
  constructor(readonly exit: Exit.Exit<B, E>) {}
}

/** Inside of a transaction that has begun it is a savepoint. */
const nested = <A extends object, E0, I, S, B, E, R, F>(
  self: Transactions<A, E0>,
  { isKept, notCommitted, service, tag }: Around<I, S, B, F>,
  effect: Effect.Effect<B, E, R>
): Effect.Effect<B, E | F, Exclude<R, I>> =>
  withTransaction(
    self,
    {},
    Effect.flatMap(
      Effect.exit(Effect.provideService(effect, tag, service)),
      (exit) => Exit.isSuccess(exit) && isKept(exit.value) ? Effect.succeed(exit.value) : Effect.fail(new Undone(exit))
    )
  ).pipe(
    Effect.catchAll((error): Effect.Effect<B, E | F> => error instanceof Undone ? error.exit : notCommitted(error))
  )

const onFirstUse = <A extends object, E0, I, S, B, E, R, F>(
  self: Transactions<A, E0>,
  { after, isKept, notCommitted, options, refusal, service, tag }: Around<I, S, B, F>,
  effect: Effect.Effect<B, E, R>
): Effect.Effect<B, E | F, Exclude<R, I>> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<B, E | F, Exclude<R, I>>((fiber) => {
      const context = fiber.currentContext
      const span = context.unsafeMap.get(Tracer.ParentSpan.key) as Tracer.AnySpan | undefined
      const transaction = new OnFirstUse(self, options, span, refusal)
      const handle = new Handle(self, transaction, connectionIn(context))
      const inside = Effect.locally(
        effect as Effect.Effect<B, E, Exclude<R, I>>,
        FiberRef.currentContext,
        context.pipe(
          Context.add(TransactionConnection, [handle, 0]),
          Context.add(tag, service)
        ) as Context.Context<never>
      )
      return Effect.matchCauseEffect(restore(inside), {
        onFailure: (cause) => Effect.zipRight(transaction.rollback(restore), Effect.failCause(cause)),
        onSuccess: (value) =>
          Effect.as(
            isKept(value)
              ? Effect.catchAll(transaction.commit(restore), notCommitted)
              : transaction.rollback(restore),
            after(value, transaction)
          )
      })
    })
  )

/** Runs an effect in a transaction that begins with its first statement, if any. */
export const around = <A extends object, E0, I, S, B, E, R, F>(
  self: Transactions<A, E0>,
  it: Around<I, S, B, F>,
  effect: Effect.Effect<B, E, R>
): Effect.Effect<B, E | F, Exclude<R, I>> =>
  Effect.withFiberRuntime<B, E | F, Exclude<R, I>>((fiber) => {
    const outer = heldIn(self, fiber)
    // One that nobody has used yet has no connection: the inner one takes its place.
    if (outer === undefined || (outer instanceof OnFirstUse && !outer.isUsed)) return onFirstUse(self, it, effect)
    return isPlain(it.options) ? nested(self, it, effect) : it.tooLate
  })

/** Runs an effect in no transaction, whatever it is in. */
export const outside = <B, E, R>(effect: Effect.Effect<B, E, R>, tag: Context.Tag<any, any>): Effect.Effect<B, E, R> =>
  Effect.mapInputContext(effect, (context: Context.Context<R>) => {
    const without = new Map(context.unsafeMap)
    without.delete(TransactionConnection.key)
    without.delete(tag.key)
    return Context.unsafeMake<R>(without)
  })
