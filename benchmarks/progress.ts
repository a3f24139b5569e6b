/** A progress bar; where there is no terminal, a line now and then. */
import { Presets, SingleBar } from "cli-progress"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Progress {
  readonly advance: Effect.Effect<void>
  readonly now: (what: string) => void
}

/** Shows it until the Scope closes. */
export const make = (total: number): Effect.Effect<Progress, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const bar = new SingleBar({
        format: "{bar} {value}/{total}  {duration_formatted}  {what}",
        stream: process.stderr,
        barsize: 20,
        hideCursor: true,
        clearOnComplete: true,
        noTTYOutput: true,
        notTTYSchedule: 20_000
      }, Presets.shades_classic)
      bar.start(total, 0, { what: "" })
      return bar
    }),
    (bar) => Effect.sync(() => bar.stop())
  ).pipe(Effect.map((bar) => ({
    advance: Effect.sync(() => bar.increment()),
    now: (what) => bar.update({ what })
  })))
