import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector, Schedules, TestPool, World } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"

/** Two that add to one number, with a read and a write between which somebody else may come. */
const lostUpdate = Effect.gen(function*() {
  const ref = yield* Ref.make(0)
  const add = Effect.flatMap(Ref.get(ref), (n) => Ref.set(ref, n + 1))
  yield* Effect.all([add, add], { concurrency: "unbounded" })
  expect(yield* Ref.get(ref)).toBe(2)
})

it.effect("a fault of some orders is found, and the error names the seed that finds it again", () =>
  Effect.gen(function*() {
    const failure = yield* Effect.flip(Schedules.check(lostUpdate, { seeds: 200 }))
    expect(failure).toMatchObject({ _tag: "ScheduleFailed", passed: failure.seed - 1 })
    expect(failure.message).toContain(`Seed ${failure.seed} failed`)
    expect(failure.message).toContain(`{ seeds: [${failure.seed}] }`)
    expect(failure.message).toContain("expected 1 to be 2")
    const again = yield* Effect.flip(Schedules.check(lostUpdate, { seeds: [failure.seed] }))
    expect(again).toMatchObject({ seed: failure.seed, passed: 0 })
  }))

it.effect("in the one order that Effect itself takes that fault is not there", () =>
  Effect.zipRight(lostUpdate, Schedules.check(lostUpdate, { seeds: 1, preemption: 0 })))

/** What a program does, in order, as far as a seed decides it. */
const story = Effect.gen(function*() {
  const lines: Array<string> = []
  const say = (name: string) =>
    Effect.gen(function*() {
      yield* Effect.sleep((yield* Random.nextIntBetween(0, 3)) * 1_000)
      lines.push(`${name} at ${yield* Clock.currentTimeMillis}`)
      yield* Effect.yieldNow()
      lines.push(`${name} goes`)
    })
  yield* Effect.all(["a", "b", "c"].map(say), { concurrency: "unbounded" })
  return lines
})

it("a seed is a run: the same one goes the same way, another one another", () => {
  const stories = Array.from({ length: 50 }, (_, seed) => Schedules.run(story, seed))
  expect(stories.map(({ seed }) => Schedules.run(story, seed))).toEqual(stories)
  expect(new Set(stories.map(({ exit }) => JSON.stringify(exit))).size).toBeGreaterThan(20)
})

it("time is virtual, and passes when nobody can go on", () => {
  const hour = Effect.zipRight(Effect.all([Effect.sleep("1 hour"), Effect.sleep("1 day")]), Clock.currentTimeMillis)
  expect(Schedules.run(hour, 1)).toEqual({
    seed: 1,
    exit: Exit.succeed(90_000_000),
    defects: [],
    left: 0,
    time: 90_000_000
  })
})

it("with haste time goes on though somebody is ready", () => {
  const late = Effect.gen(function*() {
    yield* Effect.fork(Effect.sleep(5))
    const before = yield* Clock.currentTimeMillis
    yield* Effect.repeatN(Effect.yieldNow(), 10)
    return (yield* Clock.currentTimeMillis) - before
  })
  const seen = (haste: number) =>
    new Set(
      Array.from({ length: 50 }, (_, seed) => Exit.getOrElse(Schedules.run(late, seed, { haste }).exit, () => -1))
    )
  expect(seen(0)).toEqual(new Set([0]))
  expect(seen(0.5)).toEqual(new Set([0, 5]))
})

it.effect("a program that never ends is told from one that goes on and on", () =>
  Effect.gen(function*() {
    const stuck = Effect.flatMap(Deferred.make<void>(), Deferred.await)
    expect((yield* Effect.flip(Schedules.check(stuck))).message).toContain(
      "never ends: nothing more happens after 0 ms"
    )
    const busy = Effect.forever(Effect.sleep(10))
    expect((yield* Effect.flip(Schedules.check(busy, { mostTurns: 1_000 }))).message).toContain("goes on and on")
  }))

it.effect("a fiber that dies and that nobody joins fails the seed, unless it was expected to", () =>
  Effect.gen(function*() {
    const program = Effect.zipRight(Effect.forkDaemon(Effect.dieMessage("nobody saw it")), Effect.sleep(1))
    expect((yield* Effect.flip(Schedules.check(program))).message).toContain("nobody saw it")
    yield* Schedules.check(program, { isExpected: (defect) => String(defect).includes("nobody saw it") })
  }))

it("fibers that are left for ever are counted", () => {
  const program = Effect.forkDaemon(Effect.never)
  expect(Schedules.run(program, 1).left).toBe(1)
  expect(Schedules.run(Effect.flatMap(program, Fiber.interrupt), 1).left).toBe(0)
})

it.effect("an interruption comes between two seeds", () =>
  Effect.gen(function*() {
    let runs = 0
    const program = Effect.sync(() => {
      runs++
    })
    const fiber = yield* Effect.fork(Schedules.check(program, { seeds: 1_000_000 }))
    yield* Effect.yieldNow()
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(fiber)
    expect(runs).toBeGreaterThan(0)
    expect(runs).toBeLessThan(10)
  }))

class Db extends ConnectionPool.Tag("test/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}

/** A user's service that must not be asked for more than is there. */
const withdraw = (isCareful: boolean) =>
  Effect.gen(function*() {
    let balance = 1
    const read = Effect.suspend(() => Effect.succeed(balance))
    const take = Db.use(({ call }) =>
      Effect.gen(function*() {
        const before = yield* read
        if (before === 0) return
        yield* call
        balance = isCareful ? balance - (balance > 0 ? 1 : 0) : before - 1
        if (!isCareful) paid++
      })
    )
    let paid = 0
    yield* Effect.all([take, take, take], { concurrency: "unbounded" })
    if (paid > 1) yield* Effect.dieMessage(`paid ${paid} times`)
  }).pipe(Effect.provide(TestPool.layer(Db, {
    maxSize: 2,
    prepare: (fake) =>
      Effect.zipRight(
        fake.set("open", FakeConnector.slow("1 second")),
        fake.set("call", FakeConnector.slow("10 millis"))
      )
  })))

it.effect("a service over a test pool runs in it: its faults are found, and its pool is closed", () =>
  Effect.gen(function*() {
    const failure = yield* Effect.flip(Schedules.check(withdraw(false), { seeds: 50 }))
    expect(Cause.pretty(failure.cause)).toContain("paid 2 times")
    yield* Schedules.check(withdraw(true), { seeds: 50 })
    expect(Schedules.run(withdraw(true), 1)).toMatchObject({ left: 0, time: 1_010 })
  }))

it("a policy of one's own decides whose turn it is", () => {
  const order: Array<number> = []
  const program = Effect.all(
    [1, 2, 3].map((n) => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => order.push(n)))),
    { concurrency: "unbounded" }
  )
  const last: World.Policy = { ...World.inOrder, turn: (ready) => ready - 1 }
  new World.World(last).run(program)
  expect(order).toEqual([3, 2, 1])
})

it("a clock that is set does not wake who sleeps", () => {
  const world = new World.World()
  const program = Effect.gen(function*() {
    world.setClock(-500)
    const before = yield* Clock.currentTimeMillis
    yield* Effect.sleep(100)
    return [before, yield* Clock.currentTimeMillis]
  })
  expect(world.run(program)).toEqual(Exit.succeed([-500, -400]))
})
