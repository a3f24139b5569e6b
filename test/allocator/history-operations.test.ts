import { describe, expect, it } from "@effect/vitest"
import type { Act } from "../../packages/core/src/allocator/decision.js"
import { keep, nothing } from "../../packages/core/src/allocator/decision.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { holderOf, situationOf } from "../../packages/core/src/allocator/situation.js"
import type { Leased } from "../../packages/core/src/allocator/state.js"
import { withLeased, withQueue } from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Asker } from "../../packages/core/src/model/asker.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { Bench, fiberNamed } from "./bench.js"
import { after, changed, handTo, queued } from "./planted.js"

describe("invariant 10, nothing is handed out or begins while suspended,", () => {
  const suspended = (): Bench => {
    const bench = queued()
    bench.suspend()
    return bench
  }
  const doing = (...work: Act["work"]): Act => ({ ...nothing, work })

  it("is broken where somebody is served", () => {
    expect(changed(suspended(), handTo(1))).toEqual([
      "invariant 10: ticket 1 was served by a pool that is suspended"
    ])
  })

  it("is broken where an opening or a check begins, and kept by a reset or a close", () => {
    const begins = (decision: Act) => after(suspended(), { decision })
    expect(begins(doing({ _tag: "Open", id: 5, purpose: "Waiter" }))).toEqual([
      "invariant 10: a pool that is suspended began a step: Open"
    ])
    expect(begins(doing({ _tag: "Check", id: 5, step: "ping" }))).toEqual([
      "invariant 10: a pool that is suspended began a step: Check"
    ])
    expect(begins(doing({ _tag: "Reset", id: 5 }, { _tag: "Close", id: 5, reason: "Broken" }))).toEqual([])
  })
})

describe("invariant 11, a deadlock is told only where there is one,", () => {
  const [one, other, third] = ["one", "other", "third"].map(fiberNamed)
  const situation = situationOf(queued().state, 0)
  /** Two hold, one of them waits. */
  const nested = (): Bench => {
    const bench = new Bench({ maxSize: 2 })
    bench.take(Infinity, { fiber: one })
    bench.take(Infinity, { fiber: other })
    bench.opened(0)
    bench.opened(1)
    bench.take(Infinity, { fiber: one })
    return bench
  }
  const told = (bench: Bench, fiber: Asker | undefined) =>
    after(bench, {
      decision: {
        ...nothing,
        work: [{
          _tag: "Deny",
          ticket: new Ticket(0, Infinity, fiber),
          denial: { _tag: "Deadlock", at: 0, situation }
        }]
      }
    })

  it("is kept where all wait, and broken where one that holds does not", () => {
    expect(told(nested(), other)).toEqual([])
    const bench = new Bench({ maxSize: 2 })
    bench.take(Infinity, { fiber: one })
    bench.take(Infinity, { fiber: third })
    bench.opened(0)
    bench.opened(1)
    expect(told(bench, one)).toEqual(["invariant 11: a caller was told of a deadlock that there was not"])
  })

  it("is broken where who is told holds nothing", () => {
    expect(told(nested(), third)).toEqual(["invariant 11: a caller was told of a deadlock that holds nothing"])
  })
})

describe("invariant 12, only of an overloaded class is shed,", () => {
  const overload = { target: 10, interval: 100 }
  const situation = situationOf(queued().state, 0)

  /** Somebody holds the only connection from 0 on, and others wait. */
  const crowd = (waiters: number, rules: Partial<Rules> = {}): Bench => {
    const bench = new Bench({ maxSize: 1, overload, ...rules })
    bench.take()
    bench.opened(0)
    for (let waiter = 0; waiter < waiters; waiter++) bench.take()
    return bench
  }

  /** The same, when the first has waited for the target. */
  const lateCrowd = (waiters: number, rules: Partial<Rules> = {}): Bench => {
    const bench = crowd(waiters, rules)
    bench.elapse(10)
    return bench
  }

  const shed = (ticket: Ticket, now: number) =>
    ({ _tag: "Deny", ticket, denial: { _tag: "Overloaded", at: now, situation } }) as const

  /** What is wrong with a Tick at that time that sheds these. */
  const shedding = (bench: Bench, now: number, ...numbers: ReadonlyArray<number>) =>
    after(bench, {
      input: { _tag: "Tick", now },
      decision: { ...nothing, work: numbers.map((number) => shed(WaitQueue.get(bench.state.queue, number)!, now)) }
    })

  const notOverloaded = ["invariant 12: a caller was shed though its class is not overloaded"]

  it("is kept where waits have been high for the interval, and somebody is left", () => {
    expect(shedding(lateCrowd(3), 110, 1, 2)).toEqual([])
    expect(shedding(lateCrowd(3), 109, 1)).toEqual(notOverloaded)
    expect(shedding(crowd(3), 110, 1)).toEqual(notOverloaded)
    expect(shedding(lateCrowd(3, { overload: undefined }), 110, 1)).toEqual(notOverloaded)
  })

  it("is broken where the last that waits is shed", () => {
    expect(shedding(lateCrowd(2), 110, 1, 2)).toEqual(["invariant 12: the last that waited was shed"])
  })

  it("is broken where somebody is shed who has not waited for the target", () => {
    const bench = lateCrowd(2)
    bench.now = 105
    bench.take()
    expect(shedding(bench, 114, 3)).toEqual(["invariant 12: a caller was shed before it had waited for the target"])
  })

  it("is broken where a connection was opening, or the pool was suspended, within the interval", () => {
    const opening = new Bench({ maxSize: 2, maxConnecting: 1, overload })
    for (let caller = 0; caller < 5; caller++) opening.take()
    opening.opened(0)
    opening.now = 40
    opening.opened(1)
    expect(shedding(opening, 139, 2)).toEqual(notOverloaded)
    expect(shedding(opening, 140, 2)).toEqual([])

    const suspended = lateCrowd(3)
    suspended.now = 20
    suspended.suspend()
    suspended.now = 30
    suspended.resume()
    expect(shedding(suspended, 129, 1)).toEqual(notOverloaded)
    expect(shedding(suspended, 130, 1)).toEqual([])
  })

  it("is broken where somebody was served below the target, or nobody waited, before the class was overloaded", () => {
    const quick = lateCrowd(2)
    quick.leave(0)
    quick.take()
    quick.now = 12
    quick.leave(1)
    quick.leave(2)
    quick.take()
    expect(quick.view).toMatchObject({ leased: ["0 by 3"], waiting: [4] })
    quick.now = 22
    quick.tick()
    quick.take()
    expect(shedding(quick, 121, 4)).toEqual(notOverloaded)
    expect(shedding(quick, 122, 4)).toEqual([])

    const empty = lateCrowd(1)
    empty.leave(1)
    empty.take()
    empty.now = 20
    empty.tick()
    empty.take()
    expect(shedding(empty, 119, 2)).toEqual(notOverloaded)
    expect(shedding(empty, 120, 2)).toEqual([])
  })

  it("is kept by a class that was overloaded within the interval, whoever was served meanwhile", () => {
    const after = (ms: number): Bench => {
      const bench = lateCrowd(2)
      bench.elapse(100)
      expect(bench.view.waiting).toEqual([2])
      bench.leave(2)
      bench.leave(0)
      bench.now = 110 + ms
      bench.take()
      bench.take()
      bench.take()
      bench.now += 10
      return bench
    }
    const [soon, later] = [after(90), after(91)]
    expect(soon.now).toBe(210)
    expect(shedding(soon, soon.now, 4)).toEqual([])
    expect(shedding(later, later.now, 4)).toEqual(notOverloaded)
  })

  it("is judged of each class by itself", () => {
    const bench = lateCrowd(2)
    bench.now = 50
    bench.take(Infinity, { priority: "low" })
    bench.now = 60
    bench.tick()
    expect(shedding(bench, 149, 3)).toEqual(notOverloaded)
    expect(shedding(bench, 149, 2)).toEqual([])
  })

  it("counts who comes, and who is served, among those that wait", () => {
    const bench = lateCrowd(1)
    const take = { input: { _tag: "Take", now: 110, ticket: new Ticket(0, Infinity) } } as const
    const work = [shed(take.input.ticket, 110)]
    expect(after(bench, { ...take, decision: { ...nothing, work } })).toEqual([])
    const served = { _tag: "HandOver", ticket: WaitQueue.get(bench.state.queue, 1)!, connection: 0 } as const
    expect(after(bench, { ...take, decision: { ...nothing, work: [served, ...work] } })).toEqual([
      "invariant 12: the last that waited was shed"
    ])
  })
})

describe("invariant 13, nobody is served after its deadline,", () => {
  it("is broken where somebody is", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.take()
    bench.opened(0)
    bench.take(10)
    const served = (now: number) =>
      after(bench, {
        input: { _tag: "Leave", now, number: 0, verdict: keep },
        state: withLeased(
          withQueue(bench.state, WaitQueue.empty),
          OrderedMap.set(OrderedMap.empty<Leased>(), 1, {
            ...OrderedMap.first(bench.state.leased)!,
            number: 1,
            ticket: WaitQueue.get(bench.state.queue, 1)!
          })
        )
      })
    expect(served(10)).toEqual([])
    expect(served(11)).toEqual(["invariant 13: ticket 1 was served 1 ms after its deadline"])
  })
})

describe("invariant 14, a pool that drains or closes takes nobody,", () => {
  it("is broken where somebody waits for it, or is served", () => {
    const bench = queued()
    bench.drain()
    const wait = { ...nothing, _tag: "Wait", number: 5 } as const
    expect(after(bench, { decision: wait })).toEqual(["invariant 14: ticket 5 was taken by a pool that is draining"])
    bench.shutdown()
    expect(after(bench, { decision: { _tag: "Reuse", number: 5, connection: 0 } })).toEqual([
      "invariant 14: ticket 5 was taken by a pool that is closing"
    ])
    bench.take()
    expect(bench.broken).toEqual([])
  })
})

describe("invariant 16, leases that last too long are reported and aborted in time,", () => {
  /** One lease from 0 on, and one that is said to be long. */
  const holding = (): Bench => {
    const bench = new Bench({ maxSize: 2, leakThreshold: 20, maxLease: 50 })
    bench.take()
    bench.take(Infinity, { isLong: true })
    bench.opened(0)
    bench.opened(1)
    return bench
  }
  const holder = (bench: Bench, number: number) => holderOf(OrderedMap.get(bench.state.leased, number)!)
  const doing = (bench: Bench, now: number, ...work: Act["work"]) =>
    after(bench, { input: { _tag: "Checked", now, id: 9, passed: true }, decision: { ...nothing, work } })

  it("is kept by the allocator, over the whole life of a lease", () => {
    const bench = holding()
    bench.elapse(60)
    bench.leave(0)
    expect(bench.said).toContain("report 0")
    expect(bench.said).toContain("abort 0: MaxLease")
    expect(bench.broken).toEqual([])
  })

  it("is broken where a Tick overlooks one", () => {
    const overlooked = (now: number) => after(holding(), { input: { _tag: "Tick", now } })
    expect(overlooked(19)).toEqual([])
    expect(overlooked(20)).toEqual(["invariant 16: lease 0 was not reported in 20 ms"])
    expect(overlooked(50)).toEqual(["invariant 16: lease 0 was not aborted in 50 ms"])
    const reported = holding()
    reported.elapse(20)
    const quiet = { decision: nothing }
    expect(after(reported, { input: { _tag: "Tick", now: 49 }, ...quiet })).toEqual([])
    expect(after(reported, { input: { _tag: "Tick", now: 50 }, ...quiet })).toEqual([
      "invariant 16: lease 0 was not aborted in 50 ms"
    ])
  })

  it("counts a lease from the sweep before it on, where that knew a later time than the commit that began it", () => {
    const bench = new Bench({ maxSize: 2, maxLease: 20 })
    bench.take()
    bench.opened(0)
    bench.take()
    bench.elapse(20)
    bench.now = 5
    bench.opened(1)
    expect(bench.view.leased).toEqual(["0 by 0", "1 by 1"])
    const quiet = { decision: nothing }
    expect(after(bench, { input: { _tag: "Tick", now: 39 }, ...quiet })).toEqual([])
    expect(after(bench, { input: { _tag: "Tick", now: 40 }, ...quiet })).toEqual([
      "invariant 16: lease 1 was not aborted in 20 ms"
    ])
  })

  it("is kept by a pool that closes, which aborts all at its deadline", () => {
    const bench = holding()
    bench.shutdown()
    expect(after(bench, { input: { _tag: "Tick", now: 60 } })).toEqual([])
  })

  it("is broken where one is reported or aborted too early, or twice, or is long", () => {
    const bench = holding()
    const report = (number: number) => ({ _tag: "Report", holder: holder(bench, number) }) as const
    const abort = (number: number) => ({ _tag: "Abort", holder: holder(bench, number), reason: "MaxLease" }) as const
    expect(doing(bench, 19, report(0))).toEqual(["invariant 16: lease 0 was reported after 19 ms"])
    expect(doing(bench, 49, abort(0))).toEqual(["invariant 16: lease 0 was aborted after 49 ms"])
    expect(doing(bench, 20, report(0), report(0))).toEqual(["invariant 16: lease 0 was reported twice"])
    expect(doing(bench, 50, report(0), abort(0))).toEqual([])
    expect(doing(bench, 99, report(1))).toEqual(["invariant 16: lease 1 was reported, and is a long one"])
    expect(doing(bench, 99, abort(1))).toEqual(["invariant 16: lease 1 was aborted, and is a long one"])
    expect(doing(bench, 1, { ...abort(1), reason: "Cleared" })).toEqual([])
  })
})
