/** What a route may choose: to be outside, how its transaction begins, and that it ends with a rollback. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { ids, insert, table, totals } from "../conformance/subject.js"
import type { Client, Test } from "../conformance/subject.js"
import type { Route } from "./routers.js"
import { ask } from "./servers.js"
import type { Subject } from "./subject.js"
import { allRests, serve } from "./subject.js"

/** A client under a tag of the application's own. */
class Sql extends Context.Tag("test/Sql")<Sql, Client>() {}

const done = HttpServerResponse.text("done")

/** One route of one request. */
const post = (sql: Client, handler: Route["handler"]) =>
  Effect.flatMap(serve(sql, [{ method: "POST", path: "/", handler }]), (http) => ask(http, "POST", "/"))

export const choices = <R>(test: Test<R>, subject: Subject<R>): void => {
  const { make } = subject

  test(
    "what is outside of it stays when it is rolled back, and needs a connection of its own",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 2 })
      const name = yield* table(sql)
      const answer = yield* post(
        sql,
        Effect.gen(function*() {
          yield* RequestTransaction.outside(insert(sql, name, 1))
          yield* RequestTransaction.outside(sql.withTransaction(insert(sql, name, 2)))
          yield* insert(sql, name, 3)
          return HttpServerResponse.empty({ status: 500 })
        })
      )
      expect(answer.status).toBe(500)
      expect(yield* ids(sql, name)).toEqual([1, 2])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a route that is outside has no transaction, and no connection between its statements",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const answer = yield* post(
        sql,
        RequestTransaction.outside(Effect.gen(function*() {
          yield* insert(sql, name, 1)
          expect((yield* totals(sql)).busy).toBe(0)
          yield* insert(sql, name, 2)
          return yield* Effect.die("no")
        }))
      )
      expect(answer.status).toBe(500)
      expect(yield* ids(sql, name)).toEqual([1, 2])
      yield* allRests(sql, subject)
    })
  )

  test(
    "rollbackOnly undoes what is answered with 200",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const answer = yield* post(
        sql,
        Effect.gen(function*() {
          const transaction = yield* RequestTransaction.RequestTransaction
          yield* insert(sql, name, 1)
          yield* sql.withTransaction(Effect.zipRight(insert(sql, name, 2), transaction.rollbackOnly))
          return HttpServerResponse.text(String(yield* ids(sql, name)))
        })
      )
      expect(answer).toMatchObject({ status: 200, body: "1,2" })
      expect(yield* ids(sql, name)).toEqual([])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a route's own options hold in a router that has a transaction for all: one that is read only refuses writes",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      yield* insert(sql, name, 1)
      const readOnly = RequestTransaction.middleware({ readOnly: true })
      const reads = yield* post(
        sql,
        readOnly(Effect.map(ids(sql, name), (ids) => HttpServerResponse.text(String(ids))))
      )
      expect(reads).toMatchObject({ status: 200, body: "1" })
      if (!subject.isPrivate) {
        const writes = yield* post(sql, readOnly(Effect.as(insert(sql, name, 2), done)))
        expect(writes.status).toBe(500)
        expect(yield* ids(sql, name)).toEqual([1])
      }
      // And the connection takes writes again.
      yield* post(sql, Effect.as(insert(sql, name, 3), done))
      expect(yield* ids(sql, name)).toEqual([1, 3])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a route's options that come too late are a defect, and what was done is undone",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const late = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      const answer = yield* post(
        sql,
        Effect.zipRight(
          insert(sql, name, 1),
          Effect.onExit(
            RequestTransaction.middleware({ readOnly: true })(Effect.succeed(done)),
            (exit) => Deferred.succeed(late, exit)
          )
        )
      )
      expect(answer.status).toBe(500)
      const exit = yield* Deferred.await(late)
      expect(Exit.match(exit, { onSuccess: () => undefined, onFailure: (cause) => cause })).toMatchObject({
        _tag: "Die",
        defect: { _tag: "TransactionRefused", reason: "HasBegun" }
      })
      expect(yield* ids(sql, name)).toEqual([])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a route's own transaction in one that has begun is a savepoint: it is undone alone",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const own = RequestTransaction.middleware()
      const inner = (id: number, status: number) =>
        Effect.option(own(Effect.zipRight(insert(sql, name, id), HttpServerResponse.empty({ status }))))
      const answer = yield* post(
        sql,
        Effect.gen(function*() {
          yield* insert(sql, name, 1)
          expect(Option.map(yield* inner(2, 400), ({ status }) => status)).toEqual(Option.some(400))
          expect(Option.map(yield* inner(3, 200), ({ status }) => status)).toEqual(Option.some(200))
          expect(yield* Effect.exit(own(Effect.zipRight(insert(sql, name, 4), Effect.fail("no"))))).toEqual(
            Exit.fail("no")
          )
          return done
        })
      )
      expect(answer.status).toBe(200)
      expect(yield* ids(sql, name)).toEqual([1, 3])
      yield* allRests(sql, subject)
    })
  )

  test(
    "work that belongs to no request can have one too",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const name = yield* table(sql)
      const relies = (id: number) => Effect.zipRight(RequestTransaction.RequestTransaction, insert(sql, name, id))
      const work = RequestTransaction.provide({ client: Sql })
      const run = <A, E>(effect: Effect.Effect<A, E, Sql>) => Effect.exit(Effect.provideService(effect, Sql, sql))
      expect(yield* run(work(Effect.as(relies(1), "kept")))).toEqual(Exit.succeed("kept"))
      expect(yield* run(work(Effect.zipRight(relies(2), Effect.fail("no"))))).toEqual(Exit.fail("no"))
      expect(yield* ids(sql, name)).toEqual([1])
      yield* allRests(sql, subject)
    })
  )

  test(
    "a WebSocket has none: what asks in it is told what to write",
    Effect.gen(function*() {
      const sql = yield* make({ maxSize: 1 })
      const refused = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      const http = yield* serve(
        sql,
        [
          {
            method: "GET",
            path: "/",
            handler: Effect.as(Effect.onExit(sql`select 1`, (exit) => Deferred.succeed(refused, exit)), done)
          },
          { method: "GET", path: "/outside", handler: RequestTransaction.outside(Effect.as(sql`select 1`, done)) }
        ],
        "HttpRouter",
        "a web handler"
      )
      const send = (path: string) =>
        Effect.flatMap(http.send("GET", path, { upgrade: "websocket" }), ({ answer }) => answer)
      expect((yield* send("/"))?.status).toBe(500)
      const exit = yield* Deferred.await(refused)
      expect(Exit.match(exit, { onSuccess: () => undefined, onFailure: (cause) => cause })).toMatchObject({
        _tag: "Die",
        defect: { _tag: "TransactionRefused", reason: "WebSocket" }
      })
      expect((yield* send("/outside"))?.status).toBe(200)
      yield* allRests(sql, subject)
    })
  )
}
