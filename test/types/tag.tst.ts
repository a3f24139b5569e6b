import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { AcquireError, ConnectTimeout, InvalidOptions, PoolClosed } from "@cenote/core/PoolError"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import type { PoolHealth } from "@cenote/core/PoolHealth"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import type { LeaseInfo, PoolStats } from "@cenote/core/PoolStats"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"
import { connector, open, plain } from "./support.js"

class Db extends ConnectionPool.Tag("types/Db")<Db, Connection, Refused>() {}
class Numbers extends ConnectionPool.Tag("types/Numbers")<Numbers, number>() {}

describe("a tag", () => {
  test("gives the pool in the context", () => {
    expect(Effect.map(Db, (pool) => pool)).type.toBe<
      Effect.Effect<ConnectionPool.ConnectionPool<Connection, Refused>, never, Db>
    >()
  })

  test("use adds the connector's error, AcquireError and the service to the body's own", () => {
    expect(Db.use((connection) => Effect.succeed(connection.host))).type.toBe<
      Effect.Effect<string, Refused | AcquireError, Db>
    >()
    expect(Db.use(() => ({} as Effect.Effect<number, "oops", Network>))).type.toBe<
      Effect.Effect<number, "oops" | Refused | AcquireError, Db | Network>
    >()
    expect(Numbers.use((n) => Effect.succeed(n))).type.toBe<Effect.Effect<number, AcquireError, Numbers>>()
  })

  test("get and lease need the service and a Scope", () => {
    expect(Db.get).type.toBe<Effect.Effect<Connection, Refused | AcquireError, Db | Scope.Scope>>()
    expect(Db.lease({ acquireTimeout: 0 })).type.toBe<
      Effect.Effect<ConnectionPool.Lease<Connection>, Refused | AcquireError, Db | Scope.Scope>
    >()
  })

  test("invalidate, stats and events need the service", () => {
    expect(Db.invalidate({} as Connection)).type.toBe<Effect.Effect<void, never, Db>>()
    expect(Db.stats).type.toBe<Effect.Effect<PoolStats, never, Db>>()
    expect(Db.events).type.toBe<Stream.Stream<PoolEvent, never, Db>>()
  })

  test("leases, health and the operations need the service, and fail as the pool's own do", () => {
    expect(Db.leases).type.toBe<Effect.Effect<ReadonlyArray<LeaseInfo>, never, Db>>()
    expect(Db.health).type.toBe<Effect.Effect<PoolHealth, never, Db>>()
    expect(Db.resize({ maxSize: 3 })).type.toBe<Effect.Effect<void, PoolClosed | InvalidOptions, Db>>()
    expect(Db.clear()).type.toBe<Effect.Effect<void, PoolClosed, Db>>()
    expect(Db.clear({ abortLeases: true })).type.toBe<Effect.Effect<void, PoolClosed, Db>>()
    expect(Db.recycle({ within: "1 minute" })).type.toBe<Effect.Effect<void, PoolClosed | InvalidOptions, Db>>()
    expect(Db.suspend({ newcomers: "refuse" })).type.toBe<Effect.Effect<void, PoolClosed | InvalidOptions, Db>>()
    expect(Db.resume).type.toBe<Effect.Effect<void, PoolClosed, Db>>()
    expect(Db.drain).type.toBe<Effect.Effect<void, never, Db>>()
    expect(Db.close({ deadline: 0 })).type.toBe<Effect.Effect<void, InvalidOptions, Db>>()
    expect(Db.lease({ long: true, priority: "low" })).type.toBe<
      Effect.Effect<ConnectionPool.Lease<Connection>, Refused | AcquireError, Db | Scope.Scope>
    >()
    expect(Db.recycle).type.not.toBeCallableWith()
    expect(Db.suspend).type.not.toBeCallableWith({ newcomers: "fail" })
  })

  test("the metrics of its pool are a layer that needs the service", () => {
    expect(PoolMetrics.layer(Db)).type.toBe<Layer.Layer<never, never, Db>>()
    expect(PoolMetrics.layer(Numbers, { name: "numbers" })).type.toBe<Layer.Layer<never, never, Numbers>>()
    expect(PoolMetrics.register({} as ConnectionPool.ConnectionPool<Connection, Refused>)).type.toBe<
      Effect.Effect<void, never, Scope.Scope>
    >()
  })

  test("invalidate takes a connection of the pool", () => {
    expect(Db.invalidate(1)).type.toRaiseError("'number' is not assignable")
  })
})

describe("a tag's layer", () => {
  test("needs what the connector needs, without the Scope, and when lazy fails with InvalidOptions only", () => {
    expect(Db.layer({ connector })).type.toBe<Layer.Layer<Db, InvalidOptions, Network>>()
    expect(Db.layer({ connector: open })).type.toBe<Layer.Layer<Db, InvalidOptions, Network>>()
    expect(Db.layer({ connector, startup: "lazy" })).type.toBe<Layer.Layer<Db, InvalidOptions, Network>>()
    expect(Numbers.layer({ connector: plain })).type.toBe<Layer.Layer<Numbers, InvalidOptions>>()
  })

  test("with a startup also fails with the connector's error and ConnectTimeout", () => {
    expect(Db.layer({ connector, startup: "probe" })).type.toBe<
      Layer.Layer<Db, InvalidOptions | Refused | ConnectTimeout, Network>
    >()
    expect(Db.layer({ connector, startup: "fill", minSize: 2 })).type.toBe<
      Layer.Layer<Db, InvalidOptions | Refused | ConnectTimeout, Network>
    >()
    expect(Numbers.layer({ connector: plain, startup: "probe" })).type.toBe<
      Layer.Layer<Numbers, InvalidOptions | ConnectTimeout>
    >()
  })

  test("takes a connector that fails with less, and none that gives or fails with something else", () => {
    expect(Db.layer).type.toBeCallableWith({ connector: Effect.succeed({ host: "db" }) })
    expect(Db.layer).type.not.toBeCallableWith({ connector: plain })
    expect(Db.layer).type.not.toBeCallableWith({ connector: Effect.fail("other" as const) })
    expect(Db.layer).type.not.toBeCallableWith({})
  })

  test("does not take wrong names or types of options", () => {
    expect(Db.layer).type.not.toBeCallableWith({ connector, maxsize: 10 })
    expect(Db.layer).type.not.toBeCallableWith({ connector, maxSize: "10" })
    expect(Db.layer).type.not.toBeCallableWith({ connector, startup: "eager" })
  })
})

describe("a tag's layerConfig", () => {
  test("takes the connector as an Effect or as a Connector, and its tuning as Configs", () => {
    expect(Db.layerConfig({ connector })).type.toBe<Layer.Layer<Db, ConfigError | InvalidOptions, Network>>()
    expect(Db.layerConfig({
      connector: open,
      name: Config.string("NAME"),
      maxSize: Config.integer("MAX_SIZE"),
      acquireTimeout: Config.duration("ACQUIRE_TIMEOUT"),
      order: Config.literal("lifo", "fifo")("ORDER"),
      minSize: undefined
    })).type.toBe<Layer.Layer<Db, ConfigError | InvalidOptions, Network>>()
  })

  test("takes a Config of a Connector, and needs what that needs", () => {
    const read = Config.map(Config.string("HOST"), () => connector)
    expect(Db.layerConfig({ connector: read })).type.toBe<Layer.Layer<Db, ConfigError | InvalidOptions, Network>>()
    const free = Config.map(Config.integer("N"), (n) => Connector.make({ open: Effect.succeed(n) }))
    expect(Numbers.layerConfig({ connector: free })).type.toBe<Layer.Layer<Numbers, ConfigError | InvalidOptions>>()
  })

  test("fails with the error of the startup that may be read", () => {
    expect(Db.layerConfig({ connector, startup: Config.succeed("lazy" as const) })).type.toBe<
      Layer.Layer<Db, ConfigError | InvalidOptions, Network>
    >()
    expect(Db.layerConfig({ connector, startup: Config.literal("probe")("STARTUP") })).type.toBe<
      Layer.Layer<Db, ConfigError | InvalidOptions | Refused | ConnectTimeout, Network>
    >()
    expect(Db.layerConfig({ connector, startup: Config.literal("lazy", "fill")("STARTUP") })).type.toBe<
      Layer.Layer<Db, ConfigError | InvalidOptions | Refused | ConnectTimeout, Network>
    >()
  })

  test("does not take options that are no Configs, nor Configs of something else", () => {
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector, maxSize: 10 })
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector, maxSize: Config.string("MAX_SIZE") })
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector, maxsize: Config.integer("MAX_SIZE") })
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector, startup: Config.literal("eager")("STARTUP") })
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector: Config.string("HOST") })
    expect(Db.layerConfig).type.not.toBeCallableWith({ connector: Config.succeed(Connector.make({ open: plain })) })
    expect(Db.layerConfig).type.not.toBeCallableWith({ maxSize: Config.integer("MAX_SIZE") })
  })
})
