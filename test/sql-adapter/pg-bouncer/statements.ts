/** What statements and transactions do. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Proxy from "../../support/proxy.js"
import { until } from "../harness.js"
import type { Feature } from "./feature.js"
import { failure, role, runs, soon, value, valueOf } from "./feature.js"

const slow = "select pg_sleep(600)"

export const statements: Record<string, Feature> = {
  "transactions, savepoints, streams": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const [one, two] = [yield* client(), yield* client()]
        const read = one.withTransaction(
          one.withTransaction(Stream.runCount(one.unsafe("select generate_series(1, 1000)").stream))
        )
        const counts = yield* Effect.all(
          [read, Stream.runCount(two.unsafe("select generate_series(1, 1000)").stream)],
          {
            concurrency: 2
          }
        )
        return counts.every((count) => count === 1_000) ? "works" : "fails"
      })
  },
  "`pipeline`": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const sql = yield* client({ pipeline: true })
        const all = yield* Effect.forEach(Array.from({ length: 200 }, (_, n) => n), (n) => value(sql, `select ${n}`), {
          concurrency: "unbounded"
        })
        return all.every((value, n) => value === n) ? "works" : "fails"
      })
  },
  "an interruption stops the statement": {
    what: ({ client, server }) =>
      Effect.gen(function*() {
        const sql = yield* client()
        const fiber = yield* Effect.fork(sql.unsafe(slow))
        yield* until("it runs", runs(server, slow))
        yield* Fiber.interrupt(fiber)
        yield* sql`select 1`
        expect((yield* sql.pool.stats).opened).toBe(1)
        return (yield* runs(server, slow)) ? "runs on" : "works"
      })
  },
  "so does the pool's abort": {
    what: ({ client, server }) =>
      Effect.gen(function*() {
        const sql = yield* client()
        const fiber = yield* Effect.fork(failure(sql.unsafe(slow)))
        yield* until("it runs", runs(server, slow))
        yield* sql.pool.clear({ abortLeases: true })
        expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "ConnectionLost" })
        return (yield* soon(Effect.map(runs(server, slow), (runs) => !runs))) ? "works" : "runs on"
      })
  },
  "the locks of a client that has gone": {
    what: ({ bouncer, client, server }) =>
      Effect.gen(function*() {
        const proxy = yield* Proxy.make(bouncer)
        const sql = yield* client({ to: proxy })
        const holder = sql.withTransaction(Effect.zipRight(sql`select pg_advisory_xact_lock(1)`, Effect.never))
        const isFree = Effect.map(valueOf(server, "select pg_try_advisory_xact_lock(1)"), (free) => free === true)
        const fiber = yield* Effect.fork(holder)
        yield* until("it holds", Effect.map(isFree, (free) => !free))
        for (const connection of proxy.connections()) connection.cut()
        const isReleased = yield* soon(isFree)
        yield* Fiber.interruptFork(fiber)
        return isReleased ? "released" : "stay"
      })
  },
  "`idle_in_transaction_session_timeout`, `statement_timeout` of the role": {
    what: ({ client, server }) =>
      Effect.gen(function*() {
        const connection = yield* role(server, {
          idle_in_transaction_session_timeout: "200ms",
          statement_timeout: "200ms"
        })
        const sql = yield* client({ connection })
        const late = yield* failure(sql.unsafe(slow))
        const idle = yield* failure(sql.withTransaction(Effect.zipRight(Effect.sleep(600), sql`select 1`)))
        return late.sqlState === "57014" && idle.sqlState === "25P03" ? "work" : "fail"
      })
  }
}
