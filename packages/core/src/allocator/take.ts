/** A caller asks for a connection. */
import type { Answer, Work } from "./decision.js"
import { isFresh, lease, nextIdle, retirement, unpark } from "./moves.js"
import { settle } from "./settle.js"
import type { State } from "./state.js"
import { sizes, withQueue, withReuse, withUpkeep, withWaiter } from "./state.js"
import type { Ticket } from "./Ticket.js"
import { refuse, wait } from "./upkeep.js"
import * as WaitQueue from "./WaitQueue.js"

/**
 * Reuse where nobody waits and the next idle connection is ready. Else the caller joins the queue, what it needs is started,
 * and it waits. It is refused, with that under way, where the queue is full; one that tries once is denied by its deadline.
 */
export const take = (state: State, now: number, ticket: Ticket): readonly [Answer, State] => {
  if (state.phase._tag === "Closing" || state.phase._tag === "Closed") {
    return refuse(state, now, [], { _tag: "Closed" })
  }
  const number = state.nextTicket
  if (WaitQueue.size(state.queue) === 0) {
    const idle = nextIdle(state)
    if (
      idle !== undefined && isFresh(state, idle, now) &&
      retirement(state, idle.connection, idle.uses, now) === undefined
    ) {
      const answer: Answer = { _tag: "Reuse", connection: idle.connection.id, number }
      return [answer, withReuse(state, unpark(state, idle), lease(state, number, ticket, idle, now))]
    }
  }
  return enqueue(state, now, ticket)
}

/**
 * Callers that wait for what others hold: all that wait, less the permits that are free, or spent on what is for them. If these
 * counted too, a pool without waiters whose connections are checked before each use would never serve anybody.
 */
const surplus = ({ leased, queue, rules, steps }: State): number =>
  WaitQueue.size(queue) - (rules.maxSize - leased.size - steps.resetting.size - steps.closing.size)

const enqueue = (before: State, now: number, ticket: Ticket): readonly [Answer, State] => {
  const number = before.nextTicket
  const work: Array<Work> = []
  const queue = WaitQueue.push(before.queue, number, ticket)
  const state = settle(withWaiter(before, queue), now, work)
  const waits = WaitQueue.get(state.queue, number) !== undefined
  if (waits && surplus(state) > state.rules.maxWaiters) {
    const after = withUpkeep(
      withQueue(state, WaitQueue.remove(state.queue, number)),
      { refused: state.upkeep.refused + 1 }
    )
    return refuse(after, now, work, { _tag: "QueueFull", sizes: sizes(after) })
  }
  return wait(state, now, work, number)
}
