/** Histories that go wrong at their end: what an invariant says of one more commit than there was. */
import type { Entry } from "../../packages/core/src/allocator/Allocator.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../packages/core/src/allocator/state.js"
import { withLeased, withQueue } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import { Bench } from "./bench.js"

/** Ticket 0 holds the only connection, 1 and 2 wait. */
export const queued = (): Bench => {
  const bench = new Bench({ maxSize: 1 })
  bench.take()
  bench.opened(0)
  bench.take()
  bench.take()
  return bench
}

/** What is wrong once the last commit has come again, changed. */
export const after = (bench: Bench, entry: Partial<Entry>): ReadonlyArray<string> =>
  brokenIn(bench.initial, [...bench.history, { ...bench.history.at(-1)!, ...entry }])

/** What is wrong once the state has become another. */
export const changed = (bench: Bench, change: (state: State) => State): ReadonlyArray<string> =>
  after(bench, { state: change(bench.state) })

/** Another ticket has the connection. */
export const handTo = (number: number) => (state: State): State => {
  const ticket = WaitQueue.get(state.queue, number) ?? new Ticket(0, Infinity)
  const lease = OrderedMap.first(state.leased)!
  return withLeased(
    withQueue(state, WaitQueue.remove(state.queue, number)),
    OrderedMap.set(OrderedMap.empty<typeof lease>(), number, { ...lease, number, ticket })
  )
}
