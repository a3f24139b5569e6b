import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { ConnectTimeout, InvalidOptions } from "@cenote/core/PoolError"
import type { FakeConnector } from "@cenote/core/testing"
import { Outage, Schedules, TestPool } from "@cenote/core/testing"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"

class Db extends ConnectionPool.Tag("types/Db")<Db, Connection, Refused>() {}
class Plain extends ConnectionPool.Tag("types/Plain")<Plain, FakeConnector.FakeConnection, FakeConnector.FakeError>() {}
class Wide extends ConnectionPool.Tag("types/Wide")<
  Wide,
  { readonly id: number },
  FakeConnector.FakeError | Refused
>() {}

const connect = (fake: FakeConnector.FakeConnection): Connection => ({ host: `fake ${fake.id}` })
const fail = (): Refused => ({ _tag: "Refused" })

describe("a test pool", () => {
  test("gives the pool and the controls of its server, and needs nothing", () => {
    expect(TestPool.layer(Db, { connect, fail })).type.toBe<Layer.Layer<Db | TestPool.Fake<Db>, InvalidOptions>>()
    expect(TestPool.fake(Db)).type.toBe<Context.Tag<TestPool.Fake<Db>, FakeConnector.FakeConnector>>()
    expect(Effect.flatMap(TestPool.fake(Db), ({ counts }) => counts)).type.toBe<
      Effect.Effect<FakeConnector.Counts, never, TestPool.Fake<Db>>
    >()
  })

  test("of one tag is not that of another", () => {
    expect<TestPool.Fake<Db>>().type.not.toBeAssignableTo<TestPool.Fake<Plain>>()
  })

  test("with a startup fails as the tag's pool does", () => {
    expect(TestPool.layer(Db, { connect, fail, startup: "probe" })).type.toBe<
      Layer.Layer<Db | TestPool.Fake<Db>, InvalidOptions | Refused | ConnectTimeout>
    >()
  })

  test("needs to be told how to make connections and errors that are not the fake's own", () => {
    expect(TestPool.layer).type.not.toBeCallableWith(Db, {})
    expect(TestPool.layer).type.not.toBeCallableWith(Db, { connect })
    expect(TestPool.layer).type.not.toBeCallableWith(Db, { fail })
    expect(TestPool.layer).type.not.toBeCallableWith(Db, { connect: () => 1, fail })
    expect(TestPool.layer(Plain, {})).type.toBe<Layer.Layer<Plain | TestPool.Fake<Plain>, InvalidOptions>>()
    expect(TestPool.layer(Wide, { maxSize: 2 })).type.toBe<Layer.Layer<Wide | TestPool.Fake<Wide>, InvalidOptions>>()
  })

  test("takes the options of a pool, but for the connector", () => {
    expect(TestPool.layer(Plain, { maxSize: 1, acquireTimeout: "1 second" })).type.toBe<
      Layer.Layer<Plain | TestPool.Fake<Plain>, InvalidOptions>
    >()
    expect(TestPool.layer).type.not.toBeCallableWith(Plain, { maxsize: 1 })
    expect(TestPool.layer).type.not.toBeCallableWith(Plain, { connector: Effect.succeed(1) })
  })
})

describe("a fake server's outages", () => {
  const fake = {} as FakeConnector.FakeConnector
  test("end by the clock, and a script by its Scope", () => {
    expect(fake.outage("1 second", Outage.slow("1 second"))).type.toBe<Effect.Effect<void>>()
    expect(fake.outages(Outage.between(0, "1 second"))).type.toBe<Effect.Effect<void, never, Scope.Scope>>()
  })
})

describe("schedules", () => {
  test("run programs that need nothing but a Scope, and fail with the program's cause", () => {
    const program = {} as Effect.Effect<number, "oops", Scope.Scope>
    expect(Schedules.check(program)).type.toBe<Effect.Effect<void, Schedules.ScheduleFailed<"oops">>>()
    expect(Schedules.run(program, 1)).type.toBe<Schedules.Run<number, "oops">>()
    expect(Schedules.check).type.not.toBeCallableWith({} as Effect.Effect<number, never, Network>)
  })
})
