import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { warm } from "./support.js"

class Db extends ConnectionPool.Tag("test/Db")<Db, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}

class Replica extends ConnectionPool.Tag("test/Replica")<
  Replica,
  FakeConnector.FakeConnection,
  FakeConnector.FakeError
>() {}

const id = (connection: FakeConnector.FakeConnection) => Effect.succeed(connection.id)

it.effect("a tag's use, get, lease, invalidate and stats are those of the pool in the context", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* Effect.gen(function*() {
      expect(yield* Db.use(id)).toBe(0)
      expect((yield* Effect.scoped(Db.get)).id).toBe(0)
      const lease = yield* Effect.scoped(Db.lease())
      expect({ number: lease.number, id: lease.id }).toEqual({ number: 2, id: 0 })
      expect(yield* Db.stats).toMatchObject({ name: "fake", requests: 3, idle: 1, maxSize: 4 })
      yield* Db.use(Db.invalidate)
      yield* settled
      expect(yield* Db.stats).toMatchObject({ idle: 0, closed: 1 })
    }).pipe(Effect.provide(Db.layer({ connector: fake.connector, maxSize: 4 })))
  }))

it.effect("a tag's use and lease take the options of a call", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* fake.set("open", FakeConnector.hang)
    yield* Effect.gen(function*() {
      const none = { acquireTimeout: 0 }
      expect(yield* Effect.flip(Db.use(id, none))).toMatchObject({ _tag: "AcquireTimeout", waited: 0 })
      expect(yield* Effect.flip(Effect.scoped(Db.lease(none)))).toMatchObject({ _tag: "AcquireTimeout", waited: 0 })
    }).pipe(Effect.provide(Db.layer({ connector: fake.connector })))
  }))

it.effect("a tag's events are those of the pool in the context", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* Effect.gen(function*() {
      const first = yield* Effect.fork(Stream.runHead(Db.events))
      yield* settled
      yield* Db.use(id)
      expect(yield* first).toMatchObject({ _tag: "Some", value: { _tag: "AcquireStarted" } })
    }).pipe(Effect.provide(Db.layer({ connector: fake.connector })))
  }))

it.effect("the pool of a layer is closed with it, and its leases awaited", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Db.layer({ connector: fake.connector }), scope)
    const pool = Context.get(context, Db)
    yield* Effect.scoped(warm(pool, 2))
    yield* Effect.fork(pool.use(() => Effect.sleep("3 seconds")))
    yield* settled
    const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("2 seconds")
    expect(yield* fake.counts).toMatchObject({ opened: 2, closed: 1 })
    yield* TestClock.adjust("1 second")
    yield* closing
    expect(yield* fake.counts).toMatchObject({ closed: 2, aborted: 0 })
    expect(yield* Effect.flip(pool.use(id))).toMatchObject({ _tag: "PoolClosed" })
  }))

it.effect("a layer that is provided twice is one pool, and layers of two tags are two", () =>
  Effect.gen(function*() {
    const [main, replica] = yield* Effect.all([FakeConnector.make(), FakeConnector.make()])
    const db = Db.layer({ connector: main.connector, name: "main" })
    const live = Layer.mergeAll(db, Layer.fresh(Replica.layer({ connector: replica.connector, name: "replica" })), db)
    yield* Effect.gen(function*() {
      yield* Effect.zip(Db.use(id), Replica.use(id))
      expect((yield* Db.stats).name).toBe("main")
      expect((yield* Replica.stats).name).toBe("replica")
    }).pipe(Effect.provide(live))
    expect((yield* main.counts).opened).toBe(1)
    expect((yield* replica.counts).opened).toBe(1)
  }))

it.effect("a layer can be made of a plain Effect as well as of a Connector", () =>
  Effect.gen(function*() {
    class Numbers extends ConnectionPool.Tag("test/Numbers")<Numbers, number>() {}
    let closed = 0
    const open = Effect.acquireRelease(Effect.succeed(1), () => Effect.sync(() => ++closed))
    const double = Numbers.use((n) => Effect.succeed(n * 2))
    expect(yield* Effect.provide(double, Numbers.layer({ connector: open }))).toBe(2)
    expect(yield* Effect.provide(double, Numbers.layer({ connector: Connector.make({ open }) }))).toBe(2)
    expect(closed).toBe(2)
  }))

it.effect("a layer with startup \"probe\" fails with the connector's error, a lazy one does not", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    yield* fake.set("open", FakeConnector.fail("connection refused"))
    const { connector } = fake
    const error = yield* Effect.flip(Effect.scoped(Layer.build(Db.layer({ connector, startup: "probe" }))))
    expect(error).toMatchObject({ _tag: "FakeError", reason: "connection refused" })
    yield* Effect.scoped(Layer.build(Db.layer({ connector })))
  }))

it.effect("a layer of bad options fails with InvalidOptions", () =>
  Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const layer = Db.layer({ connector: fake.connector, maxSize: 0 })
    expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toMatchObject({
      _tag: "InvalidOptions",
      issues: [{ field: "maxSize" }]
    })
  }))

it.effect("a pool of one's own can be given to what asks for the tag", () =>
  Effect.scoped(Effect.gen(function*() {
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector })
    expect(yield* Effect.provideService(Db.use(id), Db, pool)).toBe(0)
    expect(yield* Effect.provideService(Effect.map(Db, ({ name }) => name), Db, pool)).toBe("fake")
  })))
