/** Rows that are read while they are consumed. */
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { until } from "../harness.js"

import type { Subject, Test } from "./subject.js"
import { ids, insert, table, tagOf, totals } from "./subject.js"

export const streams = <R>(test: Test<R>, { isRunningSlow, make, series, slow }: Subject<R>): void => {
  test(
    "S10: streams any number of rows, and gives the connection back when the stream has ended",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const sum = yield* Stream.runFold(
        sql.unsafe<{ n: number }>(series(5000)).stream,
        0,
        (sum, { n }) => sum + Number(n)
      )
      expect(sum).toBe(5000 * 5001 / 2)
      yield* sql`select 1`
    })
  )

  test(
    "in a transaction, a fiber that reads a stream and asks for a statement meanwhile is told at once that it waits for itself",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const exit = yield* sql.withTransaction(Effect.zipRight(
        insert(sql, name, 1),
        Effect.exit(Stream.runForEach(sql.unsafe(series(3)).stream, () => insert(sql, name, 2)))
      ))
      expect(tagOf(exit)).toBe("TurnHeld")
      // Nothing else of the transaction is lost.
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    "a stream that is cut short gives the connection back, and stops the server",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      yield* sql`select 1`
      const { opened } = yield* totals(sql)
      for (let i = 0; i < 5; i++) {
        const rows = yield* Stream.runCollect(Stream.take(sql.unsafe<{ n: number }>(series(1_000_000)).stream, 3))
        expect([...rows].map(({ n }) => Number(n))).toEqual([1, 2, 3])
      }
      yield* sql`select 1`
      expect((yield* totals(sql)).opened).toBe(opened)
    })
  )

  test(
    "a stream that fails at its start or is interrupted leaves the connection good",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      yield* sql`select 1`
      const { opened } = yield* totals(sql)
      const failed = yield* Effect.exit(Stream.runDrain(sql`select nonsense from nowhere`.stream))
      expect(tagOf(failed)).toMatch(/QueryError$/)
      const fiber = yield* Effect.fork(Stream.runDrain(sql.unsafe(slow).stream))
      yield* until("it runs", isRunningSlow(sql))
      yield* Fiber.interrupt(fiber)
      yield* sql`select 1`
      expect((yield* totals(sql)).opened).toBe(opened)
    })
  )

  test(
    "a stream in a transaction has the turn: other statements of it come after",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        const order: Array<string> = []
        const first = yield* Deferred.make<void>()
        const beside = yield* Effect.fork(
          Deferred.await(first).pipe(
            Effect.zipRight(insert(sql, name, 1)),
            Effect.zipRight(Effect.sync(() => order.push("statement")))
          )
        )
        yield* sql.unsafe(series(2000)).stream.pipe(
          Stream.tap(() => Deferred.succeed(first, undefined)),
          Stream.runDrain
        )
        order.push("stream")
        yield* Fiber.join(beside)
        expect(order).toEqual(["stream", "statement"])
      }))
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )
}
