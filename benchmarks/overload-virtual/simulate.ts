/**
 * A pool that is asked for twice as much as it can serve, in virtual time: 10 connections, each held for 50 ms on average, serve 200
 * callers a second.
 */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import { run } from "./VirtualTime.js"

/** How much is asked for, beside what can be served, and for how many seconds. */
export interface Stretch {
  readonly load: number
  readonly seconds: number
}

/** What became of a caller. */
export interface Call {
  /** When it asked, in milliseconds. */
  readonly at: number
  readonly waited: number
  readonly end: "Served" | "Refused" | "TimedOut"
}

export const connections = 10
export const meanHold = 50
export const timeout = 5_000

/** Calls a millisecond. */
const capacity = connections / meanHold

/** Times between events that do not know of each other, in whole milliseconds, as a clock has them. */
const exponential = (mean: number): Effect.Effect<number> =>
  Effect.map(Random.next, (share) => Math.round(-mean * Math.log(1 - share)))

const ends = { AcquireTimeout: "TimedOut", PoolRefused: "Refused" } as const

const call = (pool: ConnectionPool.ConnectionPool<{}>, calls: Array<Call>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const hold = yield* exponential(meanHold)
    const at = yield* Clock.currentTimeMillis
    const outcome = yield* Effect.either(
      pool.use(() => Effect.zipLeft(Clock.currentTimeMillis, Effect.sleep(hold)))
    )
    if (Either.isRight(outcome)) {
      calls.push({ at, waited: outcome.right - at, end: "Served" })
    } else if (outcome.left._tag === "AcquireTimeout" || outcome.left._tag === "PoolRefused") {
      calls.push({ at, waited: (yield* Clock.currentTimeMillis) - at, end: ends[outcome.left._tag] })
    } else {
      return yield* Effect.die(outcome.left)
    }
  })

/** The calls of such a pool, in the order in which they asked. It is filled before the first one comes. */
export const simulate = (
  tuning: Pick<Tuning, "overload" | "startup">,
  stretches: ReadonlyArray<Stretch>,
  seed = 1
): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  const program = Effect.scoped(Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({
      connector: Effect.as(Effect.sleep("20 millis"), {}),
      maxSize: connections,
      minSize: connections,
      acquireTimeout: timeout,
      startup: "fill",
      ...tuning
    })
    for (const { load, seconds } of stretches) {
      const end = (yield* Clock.currentTimeMillis) + seconds * 1_000
      for (;;) {
        yield* Effect.sleep(yield* exponential(1 / (load * capacity)))
        if ((yield* Clock.currentTimeMillis) >= end) break
        yield* Effect.forkScoped(call(pool, calls))
      }
    }
    yield* pool.drain
  }))
  const exit = run(program, seed)
  if (exit?._tag !== "Success") throw new Error(`The simulation did not end well: ${String(exit)}`)
  return calls.sort((a, b) => a.at - b.at)
}
