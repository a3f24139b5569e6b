/** Twice the load that a pool can serve: with `overload` callers are refused early, and the others hardly wait. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Tuning } from "@cenote/core/PoolOptions"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { median } from "simple-statistics"
import { claim } from "./check.js"
import { Database } from "./database.js"

/** Four connections at 20 ms each serve 200 callers a second. 400 come. */
const rush = (overload: Tuning["overload"]) =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({
      connector: new Database().connector,
      maxSize: 4,
      minSize: 4,
      startup: "fill",
      acquireTimeout: "600 millis",
      overload
    })
    const call = Effect.gen(function*() {
      const asked = yield* Clock.currentTimeMillis
      return yield* pool.use((session) => Effect.zipLeft(Clock.currentTimeMillis, session.work("20 millis"))).pipe(
        Effect.map((got) => got - asked),
        Effect.either
      )
    })
    const fibers: Array<Fiber.Fiber<Either.Either<number, { readonly _tag: string }>>> = []
    const start = yield* Clock.currentTimeMillis
    for (let passed = 0; passed < 1_500; passed = (yield* Clock.currentTimeMillis) - start) {
      while (fibers.length < passed * 0.4) fibers.push(yield* Effect.fork(call))
      yield* Effect.sleep("5 millis")
    }
    const calls = yield* Fiber.join(Fiber.all(fibers))
    const refused = calls.filter((call) => Either.isLeft(call) && call.left._tag === "PoolRefused").length
    const waits = calls.flatMap((call) => Either.isRight(call) ? [call.right] : [])
    return { refused, timedOut: calls.length - waits.length - refused, served: waits.length, wait: median(waits) }
  }).pipe(Effect.scoped)

export const example = Effect.gen(function*() {
  const without = yield* rush(false)
  const controlled = yield* rush({ target: "20 millis", interval: "200 millis" })
  for (const [name, { refused, served, timedOut, wait }] of Object.entries({ without, "with   ": controlled })) {
    yield* Console.log(
      `  ${name} overload: ${served} served after ${wait} ms (median), ${refused} refused, ${timedOut} timed out`
    )
  }
  yield* claim("with it callers are refused, and without it nobody is", controlled.refused > 0 && without.refused === 0)
  yield* claim("who is served waits for less than half as long", controlled.wait < without.wait / 2)
  yield* claim("about as many are served", controlled.served > without.served / 2)
})
