/** A caller that got no connection is told why: who has them, since when, and what to do. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { claim, until } from "./check.js"
import { Database } from "./database.js"

export const example = Effect.gen(function*() {
  const pool = yield* ConnectionPool.make({
    connector: new Database().connector,
    name: "orders",
    maxSize: 2,
    maxWaiters: 1,
    leakTracing: true
  })

  const monthlyReport = () => pool.use((session) => session.work("1 hour"))
  yield* Effect.forkScoped(Effect.withSpan(monthlyReport(), "monthly report"))
  yield* Effect.forkScoped(Effect.withSpan(monthlyReport(), "yearly report"))
  yield* until("both hold one", Effect.map(pool.stats, ({ leased }) => leased === 2))

  const checkout = pool.use((session) => session.work("1 millis"), { acquireTimeout: "500 millis" })
  const waiting = yield* Effect.fork(Effect.flip(checkout))
  yield* until("the queue is full", Effect.map(pool.stats, (stats) => stats.waiting === 1))

  const refused = yield* Effect.flip(checkout)
  yield* Console.log(`  ${refused.message}`)
  yield* claim(
    "with maxWaiters callers in the queue the next one is refused at once",
    refused._tag === "PoolRefused" && refused.reason === "QueueFull"
  )

  const timeout = yield* waiting
  yield* Console.log(`  ${timeout.message.replaceAll("\n", "\n  ")}`)
  if (timeout._tag === "AcquireTimeout") {
    yield* claim(
      "the error names the spans that hold the connections",
      timeout.leases.map(({ span }) => span).join() === "monthly report,yearly report"
    )
    yield* claim(
      "with leakTracing it names the function that asked for them",
      timeout.leases.every(({ stack }) => stack?.includes("monthlyReport") === true)
    )
  }
  yield* claim("an AcquireTimeout came of it", timeout._tag === "AcquireTimeout")
})
