import { describe, expect, it } from "@effect/vitest"
import { keep } from "../../packages/core/src/allocator/decision.js"
import { brokenIn } from "../../packages/core/src/allocator/history.js"
import { brokenBy } from "../../packages/core/src/allocator/invariants.js"
import * as OrderedMap from "../../packages/core/src/allocator/OrderedMap.js"
import { withLeased, withShared } from "../../packages/core/src/allocator/state.js"
import type { Rules } from "../../packages/core/src/model/settings.js"
import { Bench, fiberNamed } from "./bench.js"

const share = (bench: Bench, within = Infinity) => bench.take(within, { mayShare: true })

const shareAs = (bench: Bench, name: string) => bench.take(Infinity, { mayShare: true, fiber: fiberNamed(name) })

const alone = (bench: Bench, within = Infinity) => bench.take(within)

/** All connections are open, and each has one lease of which it is the only one: tickets from 0. */
const inUse = (rules: Partial<Rules> = {}): Bench => {
  const maxSize = rules.maxSize ?? 2
  const bench = new Bench({ maxSize, minSize: maxSize, concurrency: 3, order: "fifo", ...rules })
  bench.tick()
  for (let id = 0; id < maxSize; id++) bench.opened(id)
  bench.resize({ minSize: 0 })
  for (let index = 0; index < maxSize; index++) share(bench)
  return bench
}

const loads = (bench: Bench) =>
  OrderedMap.values(bench.state.shared).map(({ connection: { id }, holders }) => `${holders} on ${id}`)

describe("a caller that may share", () => {
  it("goes to an idle connection before one that others are on", () => {
    const bench = inUse()
    bench.leave(1)
    expect(share(bench)).toEqual(["ticket 2 gets 1"])
    expect(loads(bench)).toEqual(["1 on 0", "1 on 1"])
  })

  it("goes to the least loaded connection, and waits where all are full", () => {
    const bench = inUse()
    expect([2, 3, 4, 5].flatMap(() => share(bench))).toEqual([
      "ticket 2 gets 0",
      "ticket 3 gets 1",
      "ticket 4 gets 0",
      "ticket 5 gets 1"
    ])
    expect(share(bench)).toEqual([])
    expect(bench.view.waiting).toEqual([6])
    expect(bench.leave(3)).toEqual(["ticket 6 gets 1"])
    expect(loads(bench)).toEqual(["3 on 0", "3 on 1"])
  })

  it("is served at once by a connection that others are on, while another is opened", () => {
    const bench = new Bench({ maxSize: 3, concurrency: 2 })
    expect(share(bench)).toEqual(["open 0 for Waiter"])
    bench.opened(0)
    expect(share(bench)).toEqual(["ticket 1 gets 0", "open 1 for Waiter"])
    expect(share(bench)).toEqual(["open 2 for Waiter"])
    expect(bench.opened(1)).toEqual(["ticket 2 gets 1"])
    expect(bench.opened(2)).toEqual([])
    expect(share(bench)).toEqual(["ticket 3 gets 2"])
  })

  it("has one of its own opened no more than once: what opens and what is idle counts", () => {
    const bench = new Bench({ maxSize: 9, concurrency: 9 })
    share(bench)
    bench.opened(0)
    expect(share(bench)).toContain("open 1 for Waiter")
    expect(bench.leave(1)).toEqual([])
    expect(share(bench)).toEqual(["ticket 2 gets 0"])
    bench.opened(1)
    expect(bench.view.opening).toEqual([])
  })

  it("goes to one that others are on rather than wait for a check, and what needs one is checked meanwhile", () => {
    const bench = inUse({ checkAfterIdle: 5, canCheck: true })
    bench.leave(1)
    bench.now = 10
    expect(share(bench)).toEqual(["ticket 2 gets 0", "check 1"])
    expect(bench.checked(1, true)).toEqual([])
    expect(share(bench)).toEqual(["ticket 3 gets 1"])
  })

  it("is served by what is there while nothing can be opened", () => {
    const bench = new Bench({ maxSize: 2, concurrency: 2 })
    share(bench)
    bench.opened(0)
    share(bench)
    expect(bench.openFailed(1)).toEqual(["close 1: OpenFailed"])
    bench.leave(1)
    expect(share(bench)).toEqual(["ticket 2 gets 0"])
  })

  it("counts where callers wait for what others hold", () => {
    const bench = inUse({ maxWaiters: 1, concurrency: 2, maxSize: 1 })
    share(bench)
    expect(share(bench)).toEqual([])
    expect(share(bench)).toEqual(["refused: QueueFull"])
  })
})

describe("an exclusive lease", () => {
  it("waits for a connection to be empty, and is alone on it", () => {
    const bench = inUse()
    expect(alone(bench)).toEqual([])
    expect(bench.leave(1)).toEqual(["ticket 2 gets 1"])
    // The other one still takes two more.
    expect([share(bench), share(bench), share(bench)].flat()).toEqual(["ticket 3 gets 0", "ticket 4 gets 0"])
    expect(bench.leave(2)).toEqual(["ticket 5 gets 1"])
  })

  it("is not overtaken on the least loaded connection by who comes later", () => {
    const bench = inUse()
    share(bench)
    alone(bench)
    // Connection 1 has one holder, connection 0 has two.
    expect(share(bench)).toEqual(["ticket 4 gets 0"])
    expect(share(bench)).toEqual([])
    expect(bench.leave(1)).toEqual(["ticket 3 gets 1"])
    expect(bench.leave(0)).toEqual(["ticket 5 gets 0"])
  })

  it("does not hold up who came before it", () => {
    const bench = inUse({ maxSize: 1 })
    share(bench)
    share(bench)
    share(bench)
    alone(bench)
    expect(bench.view.waiting).toEqual([3, 4])
    expect(bench.leave(0)).toEqual(["ticket 3 gets 0"])
    expect(share(bench)).toEqual([])
    expect([bench.leave(1), bench.leave(2), bench.leave(3)].flat()).toEqual(["ticket 4 gets 0"])
    expect(bench.leave(4)).toEqual(["ticket 5 gets 0"])
  })

  it("is passed by 20 × concurrency at most, whatever comes and goes", () => {
    const bench = inUse({ concurrency: 2, maxSize: 3 })
    const first = alone(bench)
    expect(first).toEqual([])
    const leases = [0, 1, 2]
    let passed = 0
    for (let number = 4; number < 100; number++) {
      if (share(bench).length > 0) {
        passed++
        // Nobody ever leaves the one that is the least loaded as it asks, and no other is empty.
        leases.push(number)
        const other = leases.find((lease) => OrderedMap.get(bench.state.leased, lease)?.connection.id !== 0)!
        leases.splice(leases.indexOf(other), 1)
        bench.leave(other)
      }
      if (OrderedMap.has(bench.state.leased, 3)) break
    }
    expect(passed).toBeLessThanOrEqual(40)
    expect(bench.broken).toEqual([])
  })

  it("goes to an idle connection at once", () => {
    const bench = inUse()
    bench.leave(0)
    expect(alone(bench)).toEqual(["ticket 2 gets 0"])
    expect(loads(bench)).toEqual(["1 on 0", "1 on 1"])
    expect([share(bench), share(bench), share(bench)].flat()).toEqual(["ticket 3 gets 1", "ticket 4 gets 1"])
  })

  it("has a connection opened for it", () => {
    const bench = new Bench({ maxSize: 2, concurrency: 2 })
    share(bench)
    bench.opened(0)
    expect(alone(bench)).toEqual(["open 1 for Waiter"])
    expect(bench.opened(1)).toEqual(["ticket 1 gets 1"])
  })

  it("leaves its place without a trace", () => {
    const bench = inUse({ maxSize: 1 })
    alone(bench)
    expect(share(bench)).toEqual([])
    expect(bench.leave(1)).toEqual(["ticket 2 gets 0"])
  })

  it("of a fiber that shares the only connection is a deadlock", () => {
    const bench = new Bench({ maxSize: 1, concurrency: 2 })
    shareAs(bench, "one")
    bench.opened(0)
    expect(bench.take(Infinity, { fiber: OrderedMap.first(bench.state.leased)!.ticket.fiber })).toEqual([
      "ticket 1: Deadlock"
    ])
  })
})

describe("a connection that is shared", () => {
  it("and condemned takes no more leases, and is closed when the last comes back", () => {
    const bench = inUse({ maxSize: 1 })
    share(bench)
    bench.condemn(0, "Lost")
    expect(share(bench)).toEqual([])
    expect(bench.leave(0)).toEqual([])
    expect(bench.leave(1)).toEqual(["close 0: Lost"])
    expect(bench.closed(0)).toEqual(["open 1 for Waiter"])
  })

  it("is discarded for all when one finds it broken", () => {
    const bench = inUse({ maxSize: 1 })
    share(bench)
    bench.leave(1, { _tag: "Discard", reason: "Broken" })
    expect(share(bench)).toEqual([])
    expect(bench.leave(0, keep)).toEqual(["close 0: Broken"])
  })

  it("is reset when all have left, and takes nobody until then", () => {
    const bench = inUse({ maxSize: 1 })
    share(bench)
    bench.leave(1, { _tag: "Reset" })
    expect(share(bench)).toEqual([])
    expect(bench.leave(0)).toEqual(["reset 0"])
    expect(bench.resetDone(0, true)).toEqual(["ticket 2 gets 0"])
  })

  it("is used up by leases, not by holders", () => {
    const bench = inUse({ maxSize: 1, maxUses: 2 })
    expect(share(bench)).toEqual(["ticket 1 gets 0"])
    expect(share(bench)).toEqual([])
    bench.leave(0)
    expect(bench.leave(1)).toEqual(["close 0: MaxUses"])
  })

  it("takes nobody beyond its lifetime", () => {
    const bench = inUse({ maxSize: 1, maxLifetime: 50 })
    bench.now = 50
    expect(share(bench)).toEqual([])
    expect(bench.leave(0)).toEqual(["close 0: MaxLifetime"])
  })

  it("drains for its successor, where it would never be idle and no permit is free", () => {
    const bench = inUse({ maxSize: 1, maxLifetime: 100, lifetimeJitter: 1 })
    bench.opened(0)
    const later = new Bench({ maxSize: 1, concurrency: 3, maxLifetime: 100, lifetimeJitter: 1 })
    share(later)
    later.opened(0, 0.5)
    later.now = 50
    later.tick()
    expect(share(later)).toEqual([])
    expect(later.leave(0)).toEqual(["close 0: MaxLifetime"])
    expect(later.closed(0)).toEqual(["open 1 for Waiter"])
  })

  it("drains where the pool was made smaller, the least loaded first", () => {
    const bench = inUse()
    share(bench)
    bench.resize({ maxSize: 1 })
    expect(share(bench)).toEqual(["ticket 3 gets 0"])
    expect(share(bench)).toEqual([])
    expect(bench.leave(1)).toEqual(["close 1: Resized"])
    expect(bench.closed(1)).toEqual([])
    expect(bench.leave(0)).toEqual(["ticket 4 gets 0"])
  })

  it("ends for all when one lease is aborted", () => {
    const bench = inUse({ maxSize: 1, maxLease: 20 })
    bench.now = 10
    share(bench)
    bench.now = 20
    expect(bench.tick()).toEqual(["abort 0: MaxLease"])
    expect(share(bench)).toEqual([])
    bench.leave(0)
    expect(bench.leave(1)).toEqual(["close 0: MaxLease"])
  })

  it("is cleared, recycled and given up on once", () => {
    const bench = inUse({ maxSize: 1 })
    share(bench)
    bench.clear()
    bench.shutdown(10)
    bench.now = 10
    expect(bench.tick()).toEqual(["abandon 0", "shutdown is done"])
    expect(bench.view.leased).toEqual([])
    expect(bench.state.shared.size).toBe(0)
    expect([bench.leave(0), bench.leave(1)].flat()).toEqual([])
    expect(bench.broken).toEqual([])
  })

  it("counts once in the sizes, and each lease in the leases", () => {
    const bench = inUse()
    share(bench)
    expect(bench.view.peakLeased).toBe(2)
    expect(bench.state.leased.size).toBe(3)
  })
})

describe("what a state must not be", () => {
  it("a connection with more holders than concurrency, or with one that is exclusive and another", () => {
    const bench = inUse({ maxSize: 1, concurrency: 2 })
    const lease = OrderedMap.first(bench.state.leased)!
    const with2 = withLeased(bench.state, OrderedMap.set(bench.state.leased, 1, { ...lease, number: 1 }))
    expect(brokenBy(with2, 0)).toEqual(["invariant 2: connection 0 has not as many holders as are counted"])
    const with3 = withLeased(with2, OrderedMap.set(with2.leased, 2, { ...lease, number: 2 }))
    expect(brokenBy(with3, 0)).toEqual(["invariant 2: connection 0 is leased 3 times"])
    const both = withLeased(
      bench.state,
      OrderedMap.set(bench.state.leased, 1, { ...lease, ticket: bench.ticket(), number: 1 })
    )
    expect(brokenBy(both, 0)).toEqual(["invariant 2: connection 0 is leased exclusively, and to another"])
    const forgotten = withShared(bench.state, OrderedMap.empty())
    expect(brokenBy(forgotten, 0)).toEqual(["invariant 2: connection 0 has not as many holders as are counted"])
  })

  it("a connection that is remembered as shared and is not", () => {
    const bench = inUse({ maxSize: 1, concurrency: 2 })
    const entry = OrderedMap.first(bench.state.shared)!
    const other = { ...entry, connection: { ...entry.connection, id: 9 } }
    expect(brokenBy(withShared(bench.state, OrderedMap.set(bench.state.shared, 9, other)), 0)).toContain(
      "invariant 2: a connection is remembered as shared that nobody has"
    )
    const plain = new Bench({ maxSize: 1 })
    expect(brokenBy(withShared(plain.state, bench.state.shared), 0)).toEqual([
      "invariant 2: a connection is remembered as shared"
    ])
  })

  it("one whose waiter could share a connection", () => {
    const bench = inUse({ maxSize: 1, concurrency: 2 })
    share(bench)
    share(bench)
    const { connection } = OrderedMap.first(bench.state.leased)!
    const entry = { ...OrderedMap.get(bench.state.shared, connection.id)!, holders: 1 }
    const roomy = withShared(
      withLeased(bench.state, OrderedMap.remove(bench.state.leased, 1)),
      OrderedMap.set(bench.state.shared, connection.id, entry)
    )
    expect(brokenBy(roomy, 0)).toEqual(["invariant 5: a waiter sleeps though it could share connection 0"])
  })

  it("a history in which one that waits for an empty connection is passed too often", () => {
    const bench = inUse({ maxSize: 2, concurrency: 2 })
    alone(bench)
    const { history } = bench
    const [first] = history.slice(-1)
    // The same lease begins again and again, and ends in between.
    const begun = Array.from({ length: 41 }, (_, index) => {
      const number = 10 + index
      const lease = { ...OrderedMap.first(first!.state.leased)!, ticket: bench.ticket({ mayShare: true }), number }
      return { ...first!, state: withLeased(first!.state, OrderedMap.set(first!.state.leased, number, lease)) }
    })
    expect(brokenIn(bench.initial, [...history, ...begun.slice(0, 40)]).filter((it) => it.includes("17"))).toEqual([])
    expect(brokenIn(bench.initial, [...history, ...begun])).toContain(
      "invariant 17: ticket 2 waits for an empty connection, and was passed 41 times"
    )
  })
})
