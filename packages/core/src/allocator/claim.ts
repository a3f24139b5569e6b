/** A user's own transaction takes a connection. */
import type { Claimed } from "./decision.js"
import { nothing } from "./decision.js"
import type { State } from "./state.js"
import { takeNow } from "./take.js"
import type { Ticket } from "./Ticket.js"

/** What a Take would get at once, and else nothing: a claim has no place in the queue, and starts nothing. */
export const claim = (state: State, now: number, ticket: Ticket): readonly [Claimed, State] =>
  (state.phase._tag === "Running" || state.phase._tag === "Starting" ? takeNow(state, now, ticket) : undefined) ??
    [nothing, state]
