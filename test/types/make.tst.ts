import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { AcquireError, ConnectTimeout, InvalidOptions } from "@cenote/core/PoolError"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import type { PoolStats } from "@cenote/core/PoolStats"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, test } from "tstyche"
import type { Connection, Network, Refused } from "./support.js"
import { connector, open, plain } from "./support.js"

type Pool = ConnectionPool.ConnectionPool<Connection, Refused>

describe("make", () => {
  test("a lazy pool fails with InvalidOptions only, and needs what the connector needs and a Scope", () => {
    expect(ConnectionPool.make({ connector })).type.toBe<Effect.Effect<Pool, InvalidOptions, Network | Scope.Scope>>()
    expect(ConnectionPool.make({ connector, startup: "lazy" })).type.toBe<
      Effect.Effect<Pool, InvalidOptions, Network | Scope.Scope>
    >()
  })

  test("a plain scoped Effect gives the same pool as a Connector of it", () => {
    expect(ConnectionPool.make({ connector: open })).type.toBe<
      Effect.Effect<Pool, InvalidOptions, Network | Scope.Scope>
    >()
  })

  test("a connector that needs nothing leaves the Scope only", () => {
    expect(ConnectionPool.make({ connector: plain })).type.toBe<
      Effect.Effect<ConnectionPool.ConnectionPool<number>, InvalidOptions, Scope.Scope>
    >()
  })

  test("probe and fill also fail with the connector's error and ConnectTimeout", () => {
    expect(ConnectionPool.make({ connector, startup: "probe" })).type.toBe<
      Effect.Effect<Pool, InvalidOptions | Refused | ConnectTimeout, Network | Scope.Scope>
    >()
    expect(ConnectionPool.make({ connector: open, startup: "fill", minSize: 3 })).type.toBe<
      Effect.Effect<Pool, InvalidOptions | Refused | ConnectTimeout, Network | Scope.Scope>
    >()
    expect(ConnectionPool.make({ connector: plain, startup: "probe" })).type.toBe<
      Effect.Effect<ConnectionPool.ConnectionPool<number>, InvalidOptions | ConnectTimeout, Scope.Scope>
    >()
  })

  test("a startup that is not known yet may fail as each of them does", () => {
    const startup = "lazy" as ConnectionPool.Startup
    expect(ConnectionPool.make({ connector, startup })).type.toBe<
      Effect.Effect<Pool, InvalidOptions | Refused | ConnectTimeout, Network | Scope.Scope>
    >()
  })

  test("each option takes its own type, and undefined", () => {
    expect(ConnectionPool.make({
      connector,
      name: "orders",
      maxSize: 10,
      minSize: 0,
      acquireTimeout: "5 seconds",
      maxWaiters: Infinity,
      maxConnecting: 2,
      connectTimeout: 15_000,
      whenDown: "wait",
      connectRetry: Schedule.exponential("100 millis"),
      idleTimeout: Duration.minutes(10),
      maxLifetime: Duration.infinity,
      lifetimeJitter: 0.25,
      maxUses: 1_000,
      checkAfterIdle: 0,
      keepalive: 120_000n,
      checkTimeout: "1 second",
      resetTimeout: "5 seconds",
      closeTimeout: "5 seconds",
      order: "fifo",
      startup: "fill",
      shutdownTimeout: "20 seconds"
    })).type.toBe<Effect.Effect<Pool, InvalidOptions | Refused | ConnectTimeout, Network | Scope.Scope>>()
    expect(ConnectionPool.make({
      connector,
      name: undefined,
      maxSize: undefined,
      acquireTimeout: undefined,
      whenDown: undefined,
      connectRetry: undefined,
      order: undefined
    })).type.toBe<Effect.Effect<Pool, InvalidOptions, Network | Scope.Scope>>()
  })

  test("a wrong name, a wrong type and a missing connector do not compile", () => {
    expect(ConnectionPool.make({ connector, maxsize: 10 })).type.toRaiseError("'maxsize' does not exist")
    expect(ConnectionPool.make({ connector, size: 10 })).type.toRaiseError("'size' does not exist")
    expect(ConnectionPool.make({ connector, maxSize: "10" })).type.toRaiseError("'string' is not assignable")
    expect(ConnectionPool.make({ connector, minSize: null })).type.toRaiseError("'null' is not assignable")
    expect(ConnectionPool.make({ connector, acquireTimeout: "5 parsecs" })).type.toRaiseError("is not assignable")
    expect(ConnectionPool.make({ connector, acquireTimeout: true })).type.toRaiseError("'true' is not assignable")
    expect(ConnectionPool.make({ connector, whenDown: "retry" })).type.toRaiseError("'\"retry\"' is not assignable")
    expect(ConnectionPool.make({ connector, order: "random" })).type.toRaiseError("'\"random\"' is not assignable")
    expect(ConnectionPool.make({ connector, startup: "eager" })).type.toRaiseError("'\"eager\"' is not assignable")
    expect(ConnectionPool.make({ connector, connectRetry: 3 })).type.toRaiseError("'number' is not assignable")
    expect(ConnectionPool.make({ maxSize: 10 })).type.toRaiseError("'connector' is missing")
    expect(ConnectionPool.make({ connector: "postgres://db" })).type.toRaiseError("'string' is not assignable")
    expect(ConnectionPool.make({ connector: { open } })).type.toRaiseError("is missing the following properties")
  })
})

describe("a pool", () => {
  const pool = {} as Pool

  test("use has the body's value, and adds the body's error and services to its own", () => {
    expect(pool.use((connection) => Effect.succeed(connection.host))).type.toBe<
      Effect.Effect<string, Refused | AcquireError>
    >()
    expect(pool.use(() => Effect.fail("no such table" as const))).type.toBe<
      Effect.Effect<never, "no such table" | Refused | AcquireError>
    >()
    expect(pool.use(() => ({} as Effect.Effect<number, "oops", Network>))).type.toBe<
      Effect.Effect<number, "oops" | Refused | AcquireError, Network>
    >()
  })

  test("the pool of a connector that cannot fail does not fail with its error", () => {
    const pool = {} as ConnectionPool.ConnectionPool<Connection>
    expect(pool.use(() => Effect.void)).type.toBe<Effect.Effect<void, AcquireError>>()
  })

  test("get and lease need a Scope", () => {
    expect(pool.get).type.toBe<Effect.Effect<Connection, Refused | AcquireError, Scope.Scope>>()
    expect(pool.lease()).type.toBe<
      Effect.Effect<ConnectionPool.Lease<Connection>, Refused | AcquireError, Scope.Scope>
    >()
  })

  test("invalidate, stats and events do not fail", () => {
    expect(pool.invalidate({} as Connection)).type.toBe<Effect.Effect<void>>()
    expect(pool.stats).type.toBe<Effect.Effect<PoolStats>>()
    expect(pool.events).type.toBe<Stream.Stream<PoolEvent>>()
  })

  test("a call takes its own acquireTimeout and nothing else", () => {
    const body = () => Effect.void
    expect(pool.use(body, { acquireTimeout: 0 })).type.toBe<Effect.Effect<void, Refused | AcquireError>>()
    expect(pool.use(body, { acquireTimeout: Duration.infinity })).type.toBe<
      Effect.Effect<void, Refused | AcquireError>
    >()
    expect(pool.use(body, undefined)).type.toBe<Effect.Effect<void, Refused | AcquireError>>()
    expect(pool.use(body, { acquireTimeout: "soon" })).type.toRaiseError("is not assignable")
    expect(pool.use(body, { timeout: 5 })).type.toRaiseError("'timeout' does not exist")
    expect(pool.lease({ maxSize: 5 })).type.toRaiseError("'maxSize' does not exist")
  })

  test("a body has to be a function of the connection that gives an Effect", () => {
    expect(pool.use(() => 1)).type.toRaiseError("'number' is not assignable")
    expect(pool.use((connection: number) => Effect.succeed(connection))).type.toRaiseError("is not assignable")
    expect(pool.use(Effect.void)).type.toRaiseError("is not assignable")
    expect(pool.invalidate(1)).type.toRaiseError("'number' is not assignable")
  })

  test("a pool can be used where more errors are expected, and not where fewer are", () => {
    expect<ConnectionPool.ConnectionPool<Connection>>().type.toBeAssignableTo<Pool>()
    expect<Pool>().type.not.toBeAssignableTo<ConnectionPool.ConnectionPool<Connection>>()
    expect<ConnectionPool.ConnectionPool<Connection & { readonly port: number }>>().type.not.toBeAssignableTo<
      ConnectionPool.ConnectionPool<Connection>
    >()
  })
})
