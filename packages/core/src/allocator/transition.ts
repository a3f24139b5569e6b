/** The allocator as one pure function: an input and a state give a decision and the next state. */
import { cede } from "./cede.js"
import { claim } from "./claim.js"
import { abandonIfDue, closed, drain, shutdown } from "./closing.js"
import type { Act, DecisionOf, Input, Work } from "./decision.js"
import { leave } from "./leave.js"
import { opened, openFailed } from "./opening.js"
import { clear, recycle, resize, resume, suspend } from "./operations.js"
import { bind, expel, serveSeats } from "./seats.js"
import { settle } from "./settle.js"
import type { State } from "./state.js"
import { withPhase } from "./state.js"
import { checked, condemn, resetDone, suspect } from "./steps.js"
import { take } from "./take.js"
import type { Ticket } from "./Ticket.js"
import { act, sweepIfDue } from "./upkeep.js"

const tick = (state: State, now: number): readonly [Act, State] => {
  const abandoned = abandonIfDue(state, now)
  if (abandoned !== undefined) return abandoned
  const work: Array<Work> = []
  return act(settle(sweepIfDue(state, now, work), now, work), now, work)
}

const start = (before: State, now: number, target: number, ticket: Ticket): readonly [Act, State] => {
  const work: Array<Work> = []
  const state = withPhase(before, { _tag: "Starting", target, ticket })
  return act(settle(state, now, work), now, work)
}

export const transition: <I extends Input>(state: State, input: I) => readonly [DecisionOf<I>, State] = (
  state: State,
  input: Input
): readonly [any, State] => {
  switch (input._tag) {
    case "Take":
      return take(state, input.now, input.ticket)
    case "Claim":
      return claim(state, input.now, input.ticket)
    case "Seat":
      return serveSeats(state, input.now, input.numbers)
    case "Bind":
      return bind(state, input.now, input.numbers, input.isBound)
    case "Expel":
      return expel(state, input.now, input.number)
    case "Leave":
      return leave(state, input.now, input.number, input.verdict)
    case "Opened":
      return opened(state, input.now, input.id, input.spread)
    case "OpenFailed":
      return openFailed(state, input.now, input.id, input.cause, input.jitter)
    case "Checked":
      return checked(state, input.now, input.id, input.passed)
    case "ResetDone":
      return resetDone(state, input.now, input.id, input.passed)
    case "Closed":
      return closed(state, input.now, input.id, input.aborted)
    case "Condemn":
      return condemn(state, input.now, input.id, input.reason)
    case "Cede":
      return cede(state, input.now)
    case "Tick":
      return tick(state, input.now)
    case "Start":
      return start(state, input.now, input.target, input.ticket)
    case "Shutdown":
      return shutdown(state, input.now, input.ticket)
    case "Drain":
      return drain(state, input.now, input.ticket)
    case "Clear":
      return clear(state, input.now, input.abortLeases)
    case "Recycle":
      return recycle(state, input.now, input.within)
    case "Suspend":
      return suspend(state, input)
    case "Resume":
      return resume(state, input.now)
    case "Resize":
      return resize(state, input.now, input.sizes)
    case "Suspect":
      return suspect(state, input.now)
  }
}
