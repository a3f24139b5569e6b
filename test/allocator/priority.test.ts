import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Priority } from "../../packages/core/src/model/options.js"
import { AGEING, Bench } from "./bench.js"

/** Somebody holds the only connection. */
const busy = (): Bench => {
  const bench = new Bench({ maxSize: 1 })
  bench.take()
  bench.opened(0)
  return bench
}

const ask = (bench: Bench, ...priorities: ReadonlyArray<Priority>) =>
  priorities.forEach((priority) => bench.take(Infinity, { priority }))

/** The order in which those that wait are served. */
const served = (bench: Bench): ReadonlyArray<number> => {
  const order: Array<number> = []
  for (let holder = 0; bench.view.waiting.length > 0; order.push(holder)) {
    bench.leave(holder)
    holder = Number(bench.view.leased[0]!.split(" by ")[1])
  }
  return order
}

const priorities = ["high", "normal", "low"] as const

const headStarts = { high: AGEING, normal: 0, low: -AGEING }

interface Waiter {
  readonly number: number
  readonly ticket: Ticket
}

/** The earliest turn first; of equal ones the higher class; within a class who came first. */
const sorted = (waiters: ReadonlyArray<Waiter>): ReadonlyArray<Waiter> =>
  [...waiters].sort((a, b) =>
    a.ticket.turn - b.ticket.turn || priorities.indexOf(a.ticket.priority) - priorities.indexOf(b.ticket.priority) ||
    a.number - b.number
  )

describe("callers of several classes", () => {
  it("are served the highest first, and in order of arrival within a class", () => {
    const bench = busy()
    ask(bench, "low", "normal", "high", "low", "high", "normal")
    expect(served(bench)).toEqual([3, 5, 2, 6, 1, 4])
  })

  it("go before who came up to the head start earlier of the class below, and no further, so that nobody starves", () => {
    const bench = busy()
    ask(bench, "low")
    bench.elapse(AGEING - 1)
    ask(bench, "normal")
    bench.elapse(1)
    ask(bench, "normal")
    bench.elapse(1)
    ask(bench, "normal")
    expect(served(bench)).toEqual([2, 3, 1, 4])
  })

  it("overtake nobody for ever: a low one is served after a while, however many high ones come", () => {
    const bench = busy()
    ask(bench, "low")
    let holder = 0
    for (let round = 0; holder !== 1; round++) {
      expect(round).toBeLessThanOrEqual(2 * AGEING + 1)
      ask(bench, "high")
      bench.now++
      bench.leave(holder)
      holder = Number(bench.view.leased[0]!.split(" by ")[1])
    }
    expect(bench.now).toBe(2 * AGEING + 2)
  })

  it("are told their places among all", () => {
    const bench = busy()
    bench.take(5, { priority: "low" })
    bench.take(5, { priority: "normal" })
    bench.take(5, { priority: "high" })
    expect(bench.elapse(5)).toEqual([
      "ticket 3: TimedOut after 5 at place 1",
      "ticket 2: TimedOut after 5 at place 2",
      "ticket 1: TimedOut after 5 at place 3"
    ])
  })

  it("wait as a newcomer of a higher class does, though a connection is idle that is checked for another", () => {
    const bench = new Bench({ maxSize: 1, checkAfterIdle: 0 })
    bench.fill(1)
    ask(bench, "low", "high")
    expect(bench.checked(0, true)).toEqual(["ticket 2 gets 0"])
  })
})

describe("WaitQueue with classes", () => {
  const any = fc.array(
    fc.record({
      priority: fc.constantFrom<Priority>("high", "normal", "low"),
      later: fc.constantFrom(0, 0, 1, 7, AGEING),
      within: fc.constantFrom(1, 10, 50, Infinity),
      leaves: fc.option(fc.nat({ max: 100 }), { nil: undefined, freq: 3 })
    }),
    { maxLength: 60, size: "max" }
  )

  it("knows the next to be served, the next to be overdue, and everybody's place, as a sorted list does", () => {
    fc.assert(
      fc.property(any, (callers) => {
        let queue = WaitQueue.empty
        let waiters: ReadonlyArray<Waiter> = []
        let now = 0
        for (const [number, { later, leaves, priority, within }] of callers.entries()) {
          now += later
          const manner = {
            priority,
            headStart: headStarts[priority],
            isLong: false,
            mayShare: false,
            party: undefined,
            origin: undefined
          }
          const ticket = new Ticket(now, now + within, undefined, manner)
          queue = WaitQueue.push(queue, number, ticket)
          waiters = [...waiters, { number, ticket }]
          if (leaves !== undefined) {
            const leaver = waiters[leaves % waiters.length]!
            queue = WaitQueue.remove(queue, leaver.number)
            expect(WaitQueue.remove(queue, leaver.number)).toBe(queue)
            expect(WaitQueue.placeOf(queue, leaver.number)).toBe(0)
            expect(WaitQueue.get(queue, leaver.number)).toBeUndefined()
            waiters = waiters.filter((waiter) => waiter !== leaver)
          }
          const order = sorted(waiters)
          const deadline = Math.min(Infinity, ...waiters.map(({ ticket }) => ticket.deadline))
          const urgent = WaitQueue.mostUrgent(queue)
          expect(WaitQueue.size(queue)).toBe(waiters.length)
          expect(WaitQueue.first(queue)).toBe(order[0]?.number)
          expect(WaitQueue.nextDeadline(queue)).toBe(deadline)
          expect(urgent === undefined ? Infinity : WaitQueue.get(queue, urgent)!.deadline).toBe(deadline)
          expect(order.map(({ number }) => WaitQueue.placeOf(queue, number))).toEqual(
            order.map((_, index) => index + 1)
          )
          expect(new Set(WaitQueue.entries(queue).map(([number]) => number))).toEqual(
            new Set(waiters.map(({ number }) => number))
          )
        }
        for (const { number } of sorted(waiters)) {
          expect(WaitQueue.first(queue)).toBe(number)
          queue = WaitQueue.remove(queue, number)
        }
        expect(queue).toBe(WaitQueue.empty)
      }),
      { numRuns: 100 }
    )
  })

  it("serves who is never to be passed by the class below last, but does serve it", () => {
    const manner = {
      priority: "low",
      headStart: -Infinity,
      isLong: false,
      mayShare: false,
      party: undefined,
      origin: undefined
    } as const
    const queue = WaitQueue.push(WaitQueue.empty, 0, new Ticket(0, Infinity, undefined, manner))
    expect(WaitQueue.first(queue)).toBe(0)
    const both = WaitQueue.push(queue, 1, new Ticket(5, Infinity))
    expect(WaitQueue.first(both)).toBe(1)
  })

  it("keeps a queue of one class in its one line", () => {
    const queue = WaitQueue.push(WaitQueue.empty, 0, new Ticket(0, 5))
    expect(WaitQueue.placeOf(queue, 9)).toBe(0)
    expect(WaitQueue.remove(queue, 9)).toBe(queue)
  })
})
