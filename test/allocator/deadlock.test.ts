import { describe, expect, it } from "@effect/vitest"
import { Bench, fiberNamed } from "./bench.js"

const [one, other, third] = ["one", "other", "third"].map(fiberNamed)

/** So many connections, all leased, one by each of these fibers. */
const held = (...fibers: ReadonlyArray<ReturnType<typeof fiberNamed> | undefined>): Bench => {
  const bench = new Bench({ maxSize: fibers.length })
  for (const fiber of fibers) bench.take(Infinity, { fiber })
  for (const id of fibers.keys()) bench.opened(id)
  return bench
}

const ask = (bench: Bench, fiber: ReturnType<typeof fiberNamed> | undefined) => bench.take(Infinity, { fiber })

describe("a deadlock", () => {
  it("is told at once to the last to ask, where every holder's own fiber waits for another connection", () => {
    const bench = held(one, other)
    expect(ask(bench, one)).toEqual([])
    expect(ask(bench, other)).toEqual(["ticket 3: Deadlock"])
    expect(bench.view.waiting).toEqual([2])
    expect(bench.leave(1)).toEqual(["ticket 2 gets 1"])
  })

  it("is told to a fiber that holds all there is", () => {
    expect(ask(held(one), one)).toEqual(["ticket 1: Deadlock"])
    expect(ask(held(one, one), one)).toEqual(["ticket 2: Deadlock"])
  })

  it("is none where who timed out was in the way of one who shares", () => {
    const bench = new Bench({ maxSize: 1, concurrency: 3 })
    bench.take(Infinity, { fiber: one, mayShare: true })
    bench.opened(0)
    bench.take(Infinity, { fiber: other, mayShare: true })
    bench.take(10)
    expect(bench.take(Infinity, { fiber: one, mayShare: true })).toEqual([])
    bench.now = 10
    expect(bench.leave(1)).toEqual(["ticket 2: TimedOut after 10 at place 1", "ticket 3 gets 0"])
  })

  it("comes with what it looked like", () => {
    const bench = held(one)
    bench.now = 7
    ask(bench, one)
    expect(bench.history.at(-1)!.decision).toMatchObject({
      work: [{
        denial: {
          _tag: "Deadlock",
          at: 7,
          situation: { sizes: { maxSize: 1, leased: 1, waiting: 1 }, holders: [{ lease: 0, fiber: one }] }
        }
      }]
    })
  })

  it("is none where another fiber waits that holds nothing, or one's fiber is not known", () => {
    const bench = held(one, other)
    expect(ask(bench, third)).toEqual([])
    expect(ask(bench, one)).toEqual([])
    expect(held(one, undefined).view.waiting).toEqual([])
    const unknown = held(one, undefined)
    expect([...ask(unknown, one), ...ask(unknown, undefined)]).toEqual([])
  })

  it("is none while a permit is free, or a connection opens, closes or is reset; and one as soon as that is over", () => {
    const opening = new Bench({ maxSize: 2, whenDown: "wait" })
    ask(opening, one)
    opening.opened(0)
    expect(ask(opening, one)).toEqual(["open 1 for Waiter"])
    opening.resize({ maxSize: 1 })
    expect(opening.closed(1)).toEqual(["ticket 1: Deadlock"])

    const resetting = held(one, other)
    ask(resetting, one)
    resetting.leave(1, { _tag: "Reset" })
    expect(resetting.view.waiting).toEqual([2])
    resetting.resize({ maxSize: 1 })
    expect(resetting.resetDone(1, true)).toEqual(["close 1: Resized"])
    expect(resetting.closed(1)).toEqual(["ticket 2: Deadlock"])
  })

  it("is none where one that waited has left or has been served", () => {
    const bench = held(one, other)
    ask(bench, one)
    bench.leave(2)
    expect(ask(bench, other)).toEqual([])
    expect(ask(bench, one)).toEqual(["ticket 4: Deadlock"])
  })

  it("is broken one after the other where the pool was made smaller under it", () => {
    const bench = held(one, other, third)
    ask(bench, one)
    ask(bench, other)
    expect(bench.resize({ maxSize: 1 })).toEqual([])
    expect(ask(bench, third)).toEqual(["ticket 5: Deadlock"])
    expect(bench.leave(2)).toEqual(["close 2: Resized"])
    expect(bench.closed(2)).toEqual(["ticket 4: Deadlock"])
    expect(bench.leave(1)).toEqual(["close 1: Resized"])
    expect(bench.closed(1)).toEqual(["ticket 3: Deadlock"])
  })

  it("is told to who holds a connection still, where another fiber has given back what the last to ask had", () => {
    const bench = held(one, other, third)
    ask(bench, one)
    ask(bench, other)
    bench.leave(1, { _tag: "Discard", reason: "Broken" })
    bench.resize({ maxSize: 1 })
    bench.leave(2)
    bench.closed(1)
    expect(bench.closed(2)).toEqual(["ticket 3: Deadlock"])
    expect(bench.view).toMatchObject({ waiting: [4], leased: ["0 by 0"] })
    expect(bench.broken).toEqual([])
  })

  it("is one also while the pool is suspended or drains", () => {
    const suspended = held(one)
    suspended.suspend()
    expect(ask(suspended, one)).toEqual(["ticket 1: Deadlock"])

    const draining = held(one, other)
    ask(draining, one)
    draining.resize({ maxSize: 1 })
    draining.drain()
    draining.leave(1)
    expect(draining.closed(1)).toEqual(["ticket 2: Deadlock"])
    expect(draining.leave(0)).toEqual(["close 0: Shutdown"])
  })
})
