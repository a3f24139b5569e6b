/**
 * What a fake server's steps can do.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * The steps that a test can rule. `call` is what a holder does with its connection: `FakeConnection.call`.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = "open" | "check" | "ping" | "reset" | "close" | "call"

/**
 * What a step does.
 *
 * - `Ok`: succeeds at once
 * - `Fail`: fails (a close, which cannot fail, dies)
 * - `Die`: dies
 * - `Hang`: never ends, but can be interrupted
 * - `Stick`: never ends, and cannot be interrupted
 * - `Slow`: does something else after a time of the Clock
 * - `Gate`: waits until the test opens the gate, then does something else
 *
 * @since 0.1.0
 * @category models
 */
export type Behaviour = Data.TaggedEnum<{
  Ok: {}
  Fail: { readonly error: FakeError }
  Die: { readonly defect: unknown }
  Hang: {}
  Stick: {}
  Slow: { readonly duration: Duration.DurationInput; readonly then: Behaviour }
  Gate: { readonly gate: Gate; readonly then: Behaviour; readonly interruptible: boolean }
}>

const Behaviour = Data.taggedEnum<Behaviour>()

/**
 * Holds a step until a test opens it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gate {
  /** Ends when a step has come to the gate. */
  readonly reached: Effect.Effect<void>
  /** Lets through the steps that wait, and all that come later. */
  readonly open: Effect.Effect<void>
  /** Ends when the gate is open. */
  readonly pass: Effect.Effect<void>
}

/**
 * What a step fails with.
 *
 * @since 0.1.0
 * @category errors
 */
export class FakeError extends Data.TaggedError("FakeError")<{ readonly step: Step; readonly reason: string }> {
  override get message(): string {
    return `${this.step} failed: ${this.reason}`
  }
}

/**
 * @since 0.1.0
 * @category behaviours
 */
export const ok: Behaviour = Behaviour.Ok()

/**
 * @since 0.1.0
 * @category behaviours
 */
export const fail = (reason = "told to", step: Step = "open"): Behaviour =>
  Behaviour.Fail({ error: new FakeError({ step, reason }) })

/**
 * @since 0.1.0
 * @category behaviours
 */
export const die = (defect: unknown = new Error("told to die")): Behaviour => Behaviour.Die({ defect })

/**
 * @since 0.1.0
 * @category behaviours
 */
export const hang: Behaviour = Behaviour.Hang()

/**
 * @since 0.1.0
 * @category behaviours
 */
export const stick: Behaviour = Behaviour.Stick()

/**
 * Takes its time, then does something else. Default: succeeds.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const slow = (duration: Duration.DurationInput, then: Behaviour = ok): Behaviour =>
  Behaviour.Slow({ duration, then })

/**
 * Waits at a gate, then does something else. Default: succeeds.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const wait = (gate: Gate, then: Behaviour = ok): Behaviour => Behaviour.Gate({ gate, then, interruptible: true })

/**
 * Waits at a gate, and cannot be interrupted there; then does something else. Default: succeeds.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const stickAt = (gate: Gate, then: Behaviour = ok): Behaviour =>
  Behaviour.Gate({ gate, then, interruptible: false })

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeGate: Effect.Effect<Gate> = Effect.map(
  Effect.all([Deferred.make<void>(), Deferred.make<void>()]),
  ([reached, opened]) => ({
    reached: Deferred.await(reached),
    open: Effect.asVoid(Deferred.succeed(opened, undefined)),
    pass: Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(opened))
  })
)

/**
 * Does it.
 *
 * @since 0.1.0
 * @category running
 */
export const behave: (behaviour: Behaviour) => Effect.Effect<void, FakeError> = Behaviour.$match({
  Ok: () => Effect.void,
  Fail: ({ error }) => Effect.fail(error),
  Die: ({ defect }) => Effect.die(defect),
  Hang: () => Effect.never,
  Stick: () => Effect.uninterruptible(Effect.never),
  Slow: ({ duration, then }) => Effect.zipRight(Effect.sleep(duration), Effect.suspend(() => behave(then))),
  Gate: ({ gate, interruptible, then }) =>
    Effect.zipRight(
      interruptible ? gate.pass : Effect.uninterruptible(gate.pass),
      Effect.suspend(() => behave(then))
    )
})
