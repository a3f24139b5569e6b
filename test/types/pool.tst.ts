/** What a pool can fail with, and what it needs, in types. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { AcquireError, ConnectTimeout, InvalidOptions } from "@cenote/core/PoolError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
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
