import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Connector from "@cenote/core/Connector"
import type { InvalidOptions } from "@cenote/core/PoolError"
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"

const connector = Effect.succeed("connection")

/** As from JavaScript, where no type is in the way. */
const make = (options: unknown) =>
  Effect.scoped(
    ConnectionPool.make(options as ConnectionPool.ConnectionPool<never> & { readonly connector: typeof connector })
  )

const refusedFields = (options: unknown) =>
  Effect.map(Effect.flip(make(options)), (error) => (error as InvalidOptions).issues.map(({ field }) => field))

const durations = [
  "acquireTimeout",
  "ageing",
  "maxLease",
  "leakThreshold",
  "connectTimeout",
  "idleTimeout",
  "maxLifetime",
  "checkAfterIdle",
  "keepalive",
  "checkTimeout",
  "resetTimeout",
  "closeTimeout",
  "shutdownTimeout"
]

const mayBeZero = ["acquireTimeout", "ageing", "checkAfterIdle", "shutdownTimeout"]

for (const field of durations) {
  it.effect(`${field} refuses what is no duration, and names itself`, () =>
    Effect.gen(function*() {
      const nonsense = [-1, NaN, -Infinity, "", "soon", "5", "5 parsecs", "-5 seconds", -5n, null, true, {}, [], [
        -1,
        0
      ], () => 1]
      for (const value of nonsense) {
        expect({ value, refused: yield* refusedFields({ connector, [field]: value }) }).toEqual({
          value,
          refused: [field]
        })
      }
    }))

  it.effect(`${field} takes every way to write a duration`, () =>
    Effect.gen(function*() {
      const good = [
        1,
        0.5,
        1_000n,
        "5 seconds",
        "1 milli",
        Duration.seconds(5),
        Duration.infinity,
        Infinity,
        [5, 0],
        2 ** 40
      ]
      for (const value of good) {
        expect({ value, exit: Exit.asVoid(yield* Effect.exit(make({ connector, [field]: value }))) }).toEqual({
          value,
          exit: Exit.void
        })
      }
    }))

  it.effect(`${field} ${mayBeZero.includes(field) ? "may" : "may not"} be 0`, () =>
    Effect.gen(function*() {
      for (const value of [0, "0 seconds", Duration.zero, 0n]) {
        const exit = yield* Effect.exit(make({ connector, [field]: value }))
        expect({ value, made: Exit.isSuccess(exit) }).toEqual({ value, made: mayBeZero.includes(field) })
      }
    }))
}

const table: ReadonlyArray<{
  readonly field: string
  readonly bad: ReadonlyArray<unknown>
  readonly good: ReadonlyArray<unknown>
}> = [
  { field: "maxSize", bad: [0, -1, 1.5, NaN, Infinity, "10", 10n, null, true, {}, []], good: [1, 10, 1_000_000] },
  { field: "minSize", bad: [-1, 0.5, NaN, Infinity, "1", null, false], good: [0, 10] },
  { field: "minIdle", bad: [-1, 0.5, NaN, Infinity, "1", null, false], good: [0, 10] },
  { field: "leakTracing", bad: ["yes", 1, null, {}], good: [true, false] },
  {
    field: "overload",
    bad: [
      null,
      1,
      "on",
      [],
      { target: 0 },
      { interval: -1 },
      { target: "soon" },
      { target: 50, every: 1_000 },
      { target: null }
    ],
    good: [true, false, {}, { target: 50 }, { interval: "2 seconds" }, { target: "5 millis", interval: "1 second" }]
  },
  { field: "maxWaiters", bad: [-1, 2.5, NaN, -Infinity, "many", null], good: [0, 1, Infinity] },
  { field: "maxConnecting", bad: [0, -1, 1.5, NaN, "2", null], good: [1, 100, Infinity] },
  { field: "maxUses", bad: [0, -1, 1.5, NaN, "1", null], good: [1, 1_000, Infinity] },
  { field: "lifetimeJitter", bad: [-0.1, 1.1, NaN, Infinity, "0.5", null], good: [0, 0.25, 1] },
  { field: "whenDown", bad: ["Fail", "retry", "", true, null, 1], good: ["fail", "wait"] },
  { field: "order", bad: ["LIFO", "random", "", null, 1], good: ["lifo", "fifo"] },
  { field: "startup", bad: ["eager", "Lazy", "", null, true], good: ["lazy", "probe", "fill"] },
  { field: "name", bad: ["", "  ", 1, null, {}], good: ["orders", "ö"] },
  { field: "connectRetry", bad: [3, "twice", null, {}, () => 1, Effect.void], good: [Schedule.recurs(3)] },
  {
    field: "connector",
    bad: [undefined, null, 1, "postgres://db", {}, { open: connector }, () => connector, Promise.resolve(1)],
    good: [connector, Connector.make({ open: connector })]
  }
]

for (const { bad, field, good } of table) {
  it.effect(`${field} refuses what it cannot be, and names itself`, () =>
    Effect.gen(function*() {
      for (const value of bad) {
        expect({ value, refused: yield* refusedFields({ connector, [field]: value }) }).toEqual({
          value,
          refused: [field]
        })
      }
    }))

  it.effect(`${field} takes what it can be`, () =>
    Effect.gen(function*() {
      for (const value of good) {
        const exit = yield* Effect.exit(make({ connector, [field]: value }))
        expect({ value, exit: Exit.asVoid(exit) }).toEqual({ value, exit: Exit.void })
      }
    }))
}

it.effect("an option that is undefined has its default", () =>
  Effect.gen(function*() {
    const undefineds = Object.fromEntries(
      [...durations, ...table.map(({ field }) => field)].filter((field) => field !== "connector").map((
        field
      ) => [field, undefined])
    )
    expect(Exit.isSuccess(yield* Effect.exit(make({ connector, ...undefineds })))).toBe(true)
  }))

it.effect("a minSize above maxSize is refused", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(make({ connector, minSize: 5, maxSize: 4 }))
    expect(error.message).toBe("Invalid pool options: minSize must be at most maxSize; got 5 with maxSize 4.")
    expect(yield* refusedFields({ connector, minSize: 11 })).toEqual(["minSize"])
    expect(Exit.isSuccess(yield* Effect.exit(make({ connector, minSize: 4, maxSize: 4 })))).toBe(true)
  }))

it.effect("a minIdle above maxSize is refused", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(make({ connector, minIdle: 5, maxSize: 4 }))
    expect(error.message).toBe("Invalid pool options: minIdle must be at most maxSize; got 5 with maxSize 4.")
  }))

it.effect("what is wrong with overload is said by its part", () =>
  Effect.gen(function*() {
    const problem = (overload: unknown) =>
      Effect.map(Effect.flip(make({ connector, overload })), (error) => (error as InvalidOptions).issues[0]?.problem)
    expect(yield* problem({ target: 0 })).toBe(
      "target must be a duration above 0, as \"5 seconds\", a number of milliseconds or Duration.infinity; got 0"
    )
    expect(yield* problem({ target: 5, every: 1 })).toBe("has no every; write { target, interval }")
    expect(yield* problem("on")).toBe(
      "must be true, false, or as { target: \"50 millis\", interval: \"1 second\" }; got \"on\""
    )
  }))

it.effect("one error names every bad field at once", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(make({
      maxSize: 0,
      minSize: -1,
      acquireTimeout: "soon",
      connectTimeout: 0,
      lifetimeJitter: 2,
      order: "random",
      retries: 3
    }))
    expect((error as InvalidOptions).issues.map(({ field }) => field).sort()).toEqual([
      "acquireTimeout",
      "connectTimeout",
      "connector",
      "lifetimeJitter",
      "maxSize",
      "minSize",
      "order",
      "retries"
    ])
  }))

it.effect("each problem says what to write instead, and what it got", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(make({ connector, maxSize: "ten", connectTimeout: 0, whenDown: null }))
    expect((error as InvalidOptions).issues).toEqual([
      { field: "maxSize", problem: "must be an integer of at least 1; got \"ten\"" },
      {
        field: "connectTimeout",
        problem: "must be a duration above 0, as \"5 seconds\", a number of milliseconds or Duration.infinity; got 0"
      },
      { field: "whenDown", problem: "must be one of \"fail\", \"wait\"; got null" }
    ])
  }))

it.effect("an unknown option is refused, with the one that was meant", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(make({ connector, maxsize: 10, MinSize: 1, idletimeout: 5, poolSize: 4 }))
    expect((error as InvalidOptions).issues).toEqual([
      { field: "maxsize", problem: "is not an option; did you mean maxSize?" },
      { field: "MinSize", problem: "is not an option; did you mean minSize?" },
      { field: "idletimeout", problem: "is not an option; did you mean idleTimeout?" },
      { field: "poolSize", problem: "is not an option" }
    ])
  }))

for (const options of [undefined, null, 10, "postgres://db", true]) {
  it.effect(`options that are ${JSON.stringify(options)} are a failure, and not a throw`, () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.suspend(() => make(options)))
      expect(error).toMatchObject({ _tag: "InvalidOptions", issues: [{ field: "options" }] })
    }))
}

it.effect("bad options open nothing, and leave nothing in the Scope", () =>
  Effect.gen(function*() {
    let opened = 0
    const open = Effect.sync(() => ++opened)
    yield* Effect.flip(make({ connector: open, minSize: 1, startup: "fill", maxSize: 0 }))
    expect(opened).toBe(0)
  }))

it.effect("a caller's own time that is no duration is a defect that names the field, and costs nobody a place", () =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector })
    for (const acquireTimeout of [-1, NaN, "soon", null, {}] as ReadonlyArray<any>) {
      const asks = [
        pool.use(() => Effect.void, { acquireTimeout }),
        Effect.scoped(pool.lease({ acquireTimeout }))
      ]
      for (const ask of asks) {
        const exit = yield* Effect.exit(ask)
        const defect = Exit.isFailure(exit) ? Option.getOrThrow(Cause.dieOption(exit.cause)) : undefined
        expect(defect).toMatchObject({ _tag: "InvalidOptions", issues: [{ field: "acquireTimeout" }] })
      }
    }
    expect(yield* pool.stats).toMatchObject({ requests: 0, waiting: 0, leased: 0 })
    yield* pool.use(() => Effect.void, { acquireTimeout: undefined })
  })))

it.effect("a caller's own priority that is none is a defect that names the field, and costs nobody a place", () =>
  Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector })
    for (const priority of ["urgent", "High", "", null, 1] as ReadonlyArray<any>) {
      const exit = yield* Effect.exit(pool.use(() => Effect.void, { priority }))
      const defect = Exit.isFailure(exit) ? Option.getOrThrow(Cause.dieOption(exit.cause)) : undefined
      expect(defect).toMatchObject({ _tag: "InvalidOptions", issues: [{ field: "priority" }] })
    }
    expect(yield* pool.stats).toMatchObject({ requests: 0, waiting: 0, leased: 0 })
    yield* pool.use(() => Effect.void, { priority: undefined })
  })))
