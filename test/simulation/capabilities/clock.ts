/**
 * The clock is set forward and back while the pool runs, as after a suspended laptop or a correction of the time.
 *
 * Promises: those of every run, but for those that hold somebody to a time.
 */
import * as Effect from "effect/Effect"
import { capability } from "../stage.js"

interface Jump {
  readonly at: number
  readonly by: number
}

export const clock = capability<Jump>({
  name: "clock",
  count: (profile, numbers) => profile === "clock" ? 1 + numbers.below(3) : 0,
  draw: (numbers) => ({ at: numbers.below(90), by: numbers.pick([-1_000, -40, -7, 7, 40, 10_000]) }),
  run: ({ tell, world }, { at, by }) =>
    Effect.delay(
      Effect.sync(() => {
        tell(`the clock is set by ${by} ms`)
        world.setClock(by)
      }),
      at
    )
})
