/** By a SqlClient, in the caller's own fiber. */
import type { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import { move } from "../bank.js"
import type { Transfer } from "../judge.js"
import type { Outcome } from "../outcome.js"
import { committed, outcomeOf } from "../outcome.js"
import type { Way } from "./way.js"

/** `Committing`: all that the transaction has to do is done, and COMMIT is next. */
type Phase = "Working" | "Committing"

const left: Record<Phase, Outcome> = {
  Working: { _tag: "RolledBack", why: "interrupted" },
  Committing: { _tag: "Unknown", why: "interrupted while committing" }
}

export const make = (sql: SqlClient): Way => {
  /** Of those that are under way, and those whose callers have left. */
  const phases = new Map<number, Phase>()
  const enter = (id: number, phase: Phase) => Effect.sync(() => phases.set(id, phase))
  const take = (id: number): Phase => {
    const phase = phases.get(id) ?? "Working"
    phases.delete(id)
    return phase
  }
  return {
    name: "sql",
    ask: (transfer: Transfer) =>
      enter(transfer.id, "Working").pipe(
        Effect.zipRight(sql.withTransaction(Effect.zipRight(move(sql, transfer), enter(transfer.id, "Committing")))),
        Effect.matchCause({ onFailure: outcomeOf, onSuccess: () => committed }),
        Effect.tap(() => Effect.sync(() => take(transfer.id)))
      ),
    left: (id) => left[take(id)]
  }
}
