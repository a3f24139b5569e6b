/** The service on a server that does not exist, in virtual time: not one of these tests takes longer than its code. */
import * as PoolHealth from "@cenote/core/PoolHealth"
import { FakeConnector, Outage, Schedules, TestPool } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Busy, Db, DbError, Orders, Unavailable } from "./orders.js"

const fail = ({ reason }: FakeConnector.FakeError) => new DbError({ reason })

/** The service over the real pool over a fake server. A query is a call to it. */
const Live = Layer.provideMerge(
  Orders.Default,
  TestPool.layer(Db, {
    maxSize: 2,
    connect: (fake) => ({ query: () => Effect.mapBoth(fake.call, { onFailure: fail, onSuccess: () => [] }) }),
    fail,
    // A connect takes 50 ms and a query 10.
    prepare: (fake) =>
      Effect.zipRight(
        fake.set("open", FakeConnector.slow("50 millis")),
        fake.set("call", FakeConnector.slow("10 millis"))
      )
  })
)

/** Asks, and lets time pass until there is an answer, which must come within the service's 4 seconds. */
const place = (product: string) =>
  Effect.gen(function*() {
    const { place } = yield* Orders
    const answer = yield* Effect.fork(Effect.either(place(product)))
    yield* TestClock.adjust("4 seconds")
    return yield* Fiber.join(answer)
  })

it.effect("an order is placed", () =>
  Effect.gen(function*() {
    expect((yield* place("apple"))._tag).toBe("Right")
    expect(yield* (yield* TestPool.fake(Db)).counts).toMatchObject({ opened: 1, called: 1 })
  }).pipe(Effect.provide(Live)))

it.effect("when all connections are busy, a customer is told to come back", () =>
  Effect.gen(function*() {
    const db = yield* Db
    const busy = yield* Effect.forkAll([db.use(() => Effect.never), db.use(() => Effect.never)])
    yield* TestClock.adjust("1 second")
    expect(yield* place("apple")).toMatchObject({ left: new Busy({ retryAfterSeconds: 5 }) })
    expect(yield* db.health).toMatchObject({ _tag: "Healthy" })
    yield* Fiber.interrupt(busy)
    expect((yield* place("apple"))._tag).toBe("Right")
  }).pipe(Effect.provide(Live)))

it.effect("in an outage orders fail at once, and afterwards they are placed without anybody's help", () =>
  Effect.gen(function*() {
    const server = yield* TestPool.fake(Db)
    yield* place("apple")
    yield* server.outage("30 seconds")
    expect(yield* place("apple")).toMatchObject({ left: new Unavailable({ because: "the server is down" }) })
    const health = yield* Db.health
    expect(health).toMatchObject({ _tag: "Down", reasons: [{ _tag: "CannotConnect" }] })
    expect(PoolHealth.isReady(health)).toBe(false)

    yield* TestClock.adjust("30 seconds")
    expect((yield* place("apple"))._tag).toBe("Right")
    expect(yield* Db.health).toMatchObject({ _tag: "Healthy" })
    expect(yield* server.counts).toMatchObject({ killed: 1, alive: 1 })
  }).pipe(Effect.provide(Live)))

it.effect("an order that is under way when the server dies fails, and its connection is not used again", () =>
  Effect.gen(function*() {
    const server = yield* TestPool.fake(Db)
    const { place } = yield* Orders
    const order = yield* Effect.fork(Effect.flip(place("apple")))
    yield* TestClock.adjust("55 millis")
    yield* server.kill(0)
    expect(yield* Fiber.join(order)).toEqual(new Unavailable({ because: "the connection is dead" }))
    yield* TestClock.adjust("1 second")
    expect(yield* Db.stats).toMatchObject({ idle: 0, leased: 0, closed: 1 })
  }).pipe(Effect.provide(Live)))

it.effect("a server that stops to answer costs a customer two seconds, and the next one nothing", () =>
  Effect.gen(function*() {
    const server = yield* TestPool.fake(Db)
    const { place: order } = yield* Orders
    const customer = yield* Effect.fork(Effect.flip(order("apple")))
    yield* TestClock.adjust("49 millis")
    yield* server.outage("1 minute", Outage.hang)
    yield* TestClock.adjust("2001 millis")
    expect(yield* Fiber.join(customer)).toEqual(new Unavailable({ because: "no answer" }))

    yield* server.recover
    yield* TestClock.adjust("1 second")
    expect((yield* place("apple"))._tag).toBe("Right")
    // Not as it was left in the middle of an answer.
    expect(yield* server.counts).toMatchObject({ opened: 1, reset: 1 })
  }).pipe(Effect.provide(Live)))

it.effect("in whatever order the fibers go, an interrupted customer costs nobody a connection", () =>
  Schedules.check(
    Effect.gen(function*() {
      const { place } = yield* Orders
      const impatient = yield* Effect.forEach([15, 55, 65], (millis) =>
        Effect.fork(Effect.timeoutOption(place("apple"), millis)))
      const patient = yield* Effect.forEach(["pear", "plum", "fig"], (product) =>
        Effect.fork(place(product)))
      yield* Fiber.joinAll(patient)
      yield* Fiber.joinAll(impatient)
      yield* Effect.sleep("10 seconds")
      const { closing, leased, resetting, waiting } = yield* Db.stats
      expect({ closing, leased, resetting, waiting }).toEqual({ closing: 0, leased: 0, resetting: 0, waiting: 0 })
    }).pipe(Effect.provide(Live)),
    { seeds: 100 }
  ))
