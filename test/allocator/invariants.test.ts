import { describe, expect, it } from "@effect/vitest"
import { brokenBy, invariants } from "../../packages/core/src/allocator/invariants.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import type { Leased, State } from "../../packages/core/src/allocator/state.js"
import {
  withIdle,
  withLeased,
  withPhase,
  withQueue,
  withSteps,
  withUpkeep
} from "../../packages/core/src/allocator/state.js"
import { Ticket } from "../../packages/core/src/allocator/Ticket.js"
import * as WaitQueue from "../../packages/core/src/allocator/WaitQueue.js"
import type { Asker } from "../../packages/core/src/model/asker.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { Bench, fiberNamed } from "./bench.js"

/** Two connections, one of them leased by ticket 2, at 100. */
const busy = (rules: ConstructorParameters<typeof Bench>[0] = {}): Bench => {
  const bench = new Bench({ maxSize: 3, maxLifetime: 1_000, maxUses: 5, checkAfterIdle: 10, ...rules })
  bench.now = 95
  bench.fill(2)
  bench.now = 100
  bench.take()
  return bench
}

const withWaiter = (state: State): State => withQueue(state, WaitQueue.push(state.queue, 77, new Ticket(100, Infinity)))

const lease = (state: State): Leased => OrderedMap.first(state.leased)!

const changeLease = (state: State, change: Partial<Leased>): State =>
  withLeased(state, OrderedMap.set(state.leased, 2, { ...lease(state), ...change }))

const changeIdle = (state: State, verifiedAt: number): State =>
  withIdle(state, {
    ...state.idle,
    places: OrderedMap.set(state.idle.places, 0, { ...OrderedMap.first(state.idle.places)!, verifiedAt })
  })

describe("invariant 1, each connection is in one state, and of too many none idles or opens,", () => {
  const smaller = (state: State): State => ({ ...state, rules: { ...state.rules, maxSize: 1 } })

  it("is broken where more are live than may be, and one of them is idle", () => {
    expect(brokenBy(smaller(busy().state), 100)).toEqual([
      "invariant 1: 2 connections of 1 are live, and not all of them busy"
    ])
  })

  it("is broken where one of them is opening, and kept where all are in use or under a step", () => {
    const { state } = busy()
    const connection = { ...lease(state).connection, id: 9 }
    const steps = {
      checking: { connection, uses: 0, condemned: undefined, place: 9, idleSince: 0, since: 0, step: "check" },
      probing: { connection, uses: 0, condemned: undefined, place: 9, idleSince: 0, since: 0, step: "ping" },
      resetting: { connection, uses: 0, condemned: undefined },
      closing: { id: 9, since: 0, reason: "Broken", opened: true },
      opening: { id: 9, since: 0, purpose: "Waiter", watermark: 0 }
    } as const
    const nothingIdle = withIdle(state, { ...state.idle, places: OrderedMap.empty() })
    for (const [step, entry] of Object.entries(steps)) {
      const full = withSteps(smaller(nothingIdle), { [step]: OrderedMap.set(OrderedMap.empty<unknown>(), 9, entry) })
      expect(brokenBy(full, 100), step).toEqual(
        step === "opening" ? ["invariant 1: 2 connections of 1 are live, and not all of them busy"] : []
      )
    }
  })

  it("is broken where a connection is in two states", () => {
    const { state } = busy()
    const { connection } = lease(state)
    const resetting = OrderedMap.set(
      OrderedMap.empty<{ connection: typeof connection; uses: number; condemned: undefined }>(),
      1,
      {
        connection,
        uses: 1,
        condemned: undefined
      }
    )
    expect(brokenBy(withSteps(state, { resetting }), 100)).toEqual(["invariant 1: connection 1 holds two permits"])
  })
})

describe("invariant 2, no more holders than there may be,", () => {
  it("is broken where two tickets hold one", () => {
    const { state } = busy()
    const twice = withLeased(state, OrderedMap.set(state.leased, 3, { ...lease(state), number: 3 }))
    expect(brokenBy(twice, 100)).toContain("invariant 2: connection 1 is leased 2 times")
  })
})

describe("invariant 5, no waiter sleeps for whom something could be done,", () => {
  it("is broken where a fresh connection is idle", () => {
    const { state } = busy()
    expect(brokenBy(withWaiter(state), 100)).toEqual(["invariant 5: a waiter sleeps while connection 0 is idle"])
  })

  it("is broken where a connection is idle that could be checked", () => {
    const { state } = busy()
    expect(brokenBy(withWaiter(changeIdle(state, 0)), 100)).toEqual([
      "invariant 5: a waiter sleeps while connection 0 is idle"
    ])
  })

  it("is broken where a connection could be opened", () => {
    const { state } = busy()
    const nothingIdle = withIdle(state, { ...state.idle, places: OrderedMap.empty() })
    expect(brokenBy(withWaiter(nothingIdle), 100)).toEqual(["invariant 5: a waiter sleeps while a permit is free"])
  })

  it("is kept while the pool is suspended", () => {
    const { state } = busy()
    const suspended = withPhase(withWaiter(state), { _tag: "Suspended", newcomers: "wait", until: Infinity })
    expect(brokenBy(suspended, 100)).toEqual([])
  })

  it("is kept where no permit is free, while openings fail, and where one is opening", () => {
    const full = busy({ maxSize: 2 })
    full.take()
    full.take()
    expect(full.view.waiting).toEqual([4])
    expect(brokenBy(full.state, 100)).toEqual([])

    const opening = busy()
    opening.take()
    opening.take()
    expect(brokenBy(opening.state, 100)).toEqual([])
    opening.openFailed(2)
    opening.closed(2)
    expect(opening.view).toMatchObject({ waiting: [4], opening: [] })
    expect(brokenBy(opening.state, 149)).toEqual([])
  })

  const events: Record<string, (bench: Bench) => unknown> = {
    "a return": (bench) => bench.leave(0),
    "a return for a reset": (bench) => bench.leave(0, { _tag: "Reset" }),
    "a waiter that gives up": (bench) => bench.leave(2),
    "a lease that is found to be no good": (bench) => bench.condemn(0),
    "a caller that leaves and has nothing to give back": (bench) => bench.leave(99)
  }
  for (const [name, event] of Object.entries(events)) {
    it(`is kept by ${name} in the very millisecond in which the Tick that ends a back-off is due`, () => {
      const bench = new Bench({ maxSize: 3, maxConnecting: 1 })
      for (let caller = 0; caller < 4; caller++) bench.take()
      bench.opened(0)
      bench.openFailed(1)
      bench.closed(1)
      expect(bench.view).toMatchObject({ leased: ["0 by 0"], waiting: [1, 2, 3], opening: [] })
      bench.now = bench.alarm
      event(bench)
      expect(brokenBy(bench.state, bench.now)).toEqual([])
      bench.elapse(0)
      expect(bench.view.opening).toEqual(["2 for Waiter"])
    })
  }
})

describe("invariant 7, a connection that is handed out is fit,", () => {
  it("is broken where it was too old", () => {
    const { state } = busy()
    expect(brokenBy(changeLease(state, { since: lease(state).connection.expiresAt }), 2_000)).toEqual([
      "invariant 7: connection 1 was handed out past its lifetime"
    ])
  })

  it("is kept where a Recycle has shortened the life of one that was just handed out", () => {
    const bench = busy()
    bench.recycle(0)
    expect(brokenBy(bench.state, 100)).toEqual([])
  })

  it("is broken where it was suspect, and kept where it cannot be checked", () => {
    const { state } = busy()
    const suspect = changeLease(state, { verifiedAt: -Infinity })
    expect(brokenBy(suspect, 100)).toEqual(["invariant 7: connection 1 was handed out though it was suspect"])
    expect(brokenBy({ ...suspect, rules: { ...state.rules, canCheck: false } }, 100)).toEqual([])
  })

  it("is broken where it was used up", () => {
    const { state } = busy()
    expect(brokenBy(changeLease(state, { uses: 5 }), 100)).toEqual([
      "invariant 7: connection 1 was handed out used up"
    ])
  })

  it("is broken where it was not checked", () => {
    const { state } = busy()
    expect(brokenBy(changeLease(state, { verifiedAt: 89 }), 100)).toEqual([
      "invariant 7: connection 1 was handed out idle for too long without a check"
    ])
    expect(brokenBy(changeLease(state, { verifiedAt: 90 }), 100)).toEqual([])
  })
})

describe("the invariants of a state", () => {
  it("are kept by a good one, of whatever age its leases are", () => {
    const { state } = busy()
    expect(brokenBy(state, 100)).toEqual([])
    expect(brokenBy(state, 1e9)).toEqual([])
    expect(brokenBy(withUpkeep(state, { notBefore: 500 }), 100)).toEqual([])
  })

  it("are 1, 2, 5, 7, 11, 14 and 15, and each is a sentence", () => {
    expect(invariants.map(({ number }) => number)).toEqual([1, 2, 5, 7, 11, 14, 15])
    for (const { sentence } of invariants) expect(sentence.length).toBeGreaterThan(20)
  })
})

describe("invariant 11, no deadlock is left,", () => {
  const [one, other] = [fiberNamed("one"), fiberNamed("other")]
  /** Both connections are leased, by these fibers. */
  const held = (first: Asker | undefined, second: Asker | undefined) => {
    const bench = new Bench({ maxSize: 2 })
    bench.take(Infinity, { fiber: first })
    bench.take(Infinity, { fiber: second })
    bench.opened(0)
    bench.opened(1)
    return bench
  }
  const waiting = ({ state }: Bench, ...fibers: ReadonlyArray<Asker | undefined>): State =>
    fibers.reduce(
      (state, fiber, index) =>
        withQueue(state, WaitQueue.push(state.queue, 70 + index, new Ticket(0, Infinity, fiber))),
      state
    )
  const left = ["invariant 11: every holder waits for another connection, and nobody was told"]

  it("is broken where every holder's own fiber waits, whatever is remembered of who is nested", () => {
    expect(brokenBy(waiting(held(one, other), one, other), 0)).toEqual(left)
    expect(brokenBy(waiting(held(one, one), one), 0)).toEqual(left)
  })

  it("is kept where one holder does not wait, one's fiber is not known, or one is not leased", () => {
    expect(brokenBy(waiting(held(one, other), one, fiberNamed("somebody else")), 0)).toEqual([])
    expect(brokenBy(waiting(held(one, undefined), one, undefined), 0)).toEqual([])
    const closing = held(one, other)
    closing.leave(0, { _tag: "Discard", reason: "Broken" })
    expect(brokenBy(waiting(closing, other), 0)).toEqual([])
    closing.resize({ maxSize: 1 })
    expect(brokenBy(waiting(closing, other), 0)).toEqual([])
    closing.closed(0)
    expect(brokenBy(waiting(closing, other), 0)).toEqual(left)
  })
})

describe("invariant 14, a pool that drains keeps nothing,", () => {
  const draining = (state: State) => withPhase(state, { _tag: "Draining", tickets: [] })

  it("is broken where something idles or is under way, or it has ended without being closed", () => {
    const bench = busy()
    expect(brokenBy(draining(bench.state), 100)).toEqual([
      "invariant 14: a pool that drains keeps 1 connections that nobody has or waits for"
    ])
    expect(brokenBy(draining(new Bench().state), 0)).toEqual([
      "invariant 14: a pool that has nothing left still drains"
    ])
  })

  it("is kept where somebody waits, or only leases and closes are left", () => {
    const bench = busy({ maxSize: 2 })
    bench.take()
    bench.take()
    expect(brokenBy(draining(bench.state), 100)).toEqual([])
    bench.leave(4)
    bench.leave(3, { _tag: "Discard", reason: "Broken" })
    expect(brokenBy(draining(bench.state), 100)).toEqual([])
  })
})

describe("invariant 15, minSize and minIdle are kept,", () => {
  const asked = (state: State, rules: Partial<Rules>): State => ({ ...state, rules: { ...state.rules, ...rules } })

  it("is broken where fewer are live, or spare, and one more could be opened", () => {
    const { state } = busy()
    expect(brokenBy(asked(state, { minSize: 3 }), 100)).toEqual([
      "invariant 15: 2 connections are live, of at least 3"
    ])
    expect(brokenBy(asked(state, { minIdle: 2 }), 100)).toEqual([
      "invariant 15: 1 connections are spare, of at least 2"
    ])
    const starting = withPhase(state, { _tag: "Starting", target: 3, ticket: new Ticket(0, Infinity) })
    expect(brokenBy(starting, 100)).toEqual(["invariant 15: 2 connections are live, of at least 3"])
  })

  it("is kept where no more may be opened now", () => {
    const { state } = busy()
    const short = asked(state, { minSize: 3, minIdle: 3 })
    for (
      const no of [
        asked(short, { maxSize: 2 }),
        withUpkeep(short, { notBefore: 200 }),
        withPhase(short, { _tag: "Suspended", newcomers: "wait", until: Infinity })
      ]
    ) {
      expect(brokenBy(no, 100)).toEqual([])
    }
  })
})
