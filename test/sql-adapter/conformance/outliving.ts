/** What outlives a transaction keeps neither its end nor the connection's next holder waiting, and is told that it has ended. */
import type * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { until } from "../harness.js"
import type { Subject, Test } from "./subject.js"
import { ids, insert, rests, table, tagOf } from "./subject.js"

/** It calls `reached` where it is in the middle of what it does, and goes on when `go` is there. */
type Daemon = (
  sql: SqlClient.SqlClient,
  name: string,
  reached: Effect.Effect<unknown>,
  go: Effect.Effect<unknown>
) => Effect.Effect<unknown, unknown>

export const outliving = <R>(test: Test<R>, { isRunningSlow, make, series, slow }: Subject<R>): void => {
  const daemons: Record<string, Daemon> = {
    "in a nested transaction": (sql, name, reached, go) =>
      sql.withTransaction(
        insert(sql, name, 2).pipe(Effect.zipRight(reached), Effect.zipRight(go), Effect.zipRight(insert(sql, name, 3)))
      ),
    "two levels down": (sql, name, reached, go) =>
      sql.withTransaction(sql.withTransaction(
        insert(sql, name, 2).pipe(Effect.zipRight(reached), Effect.zipRight(go), Effect.zipRight(insert(sql, name, 3)))
      )),
    "whose nested transaction would end by itself": (sql, name, reached, go) =>
      sql.withTransaction(insert(sql, name, 2).pipe(Effect.zipRight(reached), Effect.zipRight(go))),
    "with a stream that it has not read to its end": (sql, _name, reached, go) =>
      Stream.runForEachChunk(sql.unsafe(series(5_000)).stream, () => Effect.zipRight(reached, go)),
    "with a stream in a nested transaction": (sql, _name, reached, go) =>
      sql.withTransaction(Stream.runForEachChunk(sql.unsafe(series(5_000)).stream, () => Effect.zipRight(reached, go)))
  }

  for (const [what, daemon] of Object.entries(daemons)) {
    for (const how of ["is committed", "is interrupted"] as const) {
      test(
        `S7: a transaction that ${how} leaves a daemon behind ${what}: its connection goes on without it`,
        Effect.gen(function*() {
          const sql = yield* make({ maxSize: 1 })
          const name = yield* table(sql)
          const reached = yield* Deferred.make<void>()
          const go = yield* Deferred.make<void>()
          const forked = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
          const root = yield* Effect.fork(sql.withTransaction(Effect.gen(function*() {
            yield* insert(sql, name, 1)
            const fiber = yield* Effect.forkDaemon(
              daemon(sql, name, Deferred.succeed(reached, undefined), Deferred.await(go))
            )
            yield* Deferred.succeed(forked, fiber)
            yield* Deferred.await(reached)
            if (how === "is interrupted") yield* Effect.never
          })))
          yield* Deferred.await(reached)
          if (how === "is interrupted") yield* Fiber.interrupt(root)
          else expect(Exit.isSuccess(yield* Fiber.await(root))).toBe(true)
          // Somebody else's, on the same connection.
          yield* sql.withTransaction(Effect.gen(function*() {
            yield* insert(sql, name, 4)
            yield* sql.withTransaction(insert(sql, name, 5))
            yield* Deferred.succeed(go, undefined)
            const exit = yield* Fiber.await(yield* Deferred.await(forked))
            expect(tagOf(exit)).toBe("TransactionEnded")
            yield* sql.withTransaction(insert(sql, name, 6))
          }))
          yield* rests(sql)
          const others = [4, 5, 6]
          const own = how === "is interrupted" ? [] : what.includes("stream") ? [1] : [1, 2]
          expect(yield* ids(sql, name)).toEqual([...own, ...others])
        })
      )
    }
  }

  test(
    "S7: a nested transaction leaves a stream behind that nobody reads on, and ends",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const reached = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const daemon = yield* sql.withTransaction(Effect.gen(function*() {
        const fiber = yield* sql.withTransaction(Effect.gen(function*() {
          const fiber = yield* Effect.forkDaemon(Stream.runForEachChunk(
            sql.unsafe(series(5_000)).stream,
            () => Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(go))
          ))
          yield* Deferred.await(reached)
          return fiber
        }))
        yield* insert(sql, name, 1)
        yield* sql.withTransaction(insert(sql, name, 2))
        return fiber
      }))
      yield* Deferred.succeed(go, undefined)
      expect(tagOf(yield* Fiber.await(daemon))).toBe("TransactionEnded")
      expect(yield* ids(sql, name)).toEqual([1, 2])
    })
  )

  test(
    "S7: a transaction that is interrupted leaves a daemon behind that waits for rows: it is told so, and nobody waits for it",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const inside = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
      const root = yield* Effect.fork(sql.withTransaction(
        Effect.forkDaemon(Stream.runDrain(sql.unsafe(slow).stream)).pipe(
          Effect.flatMap((fiber) => Deferred.succeed(inside, fiber)),
          Effect.zipRight(Effect.never)
        )
      ))
      const daemon = yield* Deferred.await(inside)
      yield* until("it waits for rows", isRunningSlow(sql))
      yield* Fiber.interrupt(root)
      expect(tagOf(yield* Fiber.await(daemon))).toBe("TransactionEnded")
      yield* sql.withTransaction(sql`select 1`)
      yield* rests(sql)
    })
  )

  test(
    "S7: a reservation that ends takes its stream along, and the connection's next transaction begins",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const reached = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const daemon = yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* sql.reserve
        const fiber = yield* Effect.forkDaemon(Stream.runForEachChunk(
          connection.executeStream(series(5_000), [], undefined),
          () => Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(go))
        ))
        yield* Deferred.await(reached)
        return fiber
      }))
      yield* sql.withTransaction(sql`select 1`)
      yield* Deferred.succeed(go, undefined)
      expect(tagOf(yield* Fiber.await(daemon))).toBe("TransactionEnded")
      yield* rests(sql)
    })
  )
}
