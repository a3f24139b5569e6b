/** A progress bar; where there is no terminal, a line now and then. */
import { Presets, SingleBar } from "cli-progress"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Progress {
  readonly advance: Effect.Effect<void>
}

/** Shows it until the Scope closes. */
export const make = (label: string, total: number): Effect.Effect<Progress, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const bar = new SingleBar({
        format: `${label} {bar} {value}/{total}  {duration_formatted}`,
        stream: process.stdout,
        barsize: 30,
        hideCursor: true,
        noTTYOutput: true,
        notTTYSchedule: 2000
      }, Presets.shades_classic)
      bar.start(total, 0)
      return bar
    }),
    (bar) => Effect.sync(() => bar.stop())
  ).pipe(Effect.map((bar) => ({ advance: Effect.sync(() => bar.increment()) })))
