import type { Lease } from "@cenote/core/ConnectionPool"
import * as KeyedPool from "@cenote/core/KeyedPool"
import type { AcquireError, InvalidKey, InvalidOptions } from "@cenote/core/PoolError"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"
import { connector, plain } from "./support.js"

class Tenant extends Data.Class<{ readonly name: string }> {}
class Tenants extends KeyedPool.Tag("types/Tenants")<Tenants, Tenant, Connection, Refused>() {}

describe("a keyed pool", () => {
  test("has the key of its connector's parameter, and needs what the connectors need, the Scope excepted", () => {
    expect(KeyedPool.make({ connector: (_: string) => connector })).type.toBe<
      Effect.Effect<KeyedPool.KeyedPool<string, Connection, Refused>, InvalidOptions, Network | Scope.Scope>
    >()
  })

  test("takes no key of another type, no options of a plain pool's sizes, and no connector that is no function", () => {
    const pool = {} as KeyedPool.KeyedPool<Tenant, Connection, Refused>
    expect(pool.use).type.not.toBeCallableWith("acme", () => Effect.void)
    expect(KeyedPool.make<string, Connection, Refused, Network>).type.not.toBeCallableWith({
      connector: () => connector,
      maxSize: 3
    })
    expect(KeyedPool.make<string, Connection, Refused, Network>).type.not.toBeCallableWith({ connector })
    expect(KeyedPool.make).type.not.toBeCallableWith({ connector: (_: undefined) => plain })
  })

  test("use adds the connector's error, AcquireError and InvalidKey to the body's own", () => {
    const pool = {} as KeyedPool.KeyedPool<Tenant, Connection, Refused>
    const acme = new Tenant({ name: "acme" })
    expect(pool.use(acme, () => ({} as Effect.Effect<number, "oops", Network>))).type.toBe<
      Effect.Effect<number, "oops" | Refused | AcquireError | InvalidKey, Network>
    >()
    expect(pool.get(acme)).type.toBe<
      Effect.Effect<Connection, Refused | AcquireError | InvalidKey, Scope.Scope>
    >()
    expect(pool.lease(acme, { long: true })).type.toBe<
      Effect.Effect<Lease<Connection>, Refused | AcquireError | InvalidKey, Scope.Scope>
    >()
    expect(pool.events).type.toBe<Stream.Stream<KeyedPool.KeyedPoolEvent<Tenant>>>()
  })

  test("as a tag needs the service, and its layer gives it", () => {
    const acme = new Tenant({ name: "acme" })
    expect(Tenants.use(acme, () => Effect.succeed(1))).type.toBe<
      Effect.Effect<number, Refused | AcquireError | InvalidKey, Tenants>
    >()
    expect(Tenants.forget(acme)).type.toBe<Effect.Effect<void, never, Tenants>>()
    expect(Tenants.layer({ connector: (_: Tenant) => connector })).type.toBe<
      Layer.Layer<Tenants, InvalidOptions, Network>
    >()
    expect(PoolMetrics.layer(Tenants)).type.toBe<Layer.Layer<never, never, Tenants>>()
  })
})
