/** A contender that is ready for its turns at the work of a case. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Contender, Point, Sample } from "../model.js"
import type { Entry } from "./protocol.js"

export interface Subject {
  readonly entry: Entry
  /** Milliseconds: of the last turn, and of all since it was set. */
  readonly last: number
  spent: number
  /** Has a turn. */
  readonly sample: (round: number) => Effect.Effect<Sample, unknown>
  /** Makes its turns long enough to be measured. */
  readonly calibrate: (sample: Sample) => void
}

export type Prepare = (contender: Contender, point: Point) => Effect.Effect<Subject, unknown, Scope.Scope>
