import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import { expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { settled } from "../support/pool.js"
import { warm } from "./support.js"

type StepName = "open" | "check" | "ping" | "reset" | "close"

/** A connector each of whose steps says what it sees of its surroundings. */
const observed = <X, R>(look: Effect.Effect<X, never, R>) => {
  const seen: Array<readonly [StepName, X]> = []
  const see = (step: StepName) => Effect.map(look, (x) => seen.push([step, x]))
  const connector = Connector.make({
    open: Effect.zipRight(see("open"), Effect.acquireRelease(Effect.succeed("connection"), () => see("close"))),
    check: () => see("check"),
    ping: () => see("ping"),
    reset: () => see("reset")
  })
  return { connector, seen }
}

/** Makes every step of a connection run, by a caller with other surroundings than the pool's maker. */
const exercise = <E>(
  pool: ConnectionPool.ConnectionPool<string, E>,
  borrowed: <A, E2, R>(use: Effect.Effect<A, E2, R>) => Effect.Effect<A, E2, R>
) =>
  Effect.gen(function*() {
    yield* borrowed(pool.use(() => Effect.void))
    yield* settled
    yield* TestClock.adjust("10 seconds")
    yield* borrowed(pool.use(() => Effect.void))
    yield* settled
    yield* TestClock.adjust("1 minute")
    yield* borrowed(pool.use((connection) => pool.invalidate(connection)))
    yield* settled
  })

const tuning = { keepalive: "1 minute", minSize: 0, idleTimeout: "1 hour" } as const

const steps: ReadonlyArray<StepName> = ["open", "reset", "check", "reset", "ping", "close"]

const tenant = FiberRef.unsafeMake("nobody")

it.scoped("no step of a connection sees the FiberRefs of whoever borrows it, only those of the pool's maker", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(FiberRef.get(tenant))
    const pool = yield* Effect.locally(ConnectionPool.make({ connector, ...tuning }), tenant, "maker")
    yield* exercise(pool, Effect.locally(tenant, "borrower"))
    expect(seen).toEqual(steps.map((step) => [step, "maker"]))
  }))

it.scoped("no step of a connection logs with a borrower's annotations", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(Effect.map(Effect.logAnnotations, HashMap.size))
    const pool = yield* ConnectionPool.make({ connector, ...tuning })
    yield* exercise(pool, Effect.annotateLogs("request", "42"))
    expect(seen).toEqual(steps.map((step) => [step, 0]))
  }))

class Password extends Context.Tag("test/Password")<Password, string>() {}

it.scoped("each step takes its services from where the pool was made, not from a caller", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(Password)
    const pool = yield* Effect.provideService(ConnectionPool.make({ connector, ...tuning }), Password, "maker's")
    yield* exercise(pool, Effect.provideService(Password, "borrower's"))
    expect(seen).toEqual(steps.map((step) => [step, "maker's"]))
  }))

it.scoped("no step of a connection is a part of a borrower's span", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(
      Effect.map(Effect.option(Effect.currentParentSpan), Option.map((span) => span._tag === "Span" ? span.name : ""))
    )
    const pool = yield* ConnectionPool.make({ connector, ...tuning })
    yield* exercise(pool, Effect.withSpan("borrower"))
    expect(seen).toEqual(steps.map((step) => [step, Option.none()]))
  }))

it.scoped("what a step changes in its surroundings does not reach the borrower", () =>
  Effect.gen(function*() {
    const connector = Connector.make({
      open: Effect.as(FiberRef.set(tenant, "opening"), "connection"),
      reset: () => FiberRef.set(tenant, "resetting")
    })
    const pool = yield* ConnectionPool.make({ connector })
    const after = yield* pool.use(() => FiberRef.get(tenant))
    yield* settled
    expect(after).toBe("nobody")
    expect(yield* FiberRef.get(tenant)).toBe("nobody")
  }))

it.scoped("an opening can be interrupted, though its caller and the pool's maker could not", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(Effect.checkInterruptible(Effect.succeed))
    const pool = yield* Effect.uninterruptible(ConnectionPool.make({ connector, ...tuning }))
    yield* exercise(pool, Effect.uninterruptible)
    expect(seen.filter(([step]) => step !== "close")).toEqual(
      steps.filter((step) => step !== "close").map((step) => [step, true])
    )
  }))

it.effect("a pool made by a layer has the layer's surroundings for as long as it lives", () =>
  Effect.gen(function*() {
    const { connector, seen } = observed(Password)
    class Db extends ConnectionPool.Tag("test/Db")<Db, string>() {}
    const live = Layer.provide(Db.layer({ connector }), Layer.succeed(Password, "layer's"))
    yield* Effect.provide(Db.use(() => Effect.void), live)
    expect(seen.map(([step, password]) => [step, password])).toEqual([["open", "layer's"], ["close", "layer's"]])
  }))

it.scoped("a body runs in its caller's surroundings", () =>
  Effect.gen(function*() {
    const pool = yield* Effect.locally(ConnectionPool.make({ connector: Effect.succeed(1) }), tenant, "maker")
    const borrower = pool.use(() => Effect.zip(FiberRef.get(tenant), Password)).pipe(
      Effect.locally(tenant, "borrower"),
      Effect.provideService(Password, "borrower's")
    )
    expect(yield* borrower).toEqual(["borrower", "borrower's"])
    yield* warm(pool, 1)
    expect(yield* borrower).toEqual(["borrower", "borrower's"])
  }))

it.scoped("what a body changes in its surroundings stays with the caller", () =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: Effect.succeed(1) })
    yield* pool.use(() => FiberRef.set(tenant, "changed"))
    expect(yield* FiberRef.get(tenant)).toBe("changed")
  }))
