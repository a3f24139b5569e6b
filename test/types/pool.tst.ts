/** What a pool can fail with, and what it needs, in types. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { AcquireError, ConnectTimeout, InvalidOptions, PoolClosed } from "@cenote/core/PoolError"
import type { LeaseOptions } from "@cenote/core/PoolOptions"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import { describe, expect, test } from "tstyche"

class Refused {
  readonly _tag = "Refused"
}

class NoRows {
  readonly _tag = "NoRows"
}

class Network extends Context.Tag("test/Network")<Network, {}>() {}

class Connection {
  readonly rows: Effect.Effect<number, NoRows> = Effect.fail(new NoRows())
}

declare const open: Effect.Effect<Connection, Refused, Scope.Scope | Network>
declare const pool: ConnectionPool.ConnectionPool<Connection, Refused>

describe("make", () => {
  test("needs what opening needs, and one Scope", () => {
    expect(ConnectionPool.make({ connector: open, maxSize: 1 })).type.toBe<
      Effect.Effect<ConnectionPool.ConnectionPool<Connection, Refused>, InvalidOptions, Network | Scope.Scope>
    >()
  })

  test("fails as opening does only where it waits for an opening", () => {
    type Fill = ConnectTimeout | InvalidOptions | Refused
    const lazy = ConnectionPool.make({ connector: open, maxSize: 1, startup: "lazy" })
    const probe = ConnectionPool.make({ connector: open, maxSize: 1, startup: "probe" })
    const fill = ConnectionPool.make({ connector: open, maxSize: 1, startup: "fill" })
    expect<Effect.Effect.Error<typeof lazy>>().type.toBe<InvalidOptions>()
    expect<Effect.Effect.Error<typeof probe>>().type.toBe<Fill>()
    expect<Effect.Effect.Error<typeof fill>>().type.toBe<Fill>()
  })
})

class Other extends Context.Tag("test/Other")<Other, {}>() {}

declare const budget: STM.STM<number, "spent", Other>

describe("useSTM", () => {
  const stm = STM.zipRight(budget, pool.tryTake())

  test("provides the owner, and keeps what else the transaction needs and fails with", () => {
    expect(ConnectionPool.useSTM(stm, () => Network)).type.toBe<
      Effect.Effect<{}, "spent" | PoolClosed, Other | Network>
    >()
  })

  test("gives the use what the transaction gives", () => {
    expect(ConnectionPool.useSTM(stm, (taken) => Effect.succeed(taken))).type.toBe<
      Effect.Effect<Option.Option<Connection>, "spent" | PoolClosed, Other>
    >()
  })

  test("is the only way to an owner", () => {
    expect(pool.tryTake()).type.toBe<STM.STM<Option.Option<Connection>, PoolClosed, ConnectionPool.ClaimOwner>>()
    // Committed alone, it would belong to nobody.
    expect(STM.commit(pool.tryTake())).type.not.toBeAssignableTo<Effect.Effect<unknown>>()
  })

  test("tryTake takes what a claim can say for itself, and no time to wait", () => {
    expect<Parameters<typeof pool.tryTake>>().type.toBe<
      [options?: Pick<LeaseOptions, "exclusive" | "long"> | undefined]
    >()
  })
})

class OtherRefused {
  readonly _tag = "OtherRefused"
}

class OtherConnection {
  readonly other = true
}

declare const otherPool: ConnectionPool.ConnectionPool<OtherConnection, OtherRefused>

describe("all", () => {
  test("gives the connections in the shape of the pools, and fails as any of them may", () => {
    expect(ConnectionPool.all({ one: pool, other: otherPool })).type.toBe<
      Effect.Effect<
        { one: Connection; other: OtherConnection },
        AcquireError | Refused | OtherRefused,
        Scope.Scope
      >
    >()
    expect(ConnectionPool.all([pool, otherPool, pool])).type.toBe<
      Effect.Effect<[Connection, OtherConnection, Connection], AcquireError | Refused | OtherRefused, Scope.Scope>
    >()
  })

  test("useAll knows each connection, and needs no Scope", () => {
    expect(ConnectionPool.useAll([pool, otherPool], ([one, other]) => Effect.succeed([one, other] as const))).type.toBe<
      Effect.Effect<readonly [Connection, OtherConnection], AcquireError | Refused | OtherRefused>
    >()
  })
})

describe("a pool", () => {
  test("fails as the caller's own effect, as opening, or as asking does", () => {
    expect(pool.use((connection) => connection.rows)).type.toBe<
      Effect.Effect<number, AcquireError | NoRows | Refused>
    >()
  })

  test("gives a connection for as long as a Scope is open", () => {
    expect(pool.get).type.toBe<Effect.Effect<Connection, AcquireError | Refused, Scope.Scope>>()
  })

  test("is no pool of another connection", () => {
    expect(pool).type.not.toBeAssignableTo<ConnectionPool.ConnectionPool<unknown, Refused>>()
  })
})

describe("Connector.make", () => {
  test("takes the Scope of an opening away, and asks for what its other steps need", () => {
    const connector = Connector.make({ open: Effect.scope, check: () => Effect.asVoid(Network) })
    expect(connector).type.toBe<Connector.Connector<Scope.Scope, never, Network>>()
  })
})

describe("Tag", () => {
  class Db extends ConnectionPool.Tag("test/Db")<Db, Connection, Refused>() {}

  test("has the pool's operations, which ask for the service", () => {
    expect(Db.use((connection) => connection.rows)).type.toBe<
      Effect.Effect<number, AcquireError | NoRows | Refused, Db>
    >()
  })

  test("takes a connector of its connections, and no other", () => {
    expect(Db.layer).type.toBeCallableWith({ connector: Effect.succeed(new Connection()), maxSize: 1 })
    expect(Db.layer).type.not.toBeCallableWith({ connector: Effect.succeed("text"), maxSize: 1 })
  })
})
