/** A contender that is ready for the work of a case: its pool is open, and full. */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { fill, fillPromises } from "../cases/loops.js"
import type { Case, Contender, Point } from "../model.js"

/** Does the work once. */
export type Run = () => Promise<void>

export const prepare = (
  { effect, promise, settings }: Case,
  contender: Contender,
  point: Point
): Effect.Effect<Run, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const wanted = settings(point)
    const runtime = yield* Effect.runtime<never>()
    switch (contender._tag) {
      case "Effect": {
        const use = yield* contender.make(wanted)
        yield* fill(use, wanted.maxSize)
        const work = effect(use, point)
        return () => Runtime.runPromise(runtime)(work)
      }
      case "Promise": {
        const pool = yield* contender.make(wanted)
        yield* Effect.promise(() => fillPromises(pool, wanted.maxSize))
        return () => promise(pool, point)
      }
    }
  })
