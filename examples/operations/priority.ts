/** Three classes of callers, and nobody starves. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { Priority } from "@cenote/core/PoolOptions"
import * as Console from "effect/Console"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { claim, until } from "./check.js"
import { Database } from "./database.js"

const queued = (ageing: Duration.DurationInput, callers: ReadonlyArray<readonly [name: string, priority: Priority]>) =>
  Effect.gen(function*() {
    const pool = yield* ConnectionPool.make({
      connector: new Database().connector,
      maxSize: 1,
      ageing
    })
    const served: Array<string> = []
    const gate = yield* Effect.makeLatch()
    const busy = yield* Effect.forkScoped(pool.use(() => gate.await))
    yield* until("the connection is in use", Effect.map(pool.stats, ({ leased }) => leased === 1))
    const fibers = yield* Effect.forEach(callers, ([name, priority]) =>
      Effect.zipLeft(
        Effect.fork(pool.use(() => Effect.sync(() => served.push(name)), { priority })),
        Effect.sleep("20 millis")
      ))
    yield* until(`${callers.length} callers wait`, Effect.map(pool.stats, ({ waiting }) => waiting === callers.length))
    yield* gate.open
    yield* Fiber.join(busy)
    yield* Fiber.join(Fiber.all(fibers))
    yield* Console.log(`  served: ${served.join(", ")}`)
    return served
  }).pipe(Effect.scoped)

export const example = Effect.gen(function*() {
  const served = yield* queued("5 seconds", [
    ["export", "low"],
    ["page", "normal"],
    ["payment", "high"],
    ["another page", "normal"]
  ])
  yield* claim(
    "the payment goes first and the export last, the pages in the order in which they came",
    served.join() === "payment,page,another page,export"
  )
  const aged = yield* queued("10 millis", [["export", "low"], ["page", "normal"], ["payment", "high"]])
  yield* claim("who has waited for longer than the ageing is not passed any more", aged[0] === "export")
})
