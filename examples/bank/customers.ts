/**
 * Clients that live in the process of their service, and yet outlive it, as real ones do: when the program is interrupted, the
 * service stops first, and they hear of it.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import { within } from "../graceful/within.js"
import type { Answer, Outcome } from "./load.js"

/** What they were told in all. */
export interface Heard {
  readonly times: Readonly<Record<Outcome, number>>
  /** The first of each kind. */
  readonly first: Readonly<Partial<Record<Outcome, Answer>>>
}

/** Those that are left when the Scope closes are interrupted. */
export const make = Effect.gen(function*() {
  const fibers = yield* FiberSet.make<unknown, unknown>()
  const times: Record<Outcome, number> = {
    Transferred: 0,
    Insufficient: 0,
    Unavailable: 0,
    Refused: 0,
    Failed: 0,
    Lost: 0
  }
  const first: Partial<Record<Outcome, Answer>> = {}

  return {
    heard: { times, first } as Heard,

    hear: (answer: Answer): void => {
      times[answer.outcome]++
      first[answer.outcome] ??= answer
    },

    /** Runs it and waits for it. Who is interrupted only waits no longer. */
    run: <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.flatMap(FiberSet.run(fibers, effect), Fiber.join),

    /** Runs it, and waits for nothing. */
    fork: <R>(effect: Effect.Effect<unknown, never, R>): Effect.Effect<void, never, R> =>
      Effect.asVoid(FiberSet.run(fibers, effect)),

    /** Waits for a time until all of them have ended. */
    gone: within(FiberSet.awaitEmpty(fibers), "5 seconds")
  }
})

export type Customers = Effect.Effect.Success<typeof make>
