/** A lease that lasts too long is reported with the line that asked for it, and then aborted. One that is meant to last says so. */
import * as ConnectionPool from "@cenote/core/ConnectionPool"
import type { PoolEvent } from "@cenote/core/PoolEvent"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { claim, until } from "./check.js"
import { Database } from "./database.js"

export const example = Effect.gen(function*() {
  const pool = yield* ConnectionPool.make({
    connector: new Database().connector,
    leakThreshold: "50 millis",
    maxLease: "150 millis",
    leakTracing: true
  })
  const events: Array<PoolEvent> = []
  yield* Effect.forkScoped(Stream.runForEach(pool.events, (event) => Effect.sync(() => events.push(event))))
  yield* Effect.sleep("5 millis")
  const only = <T extends PoolEvent["_tag"]>(tag: T) =>
    events.filter((event): event is Extract<PoolEvent, { readonly _tag: T }> => event._tag === tag)

  // A listener's connection is held for as long as the program runs.
  const listener = yield* pool.lease({ long: true })

  const forgetful = () => pool.use((session) => session.work("300 millis"))
  const failure = yield* Effect.flip(Effect.withSpan(forgetful(), "forgetful request"))

  const [overdue] = only("LeaseOverdue")
  yield* Console.log(`  ${overdue?.holder.span}, asked for\n  ${overdue?.holder.stack?.split("\n")[0]?.trim()}`)
  yield* claim("it was reported, with its span", overdue?.holder.span === "forgetful request")
  yield* claim("and with the line that asked", overdue?.holder.stack?.includes("leaks.ts") === true)
  yield* claim("then it was aborted, and its call failed", failure._tag === "SessionEnded")
  yield* until("a last event says that it has come back", Effect.sync(() => only("LeaseReturned").length === 1))
  yield* claim("the long lease was left alone", only("LeaseAborted").length === 1 && listener.connection.isOpen)
})
