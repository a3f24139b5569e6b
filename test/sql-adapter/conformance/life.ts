/** What becomes of connections: interruptions, outages, and what is left behind. */
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import { until } from "../harness.js"

import { recording } from "../tracing.js"
import type { Subject, Test } from "./subject.js"
import { ids, insert, rests, table, tagOf, totals } from "./subject.js"

export const life = <R>(
  test: Test<R>,
  { isRunningSlow, make, series, server, slow }: Subject<R>
): void => {
  test(
    "S1: a reservation that is interrupted leaks nothing, wherever it is",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 2 })
      for (let i = 0; i < 40; i++) {
        const fiber = yield* Effect.fork(Effect.scoped(Effect.zipRight(sql.reserve, Effect.yieldNow())))
        for (let yields = 0; yields < i % 10; yields++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
      }
      yield* rests(sql)
      const connection = yield* Effect.scoped(
        Effect.tap(sql.reserve, (connection) => connection.execute("select 1", [], undefined))
      )
      // It is somebody else's now.
      expect(tagOf(yield* Effect.exit(connection.execute("select 1", [], undefined)))).toBe("TransactionEnded")
    })
  )

  test(
    "S10: a statement that is interrupted is stopped, and its connection is used again",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      yield* sql`select 1`
      const { opened } = yield* totals(sql)
      const fiber = yield* Effect.fork(sql.unsafe(slow))
      yield* until("it runs", isRunningSlow(sql))
      yield* Fiber.interrupt(fiber)
      yield* sql`select 1`
      yield* until("it was stopped", Effect.map(isRunningSlow(sql), (running) => !running))
      yield* rests(sql)
      expect((yield* totals(sql)).opened).toBe(opened)
    })
  )

  test(
    "S8: what follows an interrupted statement on its connection is never hit by its cancel",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      for (let i = 0; i < 20; i++) {
        const fiber = yield* Effect.fork(sql.unsafe(slow))
        if (i % 2 === 0) yield* until("it runs", isRunningSlow(sql))
        for (let yields = 0; yields < i; yields++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        expect(yield* sql`select ${i} as n`.values).toHaveLength(1)
      }
    })
  )

  test(
    "S11: the wait for a connection is a span of its own, beside that of the statement",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const held = yield* Deferred.make<void>()
      const { spans, tracer } = recording()
      const holder = sql.withTransaction(Effect.zipRight(Deferred.succeed(held, undefined), Effect.sleep(20)))
      const waiter = insert(sql, name, 1).pipe(Effect.withSpan("request"), Effect.withTracer(tracer))
      yield* Effect.all([holder, Effect.zipRight(Deferred.await(held), waiter)], { concurrency: 2 })
      const named = (name: string) => spans.filter((span) => span.name === name)
      const [statement] = named("sql.execute")
      const [wait] = named("cenote.acquire")
      expect(named("cenote.acquire")).toHaveLength(1)
      expect(wait!.status._tag).toBe("Ended")
      expect((Option.getOrThrow(wait!.parent) as Tracer.Span).name).toBe("request")
      expect(statement!.status.startTime).toBeGreaterThanOrEqual((wait!.status as { endTime: bigint }).endTime)
      expect(statement!.attributes.get("db.query.text")).toContain("insert into")
    })
  )

  if (server !== undefined) {
    test(
      "comes back after an outage without help",
      Effect.gen(function*() {
        const sql = yield* make({ maxSize: 4 })
        yield* Effect.all(Array.from({ length: 4 }, () => sql`select 1`), { concurrency: "unbounded" })
        yield* server.kill
        yield* Effect.retry(sql`select 1`, { times: 5 })
        yield* rests(sql)
      })
    )
  }

  test(
    "a storm of statements, transactions and streams with interruptions leaves nothing behind",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 4 })
      const name = yield* table(sql)
      let written = 0
      const one = (id: number) =>
        Effect.gen(function*() {
          const kind = yield* Random.nextIntBetween(0, 4)
          switch (kind) {
            case 0:
              return yield* sql`select ${id} as n`
            case 1:
              return yield* Stream.runDrain(Stream.take(sql.unsafe(series(1000)).stream, 10))
            case 2:
              return yield* Effect.exit(
                sql.withTransaction(Effect.zipRight(insert(sql, name, id), Effect.fail("no")))
              )
            default:
              yield* sql.withTransaction(Effect.zipRight(insert(sql, name, id), sql.withTransaction(sql`select 1`)))
              written++
          }
        })
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, id) => id),
        (id) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(one(id))
            if (id % 3 === 0) {
              for (let yields = id % 40; yields > 0; yields--) yield* Effect.yieldNow()
              yield* Fiber.interrupt(fiber)
            } else {
              yield* Fiber.join(fiber)
            }
          }),
        { concurrency: 16, discard: true }
      ).pipe(Effect.withRandom(Random.make(7)))
      yield* rests(sql)
      // A COMMIT that was sent when its fiber was interrupted may have succeeded.
      expect((yield* ids(sql, name)).length).toBeGreaterThanOrEqual(written)
      const { idle } = yield* totals(sql)
      expect(idle).toBeLessThanOrEqual(4 * sql.pools.length)
      if (server !== undefined) {
        yield* until("the server knows as many", Effect.map(server.sessions, (count) => count === idle))
      }
    })
  )
}
