/** What happens in a pool, as a stream: here it is counted, and a slow listener is told what it has missed. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { claim } from "./check.js"
import { Database } from "./database.js"

const count = (events: ReadonlyArray<PoolEvent>): Record<string, number> =>
  events.reduce<Record<string, number>>((counts, { _tag }) => ({ ...counts, [_tag]: (counts[_tag] ?? 0) + 1 }), {})

export const example = Effect.gen(function*() {
  const pool = yield* ConnectionPool.make({ connector: new Database().connector, maxSize: 2 })
  const all = yield* Effect.fork(Stream.runCollect(pool.events))
  // Reads its first event, and then nothing for a long while.
  const slow = yield* Effect.fork(
    Stream.runFold(
      Stream.tap(pool.events, ({ _tag }) => _tag === "ConnectionOpening" ? Effect.sleep("1 second") : Effect.void),
      0,
      (missed, event) => event._tag === "EventsDropped" ? missed + event.count : missed
    )
  )
  yield* Effect.sleep("10 millis")

  const uses = 3_000
  for (let use = 0; use < uses; use++) {
    yield* pool.use(() => Effect.void)
    if (use % 100 === 0) yield* Effect.yieldNow()
  }
  yield* pool.clear()
  yield* pool.close()

  const counts = count(Array.from(yield* Fiber.join(all)))
  for (const [tag, times] of Object.entries(counts)) yield* Console.log(`  ${tag}: ${times}`)
  yield* claim(
    "every use was told from its beginning to its end",
    counts["AcquireStarted"] === uses && counts["Acquired"] === uses && counts["Released"] === uses
  )
  yield* claim("a listener that reads in time loses nothing", counts["EventsDropped"] === undefined)
  const missed = yield* Fiber.join(slow)
  yield* claim(`one that sleeps knows that it has missed ${missed}, and has held up nobody`, missed > 0)
})
