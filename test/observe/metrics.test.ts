import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as PoolMetrics from "@cenote/core/PoolMetrics"
import { FakeConnector } from "@cenote/core/testing"
import { expect, it, vi } from "@effect/vitest"
import {
  ATTR_DB_CLIENT_CONNECTION_POOL_NAME,
  ATTR_DB_CLIENT_CONNECTION_STATE,
  DB_CLIENT_CONNECTION_STATE_VALUE_IDLE,
  DB_CLIENT_CONNECTION_STATE_VALUE_USED,
  METRIC_DB_CLIENT_CONNECTION_COUNT,
  METRIC_DB_CLIENT_CONNECTION_CREATE_TIME,
  METRIC_DB_CLIENT_CONNECTION_IDLE_MAX,
  METRIC_DB_CLIENT_CONNECTION_IDLE_MIN,
  METRIC_DB_CLIENT_CONNECTION_MAX,
  METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS,
  METRIC_DB_CLIENT_CONNECTION_TIMEOUTS,
  METRIC_DB_CLIENT_CONNECTION_USE_TIME,
  METRIC_DB_CLIENT_CONNECTION_WAIT_TIME
} from "@opentelemetry/semantic-conventions/incubating"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import * as MetricState from "effect/MetricState"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { readFileSync } from "node:fs"
import { make } from "../../packages/core/src/request/make.js"
import { fromCore } from "../../packages/core/src/request/pool.js"
import { ask, hold } from "../request/support.js"
import { settled, withPool } from "../support/pool.js"

/** What the registry has of one pool: each series by name, and by state where it has one. */
const scrape = (pool: string) =>
  Effect.map(Metric.snapshot, (pairs) => {
    const series: Record<string, unknown> = {}
    for (const { metricKey, metricState } of pairs) {
      const tag = (key: string) => metricKey.tags.find((label) => label.key === key)?.value
      if (tag(ATTR_DB_CLIENT_CONNECTION_POOL_NAME) !== pool) continue
      const state = tag(ATTR_DB_CLIENT_CONNECTION_STATE)
      series[state === undefined ? metricKey.name : `${metricKey.name} ${state}`] =
        MetricState.isCounterState(metricState)
          ? Number(metricState.count)
          : MetricState.isHistogramState(metricState)
          ? { count: metricState.count, sum: Number(metricState.sum.toFixed(6)) }
          : metricState
    }
    return series
  })

const count = (state: string) => `${METRIC_DB_CLIENT_CONNECTION_COUNT} ${state}`

it.scoped("levels are those of the moment at which somebody scrapes", () =>
  Effect.gen(function*() {
    const name = "levels"
    const fake = yield* FakeConnector.make()
    const pool = yield* ConnectionPool.make({ connector: fake.connector, name, maxSize: 4, minIdle: 1 })
    yield* PoolMetrics.register(pool)
    yield* settled
    expect(yield* scrape(name)).toMatchObject({
      [count(DB_CLIENT_CONNECTION_STATE_VALUE_IDLE)]: 1,
      [count(DB_CLIENT_CONNECTION_STATE_VALUE_USED)]: 0,
      [METRIC_DB_CLIENT_CONNECTION_MAX]: 4,
      [METRIC_DB_CLIENT_CONNECTION_IDLE_MAX]: 4,
      [METRIC_DB_CLIENT_CONNECTION_IDLE_MIN]: 1,
      [METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS]: 0
    })

    const holder = yield* hold(pool)
    yield* fake.set("open", FakeConnector.hang)
    yield* ask(pool)
    yield* ask(pool)
    yield* ask(pool)
    expect(yield* scrape(name)).toMatchObject({
      [count("idle")]: 0,
      [count("used")]: 1,
      [count("opening")]: 2,
      [count("checking")]: 0,
      [count("resetting")]: 0,
      [count("closing")]: 0,
      [METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS]: 3
    })

    const gate = yield* FakeConnector.makeGate
    yield* fake.next("reset", FakeConnector.wait(gate))
    holder.connection.dirty()
    yield* holder.release
    yield* settled
    expect(yield* scrape(name)).toMatchObject({ [count("used")]: 0, [count("resetting")]: 1 })
    yield* gate.open
    yield* pool.resize({ maxSize: 7 })
    expect(yield* scrape(name)).toMatchObject({ [METRIC_DB_CLIENT_CONNECTION_MAX]: 7 })
  }))

it.effect("totals are those of the pool's stats", () =>
  withPool({ name: "totals", maxSize: 1, maxWaiters: 1, overload: true }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* PoolMetrics.register(pool)
      yield* fake.next("open", FakeConnector.fail())
      yield* Effect.flip(pool.use(() => Effect.void))
      yield* TestClock.adjust("1 second")
      yield* hold(pool)
      yield* ask(pool, { acquireTimeout: "2 seconds" })
      yield* ask(pool)
      yield* TestClock.adjust("3 seconds")
      const { openFailures, refused, shed, timedOut } = yield* pool.stats
      expect({ openFailures, refused, timedOut }).toEqual({ openFailures: 1, refused: 1, timedOut: 1 })
      expect(yield* scrape("totals")).toMatchObject({
        [METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]: timedOut,
        "cenote.pool.refused": refused,
        "cenote.pool.shed": shed,
        "cenote.pool.open_failures": openFailures,
        "cenote.pool.events_dropped": 0
      })
    })))

it.effect("create, wait and use times are histograms in seconds", () =>
  withPool({ name: "times", maxSize: 1 }, ({ fake, pool }) =>
    Effect.gen(function*() {
      yield* PoolMetrics.register(pool)
      yield* fake.next("open", FakeConnector.slow("250 millis"))
      const first = yield* ask(pool)
      yield* TestClock.adjust("250 millis")
      yield* ask(pool)
      yield* TestClock.adjust("2 seconds")
      yield* (yield* Fiber.join(first)).release
      yield* settled
      yield* TestClock.adjust("1 second")
      expect(yield* scrape("times")).toMatchObject({
        [METRIC_DB_CLIENT_CONNECTION_CREATE_TIME]: { count: 1, sum: 0.25 },
        [METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]: { count: 2, sum: 2.25 },
        [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 1, sum: 2 }
      })
    })))

it.scoped("the names, kinds and units are those of the semantic conventions", () =>
  Effect.gen(function*() {
    const manifest = new URL("../node_modules/@opentelemetry/semantic-conventions/package.json", import.meta.url)
    expect(JSON.parse(readFileSync(manifest, "utf8"))).toMatchObject({ version: PoolMetrics.conventions })

    const pool = yield* ConnectionPool.make({ connector: Effect.succeed(1), name: "conventions" })
    yield* PoolMetrics.register(pool)
    const found = (yield* Metric.snapshot).flatMap(({ metricKey: { keyType, name, tags } }) => {
      const labels = Object.fromEntries(tags.map(({ key, value }) => [key, value]))
      if (labels[ATTR_DB_CLIENT_CONNECTION_POOL_NAME] !== "conventions" || !name.startsWith("db.")) return []
      const kind = MetricKeyType.isHistogramKey(keyType)
        ? "histogram"
        : MetricKeyType.isCounterKey(keyType) && keyType.incremental
        ? "counter"
        : "updowncounter"
      return [`${name} ${kind} ${labels.unit}`]
    })
    expect([...new Set(found)].sort()).toEqual(
      [
        `${METRIC_DB_CLIENT_CONNECTION_COUNT} updowncounter {connection}`,
        `${METRIC_DB_CLIENT_CONNECTION_IDLE_MAX} updowncounter {connection}`,
        `${METRIC_DB_CLIENT_CONNECTION_IDLE_MIN} updowncounter {connection}`,
        `${METRIC_DB_CLIENT_CONNECTION_MAX} updowncounter {connection}`,
        `${METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS} updowncounter {request}`,
        `${METRIC_DB_CLIENT_CONNECTION_TIMEOUTS} counter {timeout}`,
        `${METRIC_DB_CLIENT_CONNECTION_CREATE_TIME} histogram s`,
        `${METRIC_DB_CLIENT_CONNECTION_WAIT_TIME} histogram s`,
        `${METRIC_DB_CLIENT_CONNECTION_USE_TIME} histogram s`
      ].sort()
    )
  }))

it.scoped("two pools are kept apart by their names, and pools of one name add up", () =>
  Effect.gen(function*() {
    const make = (name: string) => ConnectionPool.make({ connector: Effect.succeed({}), name, maxSize: 3 })
    const left = yield* make("left")
    const right = yield* make("right")
    yield* PoolMetrics.register(left)
    yield* PoolMetrics.register(right)
    yield* hold(left)
    expect(yield* scrape("left")).toMatchObject({ [count("used")]: 1 })
    expect(yield* scrape("right")).toMatchObject({ [count("used")]: 0 })

    const twin = yield* make("left")
    yield* PoolMetrics.register(twin)
    yield* hold(twin)
    expect(yield* scrape("left")).toMatchObject({ [count("used")]: 2, [METRIC_DB_CLIENT_CONNECTION_MAX]: 6 })

    const other = yield* make("left")
    yield* PoolMetrics.register(other, { name: "left/replica" })
    yield* hold(other)
    expect(yield* scrape("left")).toMatchObject({ [count("used")]: 2 })
    expect(yield* scrape("left/replica")).toMatchObject({ [count("used")]: 1 })
  }))

it.scoped("when the Scope closes, a pool's levels fall to 0, its totals stay, and nobody reads its events any more", () =>
  Effect.gen(function*() {
    const name = "unregistered"
    const fake = yield* FakeConnector.make()
    const core = yield* make({ connector: fake.connector, name, maxSize: 2 })
    const pool = fromCore(core)
    const scope = yield* Scope.make()
    yield* Scope.extend(PoolMetrics.register(pool), scope)
    expect(core.events.isObserved).toBe(true)
    yield* hold(pool)
    yield* hold(pool)
    yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: 0 }))
    yield* settled
    const before = yield* scrape(name)
    expect(before).toMatchObject({ [count("used")]: 2, [METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]: 1 })

    yield* Scope.close(scope, Exit.void)
    expect(core.events.isObserved).toBe(false)
    yield* Effect.flip(pool.use(() => Effect.void, { acquireTimeout: 0 }))
    const after = yield* scrape(name)
    expect(after).toMatchObject({
      [count("used")]: 0,
      [METRIC_DB_CLIENT_CONNECTION_MAX]: 0,
      [METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]: 1,
      [METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]: before[METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]
    })

    yield* PoolMetrics.register(yield* ConnectionPool.make({ connector: Effect.succeed({}), name }))
    expect(yield* scrape(name)).toMatchObject({
      [METRIC_DB_CLIENT_CONNECTION_MAX]: 10,
      [METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]: 1
    })
  }))

it.scoped("what has happened before the Scope closes is counted", () =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name: "last words" })
    yield* Effect.scoped(Effect.zipRight(PoolMetrics.register(pool), Effect.repeatN(pool.use(() => Effect.void), 99)))
    expect(yield* scrape("last words")).toMatchObject({
      [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 100, sum: 0 }
    })
  }))

it.scoped("a pool that is closed has no connections and allows none", () =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name: "closed", maxSize: 5 })
    yield* PoolMetrics.register(pool)
    yield* pool.use(() => Effect.void)
    yield* pool.close()
    yield* settled
    expect(yield* scrape("closed")).toMatchObject({
      [count("idle")]: 0,
      [METRIC_DB_CLIENT_CONNECTION_MAX]: 0,
      [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 1, sum: 0 }
    })
  }))

it.scoped("events that the metrics read too late are counted, and leases that were lost with them measure nothing wrong", () =>
  Effect.gen(function*() {
    const name = "crowded"
    const fake = yield* FakeConnector.make()
    const core = yield* make({ connector: fake.connector, name, maxSize: 1 })
    const pool = fromCore(core)
    yield* PoolMetrics.register(pool)
    const holder = yield* hold(pool)
    yield* settled
    // Nobody else runs in between: the reader gets the first, and 4,096 fit behind it.
    yield* Effect.sync(() => {
      for (let at = 0; at < 5_000; at++) core.events.publish({ _tag: "AcquireStarted", at })
    })
    yield* TestClock.adjust("5 seconds")
    yield* holder.release
    yield* settled
    expect(yield* scrape(name)).toMatchObject({
      "cenote.pool.events_dropped": 903,
      [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 0, sum: 0 }
    })
    yield* pool.use(() => TestClock.adjust("1 second"))
    yield* settled
    expect(yield* scrape(name)).toMatchObject({ [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 1, sum: 1 } })
  }))

it.scoped("a lease whose end nobody saw is forgotten with its connection", () =>
  Effect.gen(function*() {
    const name = "forgotten"
    const core = yield* make({ connector: (yield* FakeConnector.make()).connector, name })
    yield* PoolMetrics.register(fromCore(core))
    core.events.publish({ _tag: "Acquired", at: 0, id: 3, lease: 7, waited: 0 })
    core.events.publish({ _tag: "Acquired", at: 0, id: 4, lease: 8, waited: 0 })
    core.events.publish({
      _tag: "ConnectionClosed",
      at: 1,
      id: 3,
      reason: "Lost",
      took: 0,
      outcome: { _tag: "Closed" }
    })
    core.events.publish({ _tag: "Released", at: 1_000, id: 3, lease: 7 })
    core.events.publish({ _tag: "Released", at: 2_000, id: 4, lease: 8 })
    yield* settled
    expect(yield* scrape(name)).toMatchObject({ [METRIC_DB_CLIENT_CONNECTION_USE_TIME]: { count: 1, sum: 2 } })
  }))

it.scoped("without a registration a pool builds no event and is asked for no stats; with one, only a scrape asks", () =>
  Effect.gen(function*() {
    const core = yield* make({ connector: (yield* FakeConnector.make()).connector, name: "free" })
    const published = vi.spyOn(core.events, "publish")
    const plain = fromCore(core)
    let asked = 0
    const pool = {
      ...plain,
      stats: Effect.tap(plain.stats, () => Effect.sync(() => asked++))
    } as typeof plain
    yield* pool.use(() => Effect.void)
    yield* scrape("free")
    expect({ published: published.mock.calls.length, asked }).toEqual({ published: 0, asked: 0 })
    yield* PoolMetrics.register(pool)
    yield* pool.use(() => Effect.void)
    yield* settled
    expect(asked).toBe(0)
    yield* scrape("free")
    expect(asked).toBeGreaterThan(0)
  }))

it.scoped("the tags of the fiber that registers are tags of the series", () =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed({}), name: "tagged" })
    yield* Effect.tagMetrics(PoolMetrics.register(pool), "region", "north")
    const regions = (yield* Metric.snapshot).flatMap(({ metricKey: { tags } }) =>
      tags.some(({ value }) => value === "tagged") ? [tags.find(({ key }) => key === "region")?.value] : []
    )
    expect(new Set(regions)).toEqual(new Set(["north"]))
  }))

class Db extends ConnectionPool.Tag("test/metrics/Db")<Db, object>() {}

it.effect("a layer registers the pool of a tag for as long as it lasts", () =>
  Effect.gen(function*() {
    const live = Layer.provideMerge(
      PoolMetrics.layer(Db, { name: "layered" }),
      Db.layer({ connector: Effect.succeed({}), maxSize: 2 })
    )
    yield* Effect.gen(function*() {
      yield* Db.use(() => Effect.void)
      yield* settled
      expect(yield* scrape("layered")).toMatchObject({
        [METRIC_DB_CLIENT_CONNECTION_MAX]: 2,
        [METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]: { count: 1, sum: 0 }
      })
    }).pipe(Effect.provide(live))
    expect(yield* scrape("layered")).toMatchObject({ [METRIC_DB_CLIENT_CONNECTION_MAX]: 0 })
  }))
