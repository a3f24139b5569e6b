import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Allocator from "../../packages/core/src/allocator/Allocator.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as Together from "../../packages/core/src/allocator/together.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import { plain } from "../../packages/core/src/model/asker.js"
import { rulesWith } from "./bench.js"

const ticket = (at = 0, priority: "normal" | "high" = "normal", headStart = 0) =>
  new Ticket(at, Infinity, undefined, { ...plain, priority, headStart, party: {} })

const makePool = (maxSize: number) => Effect.map(Allocator.make(rulesWith({ maxSize })), (allocator) => ({ allocator }))

it.effect("seats are taken in every pool in one transaction, and served when each has something idle", () =>
  Effect.gen(function*() {
    const [one, other] = [yield* makePool(1), yield* makePool(1)]
    const outcome = yield* Together.takeAll([one, other].map((pool) => ({ pool, now: 0, ticket: ticket() })))
    expect(outcome).toMatchObject({
      _tag: "Answered",
      answers: [{ _tag: "Wait", number: 0 }, { _tag: "Wait", number: 0 }]
    })
    const groups = [one, other].map((pool) => ({ pool, now: 0, numbers: [0] }))
    yield* one.allocator.decide({ _tag: "Opened", now: 0, id: 0, spread: 0 })
    expect((yield* Together.gather(groups)).lacking).toEqual([])
    expect((yield* one.allocator.snapshot).leased.size).toBe(0)
    yield* other.allocator.decide({ _tag: "Opened", now: 0, id: 0, spread: 0 })
    expect((yield* Together.gather(groups)).decided.map(({ decision }) => decision._tag)).toEqual(["Act", "Act"])
    expect([(yield* one.allocator.snapshot).leased.size, (yield* other.allocator.snapshot).leased.size]).toEqual([1, 1])
  }))

it.effect("nothing is done for who has left one of its seats", () =>
  Effect.gen(function*() {
    const [one, other] = [yield* makePool(1), yield* makePool(1)]
    yield* Together.takeAll([one, other].map((pool) => ({ pool, now: 0, ticket: ticket() })))
    yield* one.allocator.decide({ _tag: "Leave", now: 0, number: 0, verdict: { _tag: "Keep" } })
    const before = yield* other.allocator.snapshot
    const groups = [one, other].map((pool) => ({ pool, now: 0, numbers: [0] }))
    expect((yield* Together.gather(groups)).decided).toEqual([])
    expect(yield* other.allocator.snapshot).toBe(before)
  }))

it("of two classes the one with the earlier turn comes first, of equal turns the higher one", () => {
  const [normal, high] = [ticket(5), ticket(15, "high", 10)]
  expect(WaitQueue.isBefore(high, normal)).toBe(true)
  expect(WaitQueue.isBefore(normal, high)).toBe(false)
  expect(WaitQueue.isBefore(ticket(4), high)).toBe(true)
})
