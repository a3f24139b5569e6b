/**
 * Transactions of the allocator that are part of a larger one, which then fails: they must leave no trace, neither in the state
 * nor anywhere else.
 *
 * Promise: a transition changes nothing outside of the state. What a rolled-back one changed is what some other run's promise
 * breaks of: a ticket that was told of a grant that never was, a queue that was changed in place.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as STM from "effect/STM"
import type { Input } from "../../../packages/core/src/allocator/decision.js"
import { keep } from "../../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../../packages/core/src/allocator/OrderedMap.js"
import type { State } from "../../../packages/core/src/allocator/state.js"
import { Ticket } from "../../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../../packages/core/src/allocator/WaitQueue.js"
import { capability } from "../stage.js"

const inputs = {
  take: (_: State, now: number): ReadonlyArray<Input> => [{ _tag: "Take", now, ticket: new Ticket(now, now + 10) }],
  /** Everybody who holds gives back, and everybody who waits leaves. */
  leave: ({ leased, queue }: State, now: number): ReadonlyArray<Input> =>
    [...OrderedMap.keys(leased), ...WaitQueue.entries(queue).map(([number]) => number)].map((number) => ({
      _tag: "Leave",
      now,
      number,
      verdict: keep
    })),
  tick: (_: State, now: number): ReadonlyArray<Input> => [{ _tag: "Tick", now: now + 1_000 }],
  shutdown: (_: State, now: number): ReadonlyArray<Input> => [{ _tag: "Shutdown", now, ticket: new Ticket(now, now) }],
  operate: (_: State, now: number): ReadonlyArray<Input> => [
    { _tag: "Suspect", now },
    { _tag: "Suspend", now, newcomers: "wait", until: now + 5 },
    { _tag: "Resize", now, sizes: { maxSize: 1 } },
    { _tag: "Resume", now },
    { _tag: "Recycle", now, within: 0 },
    { _tag: "Clear", now, abortLeases: true },
    { _tag: "Drain", now, ticket: new Ticket(now, now) }
  ]
}

interface Rollback {
  readonly at: number
  readonly does: keyof typeof inputs
}

export const rollbacks = capability<Rollback>({
  name: "rollback",
  count: (_, numbers) => numbers.below(3),
  draw: (numbers) => ({
    at: numbers.below(70),
    does: numbers.pick(["take", "leave", "leave", "tick", "shutdown", "operate"])
  }),
  run: ({ allocator, broken }, { at, does }) =>
    Effect.gen(function*() {
      yield* Effect.sleep(at)
      const now = yield* Clock.currentTimeMillis
      const before = yield* allocator.snapshot
      const given = inputs[does](before, now)
      const all = STM.forEach(given, (input) => allocator.decide(input), { discard: true })
      // The same state before and after, in one transaction each, with nobody else's commit in between.
      const same = yield* STM.commit(
        STM.flatMap(allocator.snapshot, (first) =>
          STM.flatMap(
            STM.orElse(STM.zipRight(all, STM.fail("rolled back")), () => STM.void),
            () => STM.map(allocator.snapshot, (second) => first === second)
          ))
      )
      if (!same) broken("a transaction that was rolled back has changed the state")
    })
})
