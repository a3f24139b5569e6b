import * as ConnectionPool from "@cenote/core/ConnectionPool"
import { FakeConnector, TestPool } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"

class Plain extends ConnectionPool.Tag("test/Plain")<
  Plain,
  FakeConnector.FakeConnection,
  FakeConnector.FakeError
>() {}

class DbError extends Data.TaggedError("DbError")<{ readonly reason: string }> {}

interface Connection {
  readonly query: (sql: string) => Effect.Effect<string, DbError>
}

class Db extends ConnectionPool.Tag("test/Db")<Db, Connection, DbError>() {}

const fail = ({ reason }: FakeConnector.FakeError) => new DbError({ reason })

const connect = (fake: FakeConnector.FakeConnection): Connection => ({
  query: (sql) => Effect.mapBoth(fake.call, { onFailure: fail, onSuccess: () => `${fake.id}: ${sql}` })
})

it.effect("gives the pool of a tag over a fake server, and the server", () =>
  Effect.gen(function*() {
    const fake = yield* TestPool.fake(Plain)
    expect(yield* Plain.use(({ id }) => Effect.succeed(id))).toBe(0)
    expect(yield* fake.counts).toMatchObject({ opened: 1, alive: 1 })
    expect(yield* Plain.stats).toMatchObject({ name: "test/Plain", maxSize: 3 })
  }).pipe(Effect.provide(TestPool.layer(Plain, { maxSize: 3 }))))

it.effect("makes the user's own connections and errors of the fake's", () =>
  Effect.gen(function*() {
    const fake = yield* TestPool.fake(Db)
    expect(yield* Db.use(({ query }) => query("select 1"))).toBe("0: select 1")
    yield* fake.next("call", FakeConnector.fail("a conflict", "call"))
    expect(yield* Effect.flip(Db.use(({ query }) => query("select 1")))).toEqual(new DbError({ reason: "a conflict" }))
    yield* fake.outage()
    yield* settled
    expect(yield* Effect.flip(Db.use(({ query }) => query("select 1")))).toEqual(
      new DbError({ reason: "the server is down" })
    )
  }).pipe(Effect.provide(TestPool.layer(Db, { connect, fail }))))

it.effect("every step reaches the connection that is meant", () =>
  Effect.gen(function*() {
    const fake = yield* TestPool.fake(Db)
    yield* fake.set("call", FakeConnector.hang)
    const interrupted = yield* Effect.fork(Db.use(({ query }) => query("select 1")))
    yield* settled
    yield* Fiber.interrupt(interrupted)
    yield* fake.set("call", FakeConnector.ok)
    yield* TestClock.adjust("2 seconds")
    yield* Db.use(({ query }) => query("select 1"))
    yield* TestClock.adjust("2 minutes")
    yield* fake.critical(0)
    yield* settled
    yield* Db.use(({ query }) => query("select 1"))
    expect(yield* fake.counts).toMatchObject({ opened: 1, reset: 1, checked: 2, pinged: 1, called: 3 })

    yield* fake.kill(0)
    yield* settled
    expect(yield* Db.stats).toMatchObject({ idle: 0, closed: 1 })
    yield* fake.set("call", FakeConnector.hang)
    const held = yield* Effect.fork(Effect.flip(Db.use(({ query }) => query("select 1"))))
    yield* settled
    yield* Db.clear({ abortLeases: true })
    expect(yield* Fiber.join(held)).toMatchObject({ reason: "the connection is dead" })
    expect(yield* fake.counts).toMatchObject({ opened: 2, aborted: 1, alive: 0 })
  }).pipe(Effect.provide(TestPool.layer(Db, { connect, fail }))))

it.effect("the server has the steps that it is said to have, and is told what to do before the pool asks", () =>
  Effect.gen(function*() {
    const fake = yield* TestPool.fake(Db)
    yield* settled
    expect(yield* fake.counts).toMatchObject({ opening: 2, opened: 0 })
    yield* TestClock.adjust("1 second")
    yield* TestClock.adjust("1 minute")
    yield* Db.use(({ query }) => query("select 1"))
    expect(yield* fake.counts).toMatchObject({ opened: 2, checked: 0 })
  }).pipe(Effect.provide(TestPool.layer(Db, {
    connect,
    fail,
    minSize: 2,
    server: { check: false },
    prepare: (fake) => fake.set("open", FakeConnector.slow("1 second"))
  }))))

it.effect("a startup fails as the tag's connections do", () =>
  Effect.gen(function*() {
    const layer = TestPool.layer(Db, { connect, fail, startup: "probe", prepare: (fake) => fake.outage() })
    expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toEqual(new DbError({ reason: "the server is down" }))
  }))

it.effect("options that cannot be are named", () =>
  Effect.gen(function*() {
    const failure = yield* Effect.flip(Effect.scoped(Layer.build(TestPool.layer(Plain, { maxSize: 0 }))))
    expect(failure.issues).toMatchObject([{ field: "maxSize" }])
  }))

it.effect("two pools have two servers", () =>
  Effect.gen(function*() {
    const [left, right] = [yield* TestPool.fake(Db), yield* TestPool.fake(Plain)]
    yield* left.outage()
    yield* Plain.use(({ call }) => call)
    expect(Exit.isFailure(yield* Effect.exit(Db.use(({ query }) => query("select 1"))))).toBe(true)
    expect([(yield* left.counts).opened, (yield* right.counts).opened]).toEqual([0, 1])
  }).pipe(Effect.provide(Layer.merge(TestPool.layer(Db, { connect, fail }), TestPool.layer(Plain, {})))))

it.effect("a test that fails while the server hangs and fibers hold connections ends with its failure", () =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(
      Effect.gen(function*() {
        const fake = yield* TestPool.fake(Plain)
        yield* Effect.forkDaemon(Plain.use(() => Effect.never))
        yield* Plain.use(() => Effect.void)
        yield* settled
        yield* fake.outage()
        yield* fake.set("close", FakeConnector.stick)
        yield* Effect.forkDaemon(Plain.use(() => Effect.void))
        yield* settled
        return yield* Effect.fail("an assertion")
      }).pipe(Effect.provide(TestPool.layer(Plain, { maxSize: 2, whenDown: "wait" })))
    )
    expect(exit).toEqual(Exit.fail("an assertion"))
  }))

it.effect("a shutdown can be tested: with a shutdownTimeout leases are awaited", () =>
  Effect.gen(function*() {
    const began = yield* Deferred.make<void>()
    const closing = yield* Effect.fork(
      Effect.zipRight(
        Effect.forkDaemon(
          Plain.use(() => Effect.zipRight(Deferred.succeed(began, undefined), Effect.sleep("3 seconds")))
        ),
        Deferred.await(began)
      ).pipe(Effect.provide(TestPool.layer(Plain, { shutdownTimeout: "10 seconds" })))
    )
    yield* TestClock.adjust("2 seconds")
    expect(Option.isNone(yield* Fiber.poll(closing))).toBe(true)
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
  }))

class Numbers extends ConnectionPool.Tag("test/Numbers")<Numbers, number>() {}

it.effect("two connections that are the same value are a mistake, which whoever waits is told", () =>
  Effect.gen(function*() {
    const caller = yield* Effect.fork(Effect.flip(Effect.scoped(Effect.zip(Numbers.get, Numbers.get))))
    yield* TestClock.adjust("30 seconds")
    expect((yield* Fiber.join(caller)).message).toContain("connect gave two connections the same value")
  }).pipe(Effect.provide(TestPool.layer(Numbers, {
    connect: () => 7,
    fail: (error) => {
      throw error
    }
  }))))
