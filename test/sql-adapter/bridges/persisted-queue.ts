/** SqlPersistedQueue: each element is done once, by one taker. */
import * as PersistedQueue from "@effect/experimental/PersistedQueue"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlPersistedQueue from "@effect/sql/SqlPersistedQueue"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { until } from "../harness.js"
import type { Subject, Test } from "./subject.js"

const Item = Schema.Struct({ n: Schema.NumberFromString })

let tables = 0

/** A table for the elements of queues. */
const elements = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const tableName = `queue_${tables++}`
  yield* sql`drop table if exists ${sql(tableName)}`
  yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table if exists ${sql(tableName)}`))
  const count = (completed: boolean) =>
    Effect.map(
      sql<{ n: number }>`select count(*) as n from ${sql(tableName)} where completed = ${
        sql.literal(completed ? "true" : "false")
      }`,
      ([row]) => Number(row!.n)
    )
  return { tableName, completed: count(true), waiting: count(false) }
})

/** One worker's queue, until the Scope closes. */
const worker = (tableName: string) =>
  SqlPersistedQueue.layerStore({ tableName, pollInterval: 10 }).pipe(
    (store) => Layer.build(Layer.provide(PersistedQueue.layer, store)),
    Effect.flatMap((context) => Effect.provide(PersistedQueue.make({ name: "items", schema: Item }), context))
  )

const done = (item: typeof Item.Type, { attempts }: { readonly attempts: number }) =>
  Effect.succeed({ n: item.n, attempts })

export const queues = <P, R>(test: Test<P, R>, { dialect, layer, server }: Subject<P, R>): void => {
  // It takes by UPDATE with a LIMIT, which not every SQLite has: libsql has not.
  if (dialect === "sqlite") return

  test(
    "SqlPersistedQueue: what is offered is taken once, in its order, and completed",
    Effect.gen(function*() {
      const { completed, tableName, waiting } = yield* elements
      const queue = yield* worker(tableName)
      for (const n of [1, 2, 3]) yield* queue.offer({ n })
      expect(yield* waiting).toBe(3)
      for (const n of [1, 2, 3]) expect(yield* queue.take(done)).toEqual({ n, attempts: 0 })
      expect([yield* completed, yield* waiting]).toEqual([3, 0])
      // An id is offered once.
      yield* queue.offer({ n: 4 }, { id: "four" })
      yield* queue.offer({ n: 4 }, { id: "four" })
      yield* queue.take(done)
      yield* queue.offer({ n: 4 }, { id: "four" })
      expect([yield* completed, yield* waiting]).toEqual([4, 0])
    })
  )

  test(
    "SqlPersistedQueue: an element whose taker fails or dies is offered again, and says how often",
    Effect.gen(function*() {
      const { completed, tableName } = yield* elements
      const queue = yield* worker(tableName)
      yield* queue.offer({ n: 1 })
      expect(yield* Effect.flip(queue.take(() => Effect.fail("no")))).toBe("no")
      expect(Exit.isFailure(yield* Effect.exit(queue.take(() => Effect.die("no"))))).toBe(true)
      expect(yield* completed).toBe(0)
      expect(yield* queue.take(done)).toEqual({ n: 1, attempts: 2 })
      expect(yield* completed).toBe(1)
    })
  )

  test(
    "SqlPersistedQueue: an element whose taker is interrupted is offered again, as if it had not been taken",
    Effect.gen(function*() {
      const { completed, tableName } = yield* elements
      const queue = yield* worker(tableName)
      const taken = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        queue.take(() => Effect.zipRight(Deferred.succeed(taken, undefined), Effect.never))
      )
      // One that waits when there is nothing yet.
      yield* queue.offer({ n: 1 })
      yield* Deferred.await(taken)
      const next = yield* Effect.fork(queue.take(done))
      yield* Fiber.interrupt(fiber)
      expect(yield* Fiber.join(next)).toEqual({ n: 1, attempts: 0 })
      expect(yield* completed).toBe(1)
    })
  )

  test(
    "SqlPersistedQueue: no two takers get the same element, of one program and of two",
    Effect.gen(function*() {
      const { completed, tableName, waiting } = yield* elements
      const queue = yield* worker(tableName)
      const count = 60
      yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => queue.offer({ n }), {
        concurrency: "unbounded"
      })
      const taken: Array<number> = []
      const take = (queue: PersistedQueue.PersistedQueue<typeof Item.Type>) =>
        Effect.asVoid(queue.take(({ n }) => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => taken.push(n)))))
      // As many as there are elements take at the same time.
      const takers = (queue: PersistedQueue.PersistedQueue<typeof Item.Type>) =>
        Effect.all(Array.from({ length: count / 2 }, () => take(queue)), { concurrency: "unbounded" })
      const other = Effect.scoped(Effect.flatMap(worker(tableName), takers)).pipe(Effect.provide(layer()))
      yield* Effect.all([takers(queue), other], { concurrency: 2 })
      expect([...taken].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n))
      expect([yield* completed, yield* waiting]).toEqual([count, 0])
    })
  )

  test(
    "SqlPersistedQueue: what is offered in a transaction is there when it is committed, and not when it is rolled back",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const { tableName, waiting } = yield* elements
      const queue = yield* worker(tableName)
      yield* Effect.exit(sql.withTransaction(Effect.zipRight(queue.offer({ n: 1 }), Effect.fail("no"))))
      expect(yield* waiting).toBe(0)
      yield* sql.withTransaction(queue.offer({ n: 2 }))
      expect(yield* queue.take(done)).toEqual({ n: 2, attempts: 0 })
    })
  )

  if (server !== undefined) {
    test(
      "SqlPersistedQueue: goes on after an outage without help",
      Effect.gen(function*() {
        const { completed, tableName } = yield* elements
        const queue = yield* worker(tableName)
        const fiber = yield* Effect.fork(queue.take(done))
        yield* server.killAll
        yield* Effect.retry(queue.offer({ n: 1 }, { id: "one" }), { times: 5 })
        expect(yield* Fiber.join(fiber)).toEqual({ n: 1, attempts: 0 })
        yield* until("it is completed", Effect.map(completed, (count) => count === 1))
      })
    )
  }
}
