import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"

type Operation =
  | { readonly _tag: "Push"; readonly deadline: number }
  | { readonly _tag: "Remove"; readonly pick: number }
  | { readonly _tag: "RemoveFirst" }
  | { readonly _tag: "RemoveMostUrgent" }

interface Waiter {
  readonly number: number
  readonly ticket: Ticket
}

const deadlinesOf = {
  "all the same": fc.constant(50),
  "in any order": fc.nat({ max: 1_000 }),
  "often equal": fc.nat({ max: 4 }),
  "often infinite": fc.oneof(fc.constant(Infinity), fc.nat({ max: 20 })),
  "far in the future": fc.nat({ max: 100 }).map((ms) => 1.8e12 + ms * 1_000),
  "all infinite": fc.constant(Infinity)
} satisfies Record<string, fc.Arbitrary<number>>

const operationsWith = (deadline: fc.Arbitrary<number>): fc.Arbitrary<ReadonlyArray<Operation>> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Push" as const), deadline }) },
      { weight: 2, arbitrary: fc.record({ _tag: fc.constant("Remove" as const), pick: fc.nat({ max: 1_000 }) }) },
      { weight: 1, arbitrary: fc.constant({ _tag: "RemoveFirst" as const }) },
      { weight: 1, arbitrary: fc.constant({ _tag: "RemoveMostUrgent" as const }) }
    ),
    { maxLength: 100, size: "max" }
  )

/** Whose deadline is the earliest; of equal ones, who came first. */
const mostUrgent = (waiters: ReadonlyArray<Waiter>): Waiter | undefined =>
  waiters.filter(({ ticket }) => ticket.deadline < Infinity)
    .sort((a, b) => a.ticket.deadline - b.ticket.deadline || a.number - b.number)[0]

const leaver = (
  waiters: ReadonlyArray<Waiter>,
  operation: Exclude<Operation, { _tag: "Push" }>
): Waiter | undefined => {
  switch (operation._tag) {
    case "Remove":
      return waiters[operation.pick % Math.max(1, waiters.length)]
    case "RemoveFirst":
      return waiters[0]
    case "RemoveMostUrgent":
      return mostUrgent(waiters)
  }
}

const run = (operations: ReadonlyArray<Operation>): void => {
  let queue = WaitQueue.empty
  let waiters: ReadonlyArray<Waiter> = []
  for (const [number, operation] of operations.entries()) {
    if (operation._tag === "Push") {
      const ticket = new Ticket(0, operation.deadline)
      queue = WaitQueue.push(queue, number, ticket)
      waiters = [...waiters, { number, ticket }]
    } else {
      const leaving = leaver(waiters, operation)
      queue = WaitQueue.remove(queue, leaving?.number ?? number)
      waiters = waiters.filter((waiter) => waiter !== leaving)
    }
    const seen = [
      WaitQueue.size(queue),
      WaitQueue.first(queue),
      WaitQueue.mostUrgent(queue),
      WaitQueue.nextDeadline(queue),
      WaitQueue.get(queue, number)
    ]
    const expected = [
      waiters.length,
      waiters[0]?.number,
      mostUrgent(waiters)?.number,
      Math.min(Infinity, ...waiters.map(({ ticket }) => ticket.deadline)),
      waiters.find((waiter) => waiter.number === number)?.ticket
    ]
    if (!seen.every((value, index) => value === expected[index])) expect(seen).toEqual(expected)
  }
  for (const [index, { number, ticket }] of waiters.entries()) {
    expect(WaitQueue.placeOf(queue, number)).toBe(index + 1)
    expect(WaitQueue.get(queue, number)).toBe(ticket)
  }
  for (const { number } of waiters) {
    expect(WaitQueue.first(queue)).toBe(number)
    queue = WaitQueue.remove(queue, number)
  }
  expect(queue).toBe(WaitQueue.empty)
}

const queueOf = (...deadlines: ReadonlyArray<number>): WaitQueue.WaitQueue =>
  deadlines.reduce(
    (queue, deadline, number) => WaitQueue.push(queue, number, new Ticket(0, deadline)),
    WaitQueue.empty
  )

describe("WaitQueue", () => {
  for (const [name, deadline] of Object.entries(deadlinesOf)) {
    it(`keeps the order of arrival and knows the earliest deadline, where deadlines are ${name}`, () => {
      fc.assert(fc.property(operationsWith(deadline), run), { numRuns: 40 })
    })
  }

  it("expires in the order of the deadlines, and of arrival where they are equal", () => {
    let queue = queueOf(30, 10, 20, 10, Infinity, 20)
    const order: Array<number> = []
    for (let number = WaitQueue.mostUrgent(queue); number !== undefined; number = WaitQueue.mostUrgent(queue)) {
      order.push(number)
      queue = WaitQueue.remove(queue, number)
    }
    expect(order).toEqual([1, 3, 2, 5, 0])
    expect(WaitQueue.nextDeadline(queue)).toBe(Infinity)
  })

  it("moves everybody behind a leaver up by one place", () => {
    const queue = WaitQueue.remove(queueOf(5, 5, 5, 5), 1)
    expect([0, 2, 3].map((number) => WaitQueue.placeOf(queue, number))).toEqual([1, 2, 3])
  })

  it("stays as it is when somebody leaves who does not wait", () => {
    const queue = queueOf(5, 3)
    expect(WaitQueue.remove(queue, 7)).toBe(queue)
  })

  it("needs no second place for those whose deadlines rise or are equal", () => {
    expect(queueOf(5, 5, 6, 6, 7).normal.early.size).toBe(0)
    expect(queueOf(5, 4).normal.early.size).toBe(1)
  })

  it("forgets the deadlines that are gone, so that a short one after long ones needs no second place", () => {
    const queue = WaitQueue.push(WaitQueue.remove(queueOf(1_000), 0), 1, new Ticket(0, 5))
    expect(queue.normal.early.size).toBe(0)
    expect(WaitQueue.nextDeadline(queue)).toBe(5)
  })
})
