/**
 * The fault matrix: what each step of a connection can do, crossed with when its callers are interrupted, or the pool closed.
 *
 * A cell runs in a world of its own, where time passes as soon as nobody has anything left to do.
 */
import type * as PoolError from "@cenote/core/PoolError"
import { FakeConnector } from "@cenote/core/testing"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Fake, FakePool, Recorded } from "./pool.js"
import { withPool } from "./pool.js"
import { isTold, World } from "./schedulers.js"

/** In milliseconds. */
export const timeouts = { open: 1_000, check: 300, ping: 300, reset: 500, close: 700, shutdown: 3_000 }

/** The longest back-off after one failed opening. */
const BACKOFF = 100

/** What takes its time takes this long, which no step's timeout is below. */
const SLOW = 100

/** How long a caller holds its connection. */
const HOLD = 10

/** When nothing of what a cell began is left: its steps, its timeouts, and everybody who waits for them. */
const OVER = 4_000

export const steps = ["open", "check", "ping", "reset", "close"] as const
export type Step = (typeof steps)[number]

export const conducts = {
  "goes well": FakeConnector.ok,
  fails: FakeConnector.fail(),
  dies: FakeConnector.die(),
  hangs: FakeConnector.hang,
  sticks: FakeConnector.stick,
  "is slow": FakeConnector.slow(SLOW)
}
export type Conduct = keyof typeof conducts

export const moments = ["never", "before", "during", "after"] as const
export type Moment = (typeof moments)[number]

export interface Cell {
  readonly step: Step
  readonly conduct: Conduct
  readonly moment: Moment
  readonly maxSize: number
  readonly callers: number
  readonly whenDown: "fail" | "wait"
}

const tuning = ({ maxSize, whenDown }: Pick<Cell, "maxSize" | "whenDown">) => ({
  maxSize,
  whenDown,
  connectTimeout: timeouts.open,
  checkTimeout: timeouts.check,
  resetTimeout: timeouts.reset,
  closeTimeout: timeouts.close,
  shutdownTimeout: timeouts.shutdown,
  checkAfterIdle: 1_000,
  keepalive: 5_000,
  acquireTimeout: "10 minutes" as const
})

/** All values of the dimensions, each with each. */
export const cross = <D extends Record<string, ReadonlyArray<unknown>>>(
  dimensions: D
): ReadonlyArray<{ readonly [K in keyof D]: D[K][number] }> =>
  Object.entries(dimensions).reduce<ReadonlyArray<Record<string, unknown>>>(
    (cells, [name, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value }))),
    [{}]
  ) as ReadonlyArray<{ readonly [K in keyof D]: D[K][number] }>

const warm = (pool: FakePool) => pool.use(() => Effect.void)

/** Brings the pool to where the step is next. What it succeeds with begins the step, if those who ask do not. */
const arrange = (step: Step, pool: FakePool): Effect.Effect<Effect.Effect<unknown, unknown>, unknown> => {
  switch (step) {
    case "open":
      return Effect.succeed(Effect.void)
    case "check":
      return Effect.as(Effect.zipRight(warm(pool), Effect.sleep(2_000)), Effect.void)
    case "ping":
      // From here on it is idle, and in 5 s it is pinged: the first thing that happens then.
      return Effect.as(Effect.zipRight(warm(pool), Effect.sleep(4_999)), Effect.sleep(1))
    case "reset":
      return Effect.succeed(pool.use((connection) => Effect.sync(connection.dirty)))
    case "close":
      return Effect.succeed(pool.use((connection) => pool.invalidate(connection)))
  }
}

/** Callers use, get and lease in turn. */
const ask = (pool: FakePool, index: number, hold: number) =>
  [
    pool.use(() => Effect.sleep(hold)),
    Effect.scoped(Effect.zipRight(pool.get, Effect.sleep(hold))),
    Effect.scoped(Effect.zipRight(pool.lease(), Effect.sleep(hold)))
  ][index % 3]!

type AskError = FakeConnector.FakeError | PoolError.AcquireError

const wrong = (exit: Exit.Exit<unknown, unknown>): ReadonlyArray<string> =>
  Exit.isSuccess(exit) || [...Cause.defects(exit.cause)].every(isTold)
    ? []
    : [`a caller died: ${Cause.pretty(exit.cause)}`]

/** A caller without fault, who asks again where the server is down. How long it waited for its connection. */
const neighbour = (pool: FakePool): Effect.Effect<number, Cause.Cause<AskError>> =>
  Effect.flatMap(Clock.currentTimeMillis, (asked) =>
    Effect.retry(
      Effect.sandbox(pool.use(() => Effect.map(Clock.currentTimeMillis, (served) => served - asked))),
      { times: 3 }
    ))

/** When the neighbour is served at the latest: after the step, a close and a back-off, and those who are before it. */
const boundOf = ({ callers, moment, step }: Cell): number =>
  (moment === "after" ? OVER : 0) + timeouts[step] + timeouts.close + BACKOFF + SLOW + callers * HOLD

/** Nobody holds or waits, no step is under way, and all of the capacity is there at once. */
const rest = ({ fake, pool }: Recorded, maxSize: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const { checking, closing, idle, leased, opening, resetting, waiting } = yield* pool.stats
    const { alive, mostAlive } = yield* fake.counts
    const busy = Object.entries({ checking, closing, leased, opening, resetting, waiting })
    const all = yield* Effect.exit(Effect.scoped(Effect.all(
      Array.from({ length: maxSize }, () => pool.lease({ acquireTimeout: "1 second" })),
      { concurrency: "unbounded" }
    )))
    return [
      ...busy.flatMap(([what, count]) => count === 0 ? [] : [`${count} ${what} at rest`]),
      ...alive === idle ? [] : [`the server has ${alive} sessions for ${idle} idle connections`],
      ...mostAlive <= maxSize ? [] : [`the server had ${mostAlive} sessions`],
      ...Exit.isSuccess(all) ? [] : [`capacity is lost: ${Cause.pretty(all.cause)}`]
    ]
  })

/** Closes the pool: in time, and with nothing left. */
const end = ({ close, fake, pool }: Recorded): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    yield* close
    const took = (yield* Clock.currentTimeMillis) - began
    const { phase } = yield* pool.stats
    yield* Effect.sleep(OVER)
    const { alive } = yield* fake.counts
    return [
      ...took <= timeouts.shutdown ? [] : [`closing took ${took} ms`],
      ...phase === "closed" ? [] : [`the pool is ${phase}`],
      ...alive === 0 ? [] : [`${alive} sessions are left`]
    ]
  })

const begin = (cell: Omit<Cell, "moment">, fake: Fake, pool: FakePool, hold: number) =>
  Effect.gen(function*() {
    const gate = yield* FakeConnector.makeGate
    const trigger = yield* arrange(cell.step, pool)
    yield* fake.next(cell.step, FakeConnector.wait(gate, conducts[cell.conduct]))
    yield* trigger
    const callers = yield* Effect.forEach(
      Array.from({ length: cell.callers }),
      (_, index) => Effect.forkDaemon(ask(pool, index, hold))
    )
    return { gate, callers }
  })

const interruption = (cell: Cell) =>
  withPool(tuning(cell), (subject) =>
    Effect.gen(function*() {
      const { fake, pool } = subject
      const { callers, gate } = yield* begin(cell, fake, pool, cell.moment === "after" ? 10 * OVER : HOLD)
      const interrupt = Effect.forEach(callers, Fiber.interruptFork, { discard: true })
      if (cell.moment === "before") yield* interrupt
      const served = yield* Effect.forkDaemon(Effect.delay(neighbour(pool), 1))
      yield* gate.reached
      if (cell.moment === "during") yield* Effect.zipRight(Effect.sleep(2), interrupt)
      yield* gate.open
      yield* Effect.sleep(OVER)
      if (cell.moment === "after") yield* interrupt
      const exits = yield* Effect.forEach(callers, Fiber.await)
      const waited = yield* Fiber.await(served)
      const late = Exit.isFailure(waited)
        ? [`the neighbour got ${Cause.pretty(waited.cause)}`]
        : waited.value > boundOf(cell)
        ? [`the neighbour was served after ${waited.value} ms instead of ${boundOf(cell)}`]
        : []
      yield* Effect.sleep(OVER + 123)
      return [...exits.flatMap(wrong), ...late, ...yield* rest(subject, cell.maxSize), ...yield* end(subject)]
    }))

export interface ClosingCell extends Omit<Cell, "moment"> {
  readonly moment: Exclude<Moment, "never">
  /** What every close does besides. */
  readonly closes: Conduct
}

const closing = (cell: ClosingCell) =>
  withPool(tuning(cell), (subject) =>
    Effect.gen(function*() {
      const { fake, pool } = subject
      if (cell.step !== "close") yield* fake.set("close", conducts[cell.closes])
      const { callers, gate } = yield* begin(cell, fake, pool, HOLD)
      if (cell.moment === "before") {
        yield* Effect.forkDaemon(Effect.delay(gate.open, 1))
      } else {
        yield* gate.reached
        if (cell.moment === "during") yield* Effect.forkDaemon(Effect.delay(gate.open, 1))
        else yield* Effect.zipRight(gate.open, Effect.sleep(SLOW + 1))
      }
      const problems = yield* end(subject)
      const exits = yield* Effect.forEach(callers, Fiber.await)
      const refused = yield* Effect.exit(Effect.flip(pool.use(() => Effect.void)))
      return [
        ...exits.flatMap(wrong),
        ...problems,
        ...Exit.isSuccess(refused) && refused.value._tag === "PoolClosed"
          ? []
          : ["a newcomer was not told that it is closed"]
      ]
    }))

const inWorld = (cell: object, program: Effect.Effect<ReadonlyArray<string>, unknown>): ReadonlyArray<string> => {
  const world = new World()
  const exit = world.run(program)
  const problems = Exit.isSuccess(exit) ? exit.value : [Cause.pretty(exit.cause)]
  return [...problems, ...world.defects].map((problem) => `${Object.values(cell).join(", ")}: ${problem}`)
}

/** What goes wrong where callers are interrupted at that moment of the step. */
export const brokenByInterruption = (cell: Cell): ReadonlyArray<string> => inWorld(cell, interruption(cell))

/** What goes wrong where the pool is closed at that moment of the step. */
export const brokenByClosing = (cell: ClosingCell): ReadonlyArray<string> => inWorld(cell, closing(cell))
