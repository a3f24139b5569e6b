/** Transactions, nested ones, and what outlives them. */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import { expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

import type { Subject, Test } from "./subject.js"
import { ids, insert, rests, table, tagOf, totals } from "./subject.js"

export const transactions = <R>(test: Test<R>, { deferred, make, others, server, slow }: Subject<R>): void => {
  test(
    "commits what succeeds and rolls back what fails, dies or is interrupted",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(insert(sql, name, 1))
      const failed = yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 2), Effect.fail("no"))))
      expect(failed).toEqual(Exit.fail("no"))
      yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 3), Effect.die("no"))))
      const inside = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        sql.withTransaction(
          insert(sql, name, 4).pipe(
            Effect.zipRight(Deferred.succeed(inside, undefined)),
            Effect.zipRight(Effect.never)
          )
        )
      )
      yield* Deferred.await(inside)
      yield* Fiber.interrupt(fiber)
      yield* rests(sql)
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    "rolls back a nested transaction that fails, and commits the one around it",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        yield* Effect.exit(sql.withTransaction(Effect.zipRight(insert(sql, name, 2), Effect.fail("no"))))
        yield* sql.withTransaction(insert(sql, name, 3))
        yield* Effect.exit(
          sql.withTransaction(Effect.zipRight(sql.withTransaction(insert(sql, name, 4)), Effect.fail("no")))
        )
      }))
      expect(yield* ids(sql, name)).toEqual([1, 3])
    })
  )

  test(
    "S6: nested transactions of one transaction that run at the same time end each for itself",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(
        Effect.forEach(Array.from({ length: 8 }, (_, id) => id), (id) =>
          Effect.exit(sql.withTransaction(
            insert(sql, name, id).pipe(
              Effect.zipRight(Effect.yieldNow()),
              Effect.zipRight(id % 2 === 0 ? Effect.void : Effect.fail("no"))
            )
          )), { concurrency: "unbounded" })
      )
      expect(yield* ids(sql, name)).toEqual([0, 2, 4, 6])
    })
  )

  test(
    "statements beside a nested transaction wait until it has ended, and are not rolled back with it",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        const nested = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(sql.withTransaction(
          Deferred.succeed(nested, undefined).pipe(
            Effect.zipRight(Effect.yieldNow()),
            Effect.zipRight(insert(sql, name, 1)),
            Effect.zipRight(Effect.fail("no"))
          )
        ))
        yield* Deferred.await(nested)
        yield* insert(sql, name, 2)
        expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("no"))
      }))
      expect(yield* ids(sql, name)).toEqual([2])
    })
  )

  test(
    "an interrupted nested transaction is undone, and the one around it goes on",
    Effect.gen(function*() {
      const sql = yield* make()
      const name = yield* table(sql)
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* insert(sql, name, 1)
        const inside = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(sql.withTransaction(
          insert(sql, name, 2).pipe(
            Effect.zipRight(Deferred.succeed(inside, undefined)),
            Effect.zipRight(sql.unsafe(slow))
          )
        ))
        yield* Deferred.await(inside)
        yield* Fiber.interrupt(fiber)
        yield* insert(sql, name, 3)
      }))
      expect(yield* ids(sql, name)).toEqual([1, 3])
    })
  )

  test(
    "S7: a daemon that outlives its transaction is told so",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const go = yield* Deferred.make<void>()
      const daemon = yield* sql.withTransaction(
        Effect.zipRight(
          insert(sql, name, 1),
          Effect.forkDaemon(Effect.zipRight(Deferred.await(go), insert(sql, name, 2)))
        )
      )
      yield* Deferred.succeed(go, undefined)
      expect(tagOf(yield* Fiber.await(daemon))).toBe("TransactionEnded")
      const nested = yield* sql.withTransaction(Effect.forkDaemon(
        Effect.zipRight(Effect.yieldNow(), Effect.exit(sql.withTransaction(insert(sql, name, 3))))
      ))
      const exit = yield* Fiber.join(nested)
      expect([undefined, "TransactionEnded"]).toContain(tagOf(exit))
      expect(yield* ids(sql, name)).toEqual(Exit.isSuccess(exit) ? [1, 3] : [1])
    })
  )

  if (others !== "see nothing") {
    test(
      "S5: a client's statements inside another client's transaction are not in it",
      Effect.gen(function*() {
        const a = yield* make()
        const b = yield* make()
        const name = yield* table(a)
        yield* Effect.exit(a.withTransaction(Effect.gen(function*() {
          expect(yield* ids(b, name)).toEqual([])
          yield* insert(a, name, 1)
          expect(yield* ids(b, name)).toEqual([])
          expect(yield* ids(a, name)).toEqual([1])
          // Inside of both, each finds its own.
          yield* b.transaction({ readOnly: others === "read" })(Effect.gen(function*() {
            expect(yield* ids(a, name)).toEqual([1])
            expect(yield* ids(b, name)).toEqual([])
          }))
          return yield* Effect.fail("no")
        })))
        expect(yield* ids(b, name)).toEqual([])
      })
    )
  }

  test(
    "S5: another library's client is refused inside of a transaction, instead of running on its connection",
    Effect.gen(function*() {
      const sql = yield* make()
      const foreign = yield* SqlClient.make({
        acquirer: Effect.dieMessage("It has no connection of its own"),
        compiler: Statement.makeCompilerSqlite(),
        spanAttributes: []
      })
      const exit = yield* Effect.exit(sql.withTransaction(foreign`select 1`))
      expect(tagOf(exit)).toBe("ForeignTransaction")
    })
  )

  test(
    "S2: a transaction that waits for a connection can be interrupted",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const held = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        sql.withTransaction(Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
      )
      yield* Deferred.await(held)
      const result = yield* sql.withTransaction(Effect.succeed("got one")).pipe(Effect.timeoutOption(50))
      expect(result._tag).toBe("None")
      expect((yield* totals(sql)).waiting).toBe(0)
      yield* Fiber.interrupt(holder)
      expect(yield* sql.withTransaction(Effect.succeed("got one"))).toBe("got one")
    })
  )

  if (deferred !== undefined) {
    test(
      "S3: a COMMIT that fails is a typed failure, and nothing of the transaction is left",
      Effect.gen(function*() {
        const sql = yield* make({ maxSize: 1 })
        yield* sql.unsafe(deferred.replaceAll("$", "deferred"))
        yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table deferred`))
        const exit = yield* Effect.exit(sql.withTransaction(sql`insert into deferred values (1, 2)`))
        expect(tagOf(exit)).toMatch(/QueryError$/)
        expect(yield* sql`select * from deferred`).toEqual([])
        yield* sql.withTransaction(sql`insert into deferred values (1, 1)`)
        yield* rests(sql)
      })
    )
  }

  if (server !== undefined) {
    test(
      "S4: BEGIN on a dead connection is a typed failure, and the next transaction has a new connection",
      Effect.gen(function*() {
        const sql = yield* make({ maxSize: 1, checkAfterIdle: "1 hour" })
        yield* sql`select 1`
        const exit = yield* sql.withTransaction(Effect.zipRight(server.kill, sql`select 1`)).pipe(Effect.exit)
        expect(Exit.isFailure(exit)).toBe(true)
        expect((Cause.squash((exit as Exit.Failure<unknown, unknown>).cause) as SqlError)._tag).toBe("SqlError")
        expect(yield* sql.withTransaction(Effect.succeed(1))).toBe(1)
      })
    )
  }
}
