/**
 * Callers that ask while they hold a connection, and callers that ask in several fibers at once and take what comes first.
 *
 * The promises are those of every caller.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { capability } from "../stage.js"
import { holding, tellingOutcome } from "./callers.js"

/** As a race, which itself can be left hanging by an interruption (docs/verification.md). */
const firstOf = <E>(effects: ReadonlyArray<Effect.Effect<void, E>>): Effect.Effect<void, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forEach(effects, (effect) => Effect.forkDaemon(restore(effect))), (fibers) =>
      Effect.ensuring(
        restore(Effect.async<void, E>((resume) => fibers.forEach((fiber) => fiber.addObserver(resume)))),
        Fiber.interruptAll(fibers)
      ))
  )

interface Nested {
  readonly at: number
  readonly hold: number
  readonly depth: number
  /** In fibers that race: the others are interrupted. */
  readonly races: boolean
}

export const nested = capability<Nested>({
  name: "nested",
  count: (_, numbers) => numbers.below(3),
  draw: (numbers) => ({
    at: numbers.below(50),
    hold: numbers.below(10),
    depth: 2 + numbers.below(2),
    races: numbers.chance(0.5)
  }),
  run: (stage, { at, depth, hold, races }) => {
    const ask = (inner: Effect.Effect<void, { readonly _tag: string }>) =>
      stage.pool.use((connection) => holding(stage, connection, Effect.zipRight(Effect.sleep(hold), inner)))
    const asks = Array.from({ length: depth })
    const call = races
      ? firstOf(asks.map(() => ask(Effect.void)))
      : asks.reduce<Effect.Effect<void, { readonly _tag: string }>>(ask, Effect.void)
    const patience = (stage.settings.acquireTimeout + hold) * depth
    return Effect.delay(tellingOutcome(stage, `${races ? "race" : "nested"} at ${at}`, patience, call), at)
  }
})
