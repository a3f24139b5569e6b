/** How callers have their transfers done. */
import type * as Effect from "effect/Effect"
import type { Transfer } from "../judge.js"
import type { Outcome } from "../outcome.js"

export interface Way {
  readonly name: string
  /** What the caller is told. It fails with defects only; its interruption is its caller leaving. */
  readonly ask: (transfer: Transfer) => Effect.Effect<Outcome>
  /** What became of the transfer of a caller that has left. It is asked once, when nothing is under way any more. */
  readonly left: (id: number) => Outcome
}
