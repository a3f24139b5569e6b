import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"

const granted = { _tag: "Granted", connection: 3 } as const

const settled = TestClock.adjust(0)

describe("a ticket", () => {
  it("has a deadline that the queue can be ordered by, on a clock that shows a time before 1970 too", () => {
    expect(new Ticket(-907, -707).deadline).toBe(0)
    expect(new Ticket(-907, Infinity).deadline).toBe(Infinity)
  })

  it.effect("keeps a notice that came before its holder waits", () =>
    Effect.gen(function*() {
      const ticket = new Ticket(0, 10)
      ticket.notify(granted)
      expect(yield* ticket.wait(Effect.succeed)).toEqual(granted)
      expect(yield* ticket.wait(Effect.succeed), "and for who asks again").toEqual(granted)
    }))

  it.effect("wakes its holder with the notice", () =>
    Effect.gen(function*() {
      const ticket = new Ticket(0, 10)
      const waiting = yield* Effect.fork(ticket.wait(Effect.succeed))
      yield* settled
      expect(yield* Fiber.poll(waiting)).toEqual(Option.none())
      ticket.notify(granted)
      expect(yield* Fiber.join(waiting)).toEqual(granted)
    }))

  it.effect("keeps the notice for a holder that was interrupted while it waited", () =>
    Effect.gen(function*() {
      const ticket = new Ticket(0, 10)
      const waiting = yield* Effect.fork(ticket.wait(Effect.succeed))
      yield* settled
      yield* Fiber.interrupt(waiting)
      ticket.notify(granted)
      expect(yield* ticket.wait(Effect.succeed)).toEqual(granted)
    }))

  it("has a deadline in whole milliseconds, never before the time that was asked for", () => {
    expect([10, 10.2, Infinity].map((deadline) => new Ticket(0, deadline).deadline)).toEqual([10, 11, Infinity])
  })
})
