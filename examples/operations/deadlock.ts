/** Callers that ask for a second connection inside the use of a first: when all do, the last is told at once, not after 30 seconds. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { claim } from "./check.js"
import type { Session } from "./database.js"
import { Database } from "./database.js"

export const example = Effect.gen(function*() {
  const pool = yield* ConnectionPool.make({ connector: new Database().connector, name: "accounts", maxSize: 2 })

  const readRate = pool.use((session) => session.work("1 millis"))
  const careless = pool.use((session) => Effect.zipRight(session.work("20 millis"), readRate))

  const exits = yield* Effect.all([Effect.exit(careless), Effect.exit(careless)], { concurrency: "unbounded" })
  const failure = exits.find(Exit.isFailure)
  yield* Console.log(`  ${failure === undefined ? "nobody failed" : (yield* Effect.flip(failure)).message}`)
  yield* claim("of two that wait for each other one is told", exits.filter(Exit.isFailure).length === 1)
  yield* claim("the other one is served by what that gave back", exits.filter(Exit.isSuccess).length === 1)

  // The way out: one connection, passed on.
  const readRateOn = (session: Session) => session.work("1 millis")
  const careful = pool.use((session) => Effect.zipRight(session.work("20 millis"), readRateOn(session)))
  yield* Effect.all([careful, careful, careful], { concurrency: "unbounded" })
  yield* claim("three that pass their connection on do not need a third one", (yield* pool.stats).opened === 2)
})
