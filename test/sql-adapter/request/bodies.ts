/** What comes after the transaction: the body of the response. */
import type * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as SqlClient from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ids, insert, table, tagOf, totals } from "../conformance/subject.js"
import type { Client, Test } from "../conformance/subject.js"
import { until } from "../harness.js"
import { ask } from "./servers.js"
import type { RouterName, ServerName, Subject } from "./subject.js"
import { allRests, serve } from "./subject.js"

type Provided = RequestTransaction.RequestTransaction | Scope.Scope | SqlClient.SqlClient

const encoder = new TextEncoder()

/** A body of texts, which has all that is in the handler's context. */
const body = <E>(texts: Stream.Stream<string, E>) =>
  Effect.map(
    Effect.context<Provided>(),
    (context) =>
      HttpServerResponse.stream(Stream.provideContext(Stream.map(texts, (text) => encoder.encode(text)), context))
  )

const idsOf = (sql: Client, name: string) => Stream.fromEffect(Effect.map(ids(sql, name), String))

export const bodies = <R>(test: Test<R>, subject: Subject<R>, router: RouterName, server: ServerName): void => {
  const where = `${router} on ${server}:`
  const { make } = subject

  const answer = (sql: Client, handler: Effect.Effect<HttpServerResponse.HttpServerResponse, unknown, Provided>) =>
    Effect.flatMap(serve(sql, [{ method: "GET", path: "/", handler }], router, server), (http) => ask(http, "GET", "/"))

  test(
    `${where} a body sees what was committed, and each of its statements has a connection for itself`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const rests = Stream.fromEffect(Effect.map(totals(sql), ({ busy }) => ` ${busy} `))
      const got = yield* answer(
        sql,
        Effect.zipRight(
          insert(sql, name, 1),
          body(
            idsOf(sql, name).pipe(
              Stream.concat(rests),
              Stream.concat(Stream.drain(Stream.fromEffect(insert(sql, name, 2)))),
              Stream.concat(Stream.drain(Stream.fromEffect(sql.withTransaction(insert(sql, name, 3))))),
              // One after the other, and from a fiber of the body's own.
              Stream.concat(Stream.mapEffect(Stream.make(4, 5), (id) => Effect.as(insert(sql, name, id), `${id}`), {
                concurrency: 2
              })),
              Stream.concat(Stream.map(sql.unsafe<{ n: number }>(subject.series(3)).stream, () => "."))
            )
          )
        )
      )
      expect(got.status).toBe(200)
      expect(got.body).toMatch(/^1 0 (45|54)\.\.\.$/)
      expect(yield* ids(sql, name)).toEqual([1, 2, 3, 4, 5])
      yield* allRests(sql, subject)
    })
  )

  test(
    `${where} a body that is made in a savepoint comes after it too`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const got = yield* answer(
        sql,
        sql.withTransaction(Effect.zipRight(insert(sql, name, 1), body(idsOf(sql, name))))
      )
      expect(got).toMatchObject({ status: 200, body: "1" })
      yield* allRests(sql, subject)
    })
  )

  test(
    `${where} a body that fails undoes nothing`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const got = yield* answer(
        sql,
        Effect.zipRight(
          insert(sql, name, 1),
          body(Stream.concat(Stream.make("begun"), Stream.fail("no")))
        )
      )
      expect(got.status).toBe(200)
      yield* allRests(sql, subject)
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    `${where} open event streams hold no connection, and what one sends sees what others have done`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const next = yield* Deferred.make<void>()
      let open = 0
      const events = Effect.gen(function*() {
        yield* sql`select 1`
        const begun = Stream.fromEffect(Effect.sync(() => String(open++).slice(0, 0)))
        const later = Stream.fromEffect(Effect.zipRight(Deferred.await(next), Effect.map(ids(sql, name), String)))
        return yield* body(Stream.concat(begun, later))
      })
      const http = yield* serve(
        sql,
        [
          { method: "GET", path: "/events", handler: events },
          { method: "POST", path: "/", handler: Effect.zipRight(insert(sql, name, 1), HttpServerResponse.empty()) }
        ],
        router,
        server
      )
      const streams = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.fork(ask(http, "GET", "/events"))
      )
      yield* until("all are open", Effect.sync(() => open === 5))
      yield* allRests(sql, subject)
      expect(yield* ask(http, "POST", "/")).toMatchObject({ status: 204 })
      yield* Deferred.succeed(next, undefined)
      const got = yield* Fiber.join(Fiber.all(streams))
      expect(got.map(({ body }) => body)).toEqual(Array(5).fill("1"))
      yield* allRests(sql, subject)
    })
  )

  test(
    `${where} rows that a handler has begun to read end with the transaction: they hold up neither COMMIT nor the response`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const failure = yield* Deferred.make<unknown>()
      const got = yield* answer(
        sql,
        Effect.gen(function*() {
          yield* insert(sql, name, 1)
          const pull = yield* Stream.toPull(sql.unsafe<{ n: number }>(subject.series(5_000)).stream)
          yield* pull
          return yield* body(
            Stream.concat(
              Stream.make("begun"),
              Stream.map(Stream.repeatEffectChunkOption(pull), () => ".")
            ).pipe(Stream.tapErrorCause((cause) => Deferred.succeed(failure, cause)))
          )
        })
      )
      expect(got.status).toBe(200)
      expect(yield* Deferred.await(failure)).toMatchObject({ error: { cause: { _tag: "TransactionEnded" } } })
      yield* allRests(sql, subject)
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    `${where} a daemon of the handler is not taken for its body`,
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const go = yield* Deferred.make<void>()
      const got = yield* answer(
        sql,
        Effect.gen(function*() {
          yield* insert(sql, name, 1)
          const daemon = yield* Effect.forkDaemon(Effect.zipRight(Deferred.await(go), insert(sql, name, 2)))
          return yield* body(Stream.fromEffect(
            Deferred.succeed(go, undefined).pipe(
              Effect.zipRight(Fiber.await(daemon)),
              Effect.map((exit) => String(tagOf(exit)))
            )
          ))
        })
      )
      expect(got).toMatchObject({ status: 200, body: "TransactionEnded" })
      yield* allRests(sql, subject)
    })
  )
}
