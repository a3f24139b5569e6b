import { describe, expect, it } from "@effect/vitest"
import { Bench } from "./bench.js"

describe("a connection that was idle for long", () => {
  it("is checked before it is handed out, and one that was used a moment ago is not", () => {
    const bench = new Bench({ checkAfterIdle: 10 })
    bench.fill(1)
    bench.elapse(10)
    expect(bench.take()).toEqual(["ticket 1 gets 0"])
    bench.leave(1)
    bench.elapse(11)
    expect(bench.take()).toEqual(["check 0"])
    expect(bench.checked(0, true)).toEqual(["ticket 2 gets 0"])
  })

  it("is checked each time where checkAfterIdle is 0, and never where it is infinite", () => {
    const always = new Bench({ checkAfterIdle: 0 })
    always.fill(1)
    expect(always.take()).toEqual(["check 0"])
    const never = new Bench({ checkAfterIdle: Infinity })
    never.fill(1)
    never.elapse(1e9)
    expect(never.take()).toEqual(["ticket 1 gets 0"])
  })

  it("is checked where the clock was set back, because the time proves nothing, unless it never is", () => {
    const first = (checkAfterIdle: number) => {
      const bench = new Bench({ checkAfterIdle })
      bench.now = 1_000
      bench.fill(1)
      bench.now = 999
      return bench.take()
    }
    expect(first(10)).toEqual(["check 0"])
    expect(first(Infinity)).toEqual(["ticket 1 gets 0"])
  })

  it("is checked for its waiter even while another connection is opening, which may hang", () => {
    const bench = new Bench({ maxSize: 2, minSize: 2, checkAfterIdle: 10 })
    bench.fill(2)
    bench.elapse(11)
    bench.condemn(1)
    expect(bench.closed(1)).toEqual(["open 2 for Refill"])
    expect(bench.take()).toEqual(["check 0"])
  })

  it("goes to the longest waiter when its check has passed, though it was begun for another", () => {
    const bench = new Bench({ maxSize: 1, checkAfterIdle: 10 })
    bench.fill(1)
    bench.elapse(11)
    expect(bench.take()).toEqual(["check 0"])
    bench.take()
    bench.leave(1)
    expect(bench.checked(0, true)).toEqual(["ticket 2 gets 0"])
  })

  it("goes back to its place when its check has passed and nobody waits any more", () => {
    const bench = new Bench({ maxSize: 3, checkAfterIdle: 10, order: "fifo" })
    bench.fill(3)
    bench.elapse(11)
    expect(bench.take(5)).toEqual(["check 0"])
    bench.elapse(5)
    expect(bench.checked(0, true)).toEqual([])
    expect(bench.view.idle).toEqual([0, 1, 2])
  })

  it("leaves no gap in the idle line when it comes back from its holder", () => {
    const bench = new Bench()
    bench.fill(1)
    for (let number = 1; number < 100; number++) {
      bench.take()
      bench.leave(number)
    }
    expect(bench.state.idle.next).toBe(1)
  })

  it("is checked once for each waiter, and openings make up for the others", () => {
    const bench = new Bench({ maxSize: 4, checkAfterIdle: 10 })
    bench.fill(2)
    bench.elapse(11)
    expect([bench.take(), bench.take(), bench.take()]).toEqual([["check 1"], ["check 0"], ["open 2 for Waiter"]])
  })
})

describe("a failed check", () => {
  const outage = () => {
    const bench = new Bench({ maxSize: 5, maxConnecting: 2, checkAfterIdle: 10 })
    bench.fill(4)
    bench.elapse(11)
    bench.take()
    return bench
  }

  it("makes every connection suspect that has been idle since before it, and an opening starts besides", () => {
    const bench = outage()
    expect(bench.view.checking).toEqual([3])
    expect(bench.checked(3, false)).toEqual([
      "close 3: CheckFailed",
      "check 0",
      "check 1",
      "check 2",
      "open 4 for Waiter"
    ])
    expect(bench.view).toMatchObject({ probing: [0, 1, 2], checking: [], opening: ["4 for Waiter"] })
  })

  it("leaves those alone that have come back since it began", () => {
    const bench = new Bench({ maxSize: 3, checkAfterIdle: 10 })
    bench.fill(2)
    bench.elapse(1)
    bench.take()
    bench.elapse(11)
    bench.take()
    expect(bench.view.checking).toEqual([0])
    bench.elapse(1)
    bench.leave(2)
    expect(bench.view.leased).toEqual(["1 by 3"])
    bench.leave(3)
    expect(bench.checked(0, false)).toEqual(["close 0: CheckFailed"])
    expect(bench.view.idle).toEqual([1])
  })

  it("is found in one round of checks: the suspects that pass serve, the others are closed", () => {
    const bench = outage()
    bench.take()
    bench.checked(3, false)
    expect(bench.checked(1, true)).toEqual(["ticket 4 gets 1"])
    expect(bench.checked(0, false)).toEqual(["close 0: CheckFailed"])
    expect(bench.view.idle).toEqual([])
  })
})

describe("the keeper", () => {
  it("pings the connection that was verified the longest time ago, one at a time", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 100 })
    bench.fill(3)
    bench.elapse(10)
    bench.take()
    bench.leave(3)
    expect(bench.elapse(90)).toEqual(["ping 0"])
    expect(bench.elapse(500)).toEqual([])
    expect(bench.checked(0, true)).toEqual(["ping 1"])
    expect(bench.checked(1, true)).toEqual(["ping 2"])
    expect(bench.checked(2, true)).toEqual([])
    expect(bench.elapse(99)).toEqual([])
    expect(bench.elapse(1)).toEqual(["ping 0"])
  })

  it("pings first what it has not reached for the longest time, where a ping took long", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 100 })
    bench.fill(3)
    expect(bench.elapse(100)).toEqual(["ping 0"])
    expect(bench.checked(0, true)).toEqual(["ping 1"])
    bench.elapse(150)
    expect(bench.checked(1, true), "0 is due again, but 2 has waited longer").toEqual(["ping 2"])
    expect(bench.checked(2, true)).toEqual(["ping 0"])
  })

  it("puts a connection back to its old place after a ping, so that the idle line does not rotate", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 100, idleTimeout: 150 })
    bench.fill(3)
    bench.elapse(100)
    for (const id of [0, 1, 2]) bench.checked(id, true)
    expect(bench.view.idle).toEqual([0, 1, 2])
    expect(bench.take()).toEqual(["ticket 3 gets 2"])
    bench.leave(3)
    expect(bench.elapse(50), "a ping does not renew the idle age").toEqual([
      "close 0: IdleTimeout",
      "close 1: IdleTimeout"
    ])
  })

  it("keeps a place free for who is pinged while others come and go", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 100, order: "lifo" })
    bench.fill(3)
    bench.elapse(1)
    bench.take()
    bench.leave(3)
    bench.elapse(99)
    expect(bench.view.probing).toEqual([0])
    bench.take()
    bench.take()
    bench.leave(4)
    bench.leave(5)
    expect(bench.view.idle).toEqual([2, 1])
    bench.checked(0, true)
    expect(bench.view.idle).toEqual([0, 2, 1])
  })

  it("pings one while suspects are checked", () => {
    const bench = new Bench({ maxSize: 3, checkAfterIdle: 10, keepalive: 100 })
    bench.fill(3)
    bench.elapse(5)
    bench.take()
    bench.elapse(15)
    expect(bench.take()).toEqual(["check 1"])
    bench.elapse(1)
    expect(bench.leave(3)).toEqual(["ticket 4 gets 2"])
    bench.leave(4)
    expect(bench.checked(1, false)).toEqual(["close 1: CheckFailed", "check 0"])
    expect(bench.elapse(100)).toEqual(["ping 2"])
  })

  it("closes a connection whose ping failed, and checks those that have been idle since before it", () => {
    const bench = new Bench({ maxSize: 3, keepalive: 100 })
    bench.fill(2)
    bench.elapse(100)
    expect(bench.checked(0, false)).toEqual(["close 0: PingFailed", "check 1"])
  })

  it("closes what is idle for too long, the longest idle first, down to minSize", () => {
    const bench = new Bench({ maxSize: 4, minSize: 2, idleTimeout: 100 })
    bench.fill(4)
    expect(bench.elapse(99)).toEqual([])
    expect(bench.elapse(1)).toEqual(["close 0: IdleTimeout", "close 1: IdleTimeout"])
    for (const id of [0, 1]) bench.closed(id)
    expect(bench.elapse(1_000)).toEqual([])
    expect(bench.view.idle).toEqual([2, 3])
  })

  it("lets surplus go idle, because the last to come back is the first to be used", () => {
    const bench = new Bench({ maxSize: 3, idleTimeout: 100 })
    bench.fill(3)
    for (let round = 0; round < 9; round++) {
      const number = bench.state.nextTicket
      expect(bench.take()).toEqual([`ticket ${number} gets 2`])
      bench.leave(number)
      bench.elapse(11)
    }
    expect(bench.elapse(1)).toEqual(["close 0: IdleTimeout", "close 1: IdleTimeout"])
  })

  it("comes once for many waiters that expire at the same time", () => {
    const bench = new Bench({ maxSize: 1 })
    bench.fill(1)
    bench.take()
    for (let caller = 0; caller < 3; caller++) bench.take(50)
    expect(bench.elapse(50)).toEqual([
      "ticket 2: TimedOut after 50 at place 1",
      "ticket 3: TimedOut after 50 at place 2",
      "ticket 4: TimedOut after 50 at place 3"
    ])
    expect(bench.alarm).toBe(Infinity)
  })

  it("is not told another time by a check that has ended, only by a ping", () => {
    const bench = new Bench({ checkAfterIdle: 10, keepalive: 100 })
    bench.fill(1)
    const { sweepAt } = bench.state.upkeep
    bench.now = 50
    expect(bench.take()).toEqual(["check 0"])
    bench.now = 60
    bench.checked(0, true)
    expect(bench.state.upkeep.sweepAt).toBe(sweepAt)
  })

  it("comes no earlier for what it has to keep anyway", () => {
    const bench = new Bench({ minSize: 1, idleTimeout: 100 })
    bench.fill(1)
    bench.elapse(50)
    bench.take()
    bench.leave(1)
    bench.elapse(50)
    expect(bench.alarm).toBe(200)
  })

  it("has nothing to come for when the last connection is closed", () => {
    const bench = new Bench({ idleTimeout: 100 })
    bench.fill(1)
    expect(bench.elapse(100)).toEqual(["close 0: IdleTimeout"])
    bench.closed(0)
    expect(bench.alarm).toBe(Infinity)
  })

  it("has nothing to come for where nothing is due", () => {
    const bench = new Bench()
    bench.fill(2)
    expect(bench.alarm).toBe(Infinity)
    const { state } = bench
    expect(bench.tick()).toEqual([])
    expect(bench.state).toBe(state)
  })
})
