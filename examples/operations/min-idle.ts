/** Connections kept in reserve, so that a burst does not wait for connects. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { claim, until } from "./check.js"
import { Database } from "./database.js"

/** How long the slowest of four callers who come at once waits, where a connect takes 200 ms. */
const burst = (minIdle: number) =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({ connector: new Database("200 millis").connector, minIdle })
    if (minIdle > 0) {
      yield* until(`${minIdle} are idle`, Effect.map(pool.stats, ({ idle }) => idle >= minIdle))
    }
    const call = Effect.gen(function*() {
      const asked = yield* Clock.currentTimeMillis
      const got = yield* pool.use((session) => Effect.zipLeft(Clock.currentTimeMillis, session.work("20 millis")))
      return got - asked
    })
    const waits = yield* Effect.all([call, call, call, call], { concurrency: "unbounded" })
    if (minIdle > 0) {
      yield* until(
        "as many are in reserve again, for the next one",
        Effect.map(pool.stats, ({ idle }) => idle >= minIdle)
      )
    }
    return Math.max(...waits)
  }).pipe(Effect.scoped)

export const example = Effect.gen(function*() {
  const cold = yield* burst(0)
  const warm = yield* burst(4)
  yield* Console.log(`  the slowest of four waited ${cold} ms without a reserve, ${warm} ms with one`)
  yield* claim("without one they wait for a connect", cold >= 190)
  yield* claim("with it they do not", warm < cold)
})
