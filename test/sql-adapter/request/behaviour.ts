/** What a handler may do in its transaction, and beside it. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberStatus from "effect/FiberStatus"
import { ids, insert, table, tagOf, totals } from "../conformance/subject.js"
import type { Client, Test } from "../conformance/subject.js"
import { until } from "../harness.js"
import type { Route } from "./routers.js"
import { ask } from "./servers.js"
import type { Subject } from "./subject.js"
import { allRests, serve } from "./subject.js"

const done = HttpServerResponse.text("done")

/** One route of one request. */
const post = (sql: Client, handler: Route["handler"]) =>
  Effect.flatMap(serve(sql, [{ method: "POST", path: "/", handler }]), (http) => ask(http, "POST", "/"))

const waiting = (sql: Client, n: number) =>
  until(`${n} wait for a connection`, Effect.map(totals(sql), ({ waiting }) => waiting === n))

export const behaviour = <R>(test: Test<R>, subject: Subject<R>): void => {
  const { make } = subject

  test(
    "all that a handler forks is in its one transaction, and takes turns",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const each = Array.from({ length: 10 }, (_, id) => insert(sql, name, id))
      const kept = yield* post(sql, Effect.as(Effect.all(each, { concurrency: "unbounded" }), done))
      expect(kept.status).toBe(200)
      expect(yield* ids(sql, name)).toHaveLength(10)
      const undone = yield* post(
        sql,
        Effect.zipRight(
          Effect.all(each.map((_, id) => insert(sql, name, 10 + id)), { concurrency: "unbounded" }),
          Effect.die("no")
        )
      )
      expect(undone.status).toBe(500)
      expect(yield* ids(sql, name)).toHaveLength(10)
      yield* allRests(sql, subject)
    })
  )

  test(
    "withTransaction inside of it is a savepoint, also many at once",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const nested = (id: number) =>
        Effect.exit(
          sql.withTransaction(Effect.zipRight(insert(sql, name, id), id % 2 === 0 ? Effect.void : Effect.fail("no")))
        )
      const handler = Effect.as(
        Effect.forEach(Array.from({ length: 8 }, (_, id) => id), nested, { concurrency: "unbounded" }),
        done
      )
      expect((yield* post(sql, handler)).status).toBe(200)
      expect(yield* ids(sql, name)).toEqual([0, 2, 4, 6])
      const undone = Effect.zipRight(
        sql.withTransaction(insert(sql, name, 10)),
        HttpServerResponse.empty({ status: 422 })
      )
      expect((yield* post(sql, undone)).status).toBe(422)
      expect(yield* ids(sql, name)).toEqual([0, 2, 4, 6])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a daemon that outlives the request is told so, also where the connection is somebody else's by then",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const go = yield* Deferred.make<void>()
      const daemons: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
      const fork = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.tap(
          Effect.forkDaemon(Effect.zipRight(Deferred.await(go), effect)),
          (fiber) => Effect.sync(() => daemons.push(fiber))
        )
      // One that was there before the transaction began, and two that came after.
      yield* post(
        sql,
        fork(insert(sql, name, 2)).pipe(
          Effect.zipRight(insert(sql, name, 1)),
          Effect.zipRight(fork(insert(sql, name, 3))),
          Effect.zipRight(fork(sql.withTransaction(insert(sql, name, 4)))),
          Effect.as(done)
        )
      )
      // A request that never asked has none to outlive.
      yield* post(sql, Effect.as(fork(insert(sql, name, 5)), done))
      yield* post(
        sql,
        insert(sql, name, 6).pipe(
          Effect.zipRight(Deferred.succeed(go, undefined)),
          Effect.zipRight(Effect.forEach(daemons, (daemon) => Effect.map(Fiber.await(daemon), tagOf))),
          Effect.tap((tags) => Effect.sync(() => expect(tags).toEqual(Array(4).fill("TransactionEnded")))),
          Effect.as(done)
        )
      )
      expect(yield* ids(sql, name)).toEqual([1, 6])
      yield* allRests(sql, subject)
    })
  )

  test(
    "the wait for the first connection can be interrupted, and the handler goes on",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* sql.reserve
        const asked = insert(sql, name, 1)
        const answer = yield* post(
          sql,
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(asked)
            yield* waiting(sql, 1)
            yield* Fiber.interrupt(fiber)
            yield* waiting(sql, 0)
            return HttpServerResponse.text("went on")
          })
        )
        expect(answer).toMatchObject({ status: 200, body: "went on" })
      }))
      yield* allRests(sql, subject)
      expect(yield* ids(sql, name)).toEqual([])
    })
  )

  test(
    "fibers that wait for the first connection wait for the same one, and the first of them may give up",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const scope = yield* Deferred.make<void>()
      const held = yield* Deferred.make<void>()
      yield* Effect.fork(
        Effect.scoped(
          sql.reserve.pipe(Effect.zipRight(Deferred.succeed(held, undefined)), Effect.zipRight(Deferred.await(scope)))
        )
      )
      yield* Deferred.await(held)
      const answer = yield* post(
        sql,
        Effect.gen(function*() {
          const first = yield* Effect.fork(insert(sql, name, 1))
          yield* waiting(sql, 1)
          const others = yield* Effect.forEach([2, 3, 4], (id) => Effect.fork(insert(sql, name, id)))
          yield* Effect.forEach(
            others,
            (other) => until("it waits", Effect.map(Fiber.status(other), FiberStatus.isSuspended))
          )
          yield* Fiber.interrupt(first)
          expect((yield* totals(sql)).waiting).toBe(1)
          yield* Deferred.succeed(scope, undefined)
          yield* Fiber.joinAll(others)
          return HttpServerResponse.empty()
        })
      )
      expect(answer.status).toBe(204)
      expect(yield* ids(sql, name)).toEqual([2, 3, 4])
      yield* allRests(sql, subject)
    })
  )

  test(
    "what still waits for the first connection when the handler returns gets none, and is told so",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const daemon = yield* Deferred.make<Fiber.RuntimeFiber<unknown, unknown>>()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* sql.reserve
        const answer = yield* post(
          sql,
          Effect.gen(function*() {
            yield* Deferred.succeed(daemon, yield* Effect.forkDaemon(insert(sql, name, 1)))
            yield* waiting(sql, 1)
            return HttpServerResponse.empty()
          })
        )
        expect(answer.status).toBe(204)
        yield* waiting(sql, 0)
        expect(tagOf(yield* Fiber.await(yield* Deferred.await(daemon)))).toBe("TransactionEnded")
      }))
      yield* allRests(sql, subject)
    })
  )
}
