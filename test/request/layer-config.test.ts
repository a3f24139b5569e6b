import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"

class Refused {
  readonly _tag = "Refused"
}

class Db extends ConnectionPool.Tag("test/Db")<Db, string, Refused>() {}

const withConfig = (entries: Record<string, string>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries)), { pathDelim: "." }))

const build = <E, R>(layer: Layer.Layer<Db, E, R>) => Effect.scoped(Layer.build(layer))

it.effect("each option is read from the ConfigProvider", () =>
  Effect.gen(function*() {
    const live = Db.layerConfig({
      connector: Effect.succeed("connection"),
      name: Config.string("NAME").pipe(Config.nested("DB")),
      maxSize: Config.integer("MAX").pipe(Config.nested("DB")),
      minSize: Config.succeed(2),
      acquireTimeout: Config.duration("WAIT").pipe(Config.nested("DB")),
      order: Config.literal("lifo", "fifo")("ORDER").pipe(Config.nested("DB"))
    })
    yield* Effect.gen(function*() {
      yield* settled
      expect(yield* Db.stats).toMatchObject({ name: "orders", maxSize: 3, minSize: 2, idle: 2 })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Effect.all([Db.get, Db.get, Db.get])
        const waiter = yield* Effect.fork(Effect.flip(Effect.scoped(Db.get)))
        yield* TestClock.adjust("7 seconds")
        expect(yield* waiter).toMatchObject({ _tag: "AcquireTimeout", waited: 7_000 })
      }))
    }).pipe(
      Effect.provide(live),
      withConfig({ "DB.NAME": "orders", "DB.MAX": "3", "DB.WAIT": "7 seconds", "DB.ORDER": "fifo" })
    )
  }))

it.effect("what is not given has its default", () =>
  Effect.gen(function*() {
    const live = Db.layerConfig({ connector: Effect.succeed("connection") })
    expect(yield* Effect.provide(Db.stats, live)).toMatchObject({ name: "connection", maxSize: 10, minSize: 0 })
  }))

it.effect("an option that is undefined has its default", () =>
  Effect.gen(function*() {
    const live = Effect.suspend(() =>
      Effect.provide(
        Db.stats,
        Db.layerConfig({ connector: Effect.succeed("connection"), maxSize: undefined, name: Config.succeed("orders") })
      )
    )
    expect(yield* live).toMatchObject({ name: "orders", maxSize: 10 })
  }))

it.effect("the connector can be an Effect, a Connector, or a Config of a Connector", () =>
  Effect.gen(function*() {
    const connectTo = (host: string) => Connector.make({ name: host, open: Effect.succeed(`connection to ${host}`) })
    const layers = [
      Db.layerConfig({ connector: connectTo("a").open }),
      Db.layerConfig({ connector: connectTo("b") }),
      Db.layerConfig({ connector: Config.map(Config.string("HOST"), connectTo) })
    ]
    const opened = yield* Effect.forEach(
      layers,
      (live) => Effect.provide(Effect.zip(Db.use(Effect.succeed), Effect.map(Db.stats, ({ name }) => name)), live)
    ).pipe(withConfig({ HOST: "c" }))
    expect(opened).toEqual([
      ["connection to a", "connection"],
      ["connection to b", "b"],
      ["connection to c", "c"]
    ])
  }))

it.effect("a secret reaches the connector redacted", () =>
  Effect.gen(function*() {
    const connector = Config.map(
      Config.redacted("PASSWORD"),
      (password) => Connector.make({ open: Effect.sync(() => `logged in with ${Redacted.value(password)}`) })
    )
    const live = Db.layerConfig({ connector })
    const used = yield* Effect.provide(Db.use(Effect.succeed), live).pipe(withConfig({ PASSWORD: "swordfish" }))
    expect(used).toBe("logged in with swordfish")
  }))

it.effect("what is missing or unreadable is a ConfigError", () =>
  Effect.gen(function*() {
    const live = Db.layerConfig({ connector: Effect.succeed("connection"), maxSize: Config.integer("MAX") })
    expect(yield* Effect.flip(withConfig({})(build(live)))).toMatchObject({ _op: "MissingData", path: ["MAX"] })
    expect(yield* Effect.flip(withConfig({ MAX: "many" })(build(live)))).toMatchObject({ _op: "InvalidData" })
  }))

it.effect("what can be read and cannot be is an InvalidOptions that names each field", () =>
  Effect.gen(function*() {
    const live = Db.layerConfig({
      connector: Effect.succeed("connection"),
      maxSize: Config.integer("MAX"),
      minSize: Config.integer("MIN"),
      idleTimeout: Config.duration("IDLE")
    })
    const error = yield* Effect.flip(withConfig({ MAX: "-1", MIN: "-2", IDLE: "0 seconds" })(build(live)))
    expect(error).toMatchObject({
      _tag: "InvalidOptions",
      issues: [{ field: "maxSize" }, { field: "minSize" }, { field: "idleTimeout" }]
    })
  }))

it.effect("the startup can be read too, and fails with the connector's error", () =>
  Effect.gen(function*() {
    const live = Db.layerConfig({
      connector: Effect.fail(new Refused()),
      startup: Config.literal("lazy", "probe")("STARTUP")
    })
    expect(yield* Effect.flip(withConfig({ STARTUP: "probe" })(build(live)))).toEqual(new Refused())
    yield* withConfig({ STARTUP: "lazy" })(build(live))
  }))

it.effect("a Config that needs a Scope to open its connections gets one from the pool", () =>
  Effect.gen(function*() {
    let closed = 0
    const open: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
      Effect.succeed("connection"),
      () => Effect.sync(() => ++closed)
    )
    const live = Db.layerConfig({ connector: Config.succeed(Connector.make({ open })) })
    yield* Effect.provide(Db.use(Effect.succeed), live)
    expect(closed).toBe(1)
  }))
