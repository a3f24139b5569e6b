/**
 * One connection's life: open, check, reset, close. Knows no other connection, and nothing of who uses it.
 *
 * Each step is bounded in time. It runs in a fiber that is left behind when its time is over or its runner is interrupted, so
 * one that ignores interruption holds up nobody but its own connection's close. What it opens after that is closed at once, because
 * its Scope is.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { ConnectTimeout } from "../model/errors.js"
import { CloseOutcome } from "../model/events.js"
import type { Settings } from "../model/settings.js"

/** What a returned connection needs. */
export type Condition = "Clean" | "NeedsReset" | "Broken"

/** A step took longer than it may. */
export class StepTimeout extends Data.TaggedError("StepTimeout")<{ readonly step: string; readonly after: number }> {
  override get message(): string {
    return `The ${this.step} took longer than ${this.step}Timeout (${Duration.format(Duration.millis(this.after))})`
  }
}

/** Clock.sleep does not end for more than 2^31 - 1 ms. */
const LONGEST_SLEEP = 2 ** 31 - 1

const sleep = (millis: number): Effect.Effect<void> =>
  millis === Infinity
    ? Effect.never
    : millis <= LONGEST_SLEEP
    ? Effect.sleep(millis)
    : Effect.zipRight(Effect.sleep(LONGEST_SLEEP), Effect.suspend(() => sleep(millis - LONGEST_SLEEP)))

/**
 * Ends within the time, or when it is interrupted, whether the step gives in to interruption or not: the step, a fiber of its
 * own, is then interrupted and left behind. It begins uninterruptibly, or an interruption before it has begun would lose the
 * finalizers: one that may be interrupted says so itself.
 *
 * Not a race of Effect's: interrupted between making its two fibers and starting them, it waits for them for ever
 * (docs/verification.md).
 */
const bounded = <A, E, R, E2>(
  step: Effect.Effect<A, E, R>,
  millis: number,
  onTimeout: () => E2
): Effect.Effect<A, E | E2, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDaemon(step),
      (fiber) =>
        Effect.flatMap(Effect.forkDaemon(Effect.interruptible(sleep(millis))), (alarm) =>
          Effect.ensuring(
            restore(first(fiber, alarm, onTimeout)),
            Effect.sync(() => {
              fiber.unsafeInterruptAsFork(FiberId.none)
              alarm.unsafeInterruptAsFork(FiberId.none)
            })
          ))
    )
  )

const first = <A, E, E2>(
  fiber: Fiber.RuntimeFiber<A, E>,
  alarm: Fiber.RuntimeFiber<void>,
  onTimeout: () => E2
): Effect.Effect<A, E | E2> =>
  Effect.async((resume) => {
    fiber.addObserver(resume)
    alarm.addObserver(() => resume(Effect.failSync(onTimeout)))
  })

export class Resource<A, E, R> {
  private opened: Option.Option<A> = Option.none()
  /** Known as soon as it is open, also where nobody waits for it any more: to be aborted. */
  private session: Option.Option<A> = Option.none()
  /** The fiber that opens it, also where nobody waits for it any more. */
  private opening: Fiber.RuntimeFiber<unknown, unknown> | undefined
  private isClosed = false

  constructor(
    private readonly settings: Settings<A, E, R>,
    private readonly scope: Scope.CloseableScope
  ) {}

  /** The connection. Only ever asked for after `open` has succeeded. */
  get connection(): A {
    if (Option.isNone(this.opened)) throw new Error("Bug in Cenote: a connection was used before it was open")
    return this.opened.value
  }

  is(connection: unknown): boolean {
    return Option.isSome(this.opened) && this.opened.value === connection
  }

  /** Each try has a Scope of its own, closed before the next. Fails as the connector does, or with `ConnectTimeout`. */
  get open(): Effect.Effect<void, E | ConnectTimeout, R> {
    const { connectRetry, connectTimeout, connector, name } = this.settings
    const attempt = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(this.scope, ExecutionStrategy.sequential), (scope) =>
        pipe(
          restore(Scope.extend(connector.open, scope)),
          Effect.tap((connection) => {
            this.session = Option.some(connection)
          }),
          // One that is interrupted is the pool's to close: it waits for that, within `closeTimeout`.
          Effect.onError((cause) =>
            Cause.isInterruptedOnly(cause) ? Effect.void : Scope.close(scope, Exit.failCause(cause))
          )
        ))
    )
    const tries = Option.match(connectRetry, {
      onNone: () => attempt,
      onSome: (schedule) => Effect.retry(attempt, schedule)
    })
    const step = Effect.withFiberRuntime<A, E, R>((fiber) => {
      if (this.isClosed) return Effect.interrupt
      this.opening = fiber
      return Effect.interruptible(tries)
    })
    return Effect.map(
      bounded(step, connectTimeout, () => new ConnectTimeout({ pool: name, after: connectTimeout })),
      (connection) => {
        this.opened = Option.some(connection)
        this.opening = undefined
      }
    )
  }

  /** Asks the other side whether the connection works. A connector without the one step does with the other. */
  check(step: "check" | "ping"): Effect.Effect<unknown, unknown, R> {
    const { checkTimeout, connector } = this.settings
    const ask = step === "ping" ? connector.ping ?? connector.check : connector.check ?? connector.ping
    return ask === undefined
      ? Effect.void
      : bounded(
        Effect.interruptible(Effect.suspend(() => ask(this.connection))),
        checkTimeout,
        () => new StepTimeout({ step: "check", after: checkTimeout })
      )
  }

  get reset(): Effect.Effect<unknown, unknown, R> {
    const { connector: { reset }, resetTimeout } = this.settings
    return reset === undefined
      ? Effect.void
      : bounded(
        Effect.interruptible(Effect.suspend(() => reset(this.connection))),
        resetTimeout,
        () => new StepTimeout({ step: "reset", after: resetTimeout })
      )
  }

  /** Asked when the connection comes back. Without I/O; a connector that throws here does not know its connection any more. */
  get condition(): Condition {
    const { isBroken, needsReset, reset } = this.settings.connector
    try {
      if (isBroken !== undefined && isBroken(this.connection)) return "Broken"
      if (reset === undefined) return "Clean"
      return needsReset === undefined || needsReset(this.connection) ? "NeedsReset" : "Clean"
    } catch {
      return "Broken"
    }
  }

  /** Registers the pool's listeners. A connector that throws here counts as having lost the connection. */
  listen(lost: (reason: unknown) => void, critical: () => void): void {
    const { onCritical, onLost } = this.settings.connector
    try {
      onCritical?.(this.connection, critical)
      onLost?.(this.connection, lost)
    } catch (defect) {
      lost(defect)
    }
  }

  /**
   * Runs the finalizers, once and all of them, for as long as they take. An opening that ignores its interruption may have begun a session
   * on the server: it runs its finalizers itself, as its Scope is closed, and the connection is not closed before it has ended.
   */
  get finalize(): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => {
      this.isClosed = true
      const finalizers = Scope.close(this.scope, Exit.void)
      return this.opening === undefined ? finalizers : Effect.ensuring(finalizers, Fiber.await(this.opening))
    }))
  }

  /** Runs the finalizers, and aborts where they do not end in time. Never fails. */
  get close(): Effect.Effect<CloseOutcome> {
    const { closeTimeout } = this.settings
    return Effect.matchCause(
      bounded(this.finalize, closeTimeout, () => new StepTimeout({ step: "close", after: closeTimeout })),
      {
        onSuccess: () => CloseOutcome.Closed(),
        onFailure: (cause) => {
          if (Option.isNone(Cause.failureOption(cause))) return CloseOutcome.Failed({ cause })
          this.abort()
          return CloseOutcome.Aborted()
        }
      }
    )
  }

  /** Kills the connection without goodbye, where the connector can. */
  abort(): void {
    const { abort } = this.settings.connector
    if (abort === undefined || Option.isNone(this.session)) return
    try {
      abort(this.session.value)
    } catch {
      // What it throws is ignored: there is nothing left to do with the connection.
    }
  }
}

export const make = <A, E, R>(settings: Settings<A, E, R>): Resource<A, E, R> =>
  new Resource(settings, Effect.runSync(Scope.make()))
