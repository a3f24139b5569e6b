/** What becomes of a handler's work, by what the handler comes to. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { ids, insert, table, totals } from "../conformance/subject.js"
import type { Test } from "../conformance/subject.js"
import { until } from "../harness.js"
import { NotDone, Teapot } from "./routers.js"
import { ask } from "./servers.js"
import type { RouterName, ServerName, Subject } from "./subject.js"
import { allRests, serve } from "./subject.js"

const respond = (status: number) => HttpServerResponse.text("body", { status })

const comesTo: Record<
  string,
  { readonly end: Effect.Effect<any, any>; readonly status: number; readonly isKept: boolean }
> = {
  "200": { end: respond(200), status: 200, isKept: true },
  "302": { end: respond(302), status: 302, isKept: true },
  "399": { end: respond(399), status: 399, isKept: true },
  "400": { end: respond(400), status: 400, isKept: false },
  "404": { end: respond(404), status: 404, isKept: false },
  "500": { end: respond(500), status: 500, isKept: false },
  "a failure": { end: Effect.fail(new Teapot()), status: 418, isKept: false },
  "a defect": { end: Effect.die("no"), status: 500, isKept: false },
  "a defect that is a response of 200": { end: Effect.die(respond(200)), status: 200, isKept: false },
  "an interruption of itself": { end: Effect.interrupt, status: 503, isKept: false }
}

let deferredTables = 0

export const outcomes = <R>(
  test: Test<R>,
  subject: Subject<R>,
  router: RouterName,
  server: ServerName
): void => {
  const where = `${router} on ${server}:`

  for (const [what, { end, isKept, status }] of Object.entries(comesTo)) {
    test(
      `${where} a handler that comes to ${what} is ${isKept ? "committed" : "rolled back"}`,
      Effect.gen(function*() {
        const sql = yield* subject.make({ maxSize: 1 })
        const name = yield* table(sql)
        const http = yield* serve(
          sql,
          [{ method: "POST", path: "/", handler: Effect.zipRight(insert(sql, name, 1), end) }],
          router,
          server
        )
        expect(yield* ask(http, "POST", "/")).toMatchObject({ status })
        yield* allRests(sql, subject)
        expect(yield* ids(sql, name)).toEqual(isKept ? [1] : [])
      })
    )
  }

  for (const doing of ["is in its handler", "waits for a statement"] as const) {
    test(
      `${where} a client that goes away while its request ${doing} has its work rolled back`,
      Effect.gen(function*() {
        const sql = yield* subject.make({ maxSize: 1 })
        const name = yield* table(sql)
        const inside = yield* Deferred.make<void>()
        const end = doing === "is in its handler" ? Effect.never : sql.unsafe(subject.slow)
        const http = yield* serve(
          sql,
          [{
            method: "POST",
            path: "/",
            handler: insert(sql, name, 1).pipe(
              Effect.zipRight(Deferred.succeed(inside, undefined)),
              Effect.zipRight(end),
              Effect.zipRight(respond(200))
            )
          }],
          router,
          server
        )
        const { abort } = yield* http.send("POST", "/")
        yield* Deferred.await(inside)
        if (doing === "waits for a statement") yield* until("the statement runs", subject.isRunningSlow(sql))
        yield* abort
        yield* allRests(sql, subject)
        expect(yield* ids(sql, name)).toEqual([])
      })
    )
  }

  test(
    `${where} a client that goes away while its request waits for a connection leaves the queue`,
    Effect.gen(function*() {
      const sql = yield* subject.make({ maxSize: 1 })
      const name = yield* table(sql)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* sql.reserve
        const http = yield* serve(
          sql,
          [{ method: "POST", path: "/", handler: Effect.zipRight(insert(sql, name, 1), respond(200)) }],
          router,
          server
        )
        const waiting = (n: number) => until(`${n} wait`, Effect.map(totals(sql), ({ waiting }) => waiting === n))
        const { abort } = yield* http.send("POST", "/")
        yield* waiting(1)
        yield* abort
        yield* waiting(0)
      }))
      yield* allRests(sql, subject)
      expect(yield* ids(sql, name)).toEqual([])
    })
  )

  test(
    `${where} HEAD is a GET without its body, and its work is committed`,
    Effect.gen(function*() {
      const sql = yield* subject.make({ maxSize: 1 })
      const name = yield* table(sql)
      const http = yield* serve(
        sql,
        [{ method: "GET", path: "/", handler: Effect.zipRight(insert(sql, name, 1), respond(200)) }],
        router,
        server
      )
      expect(yield* ask(http, "HEAD", "/")).toMatchObject({ status: 200, body: "" })
      yield* allRests(sql, subject)
      expect(yield* ids(sql, name)).toEqual([1])
    })
  )

  test(
    `${where} a request that asks nothing has no connection`,
    Effect.gen(function*() {
      const sql = yield* subject.make({ maxSize: 1 })
      // Somebody has the only one.
      yield* Effect.scoped(Effect.gen(function*() {
        yield* sql.reserve
        const http = yield* serve(sql, [{ method: "GET", path: "/", handler: respond(200) }], router, server)
        expect(yield* ask(http, "GET", "/")).toMatchObject({ status: 200, body: "body" })
      }))
      yield* allRests(sql, subject)
    })
  )

  test(
    `${where} a pool that has no connection in time is a 503 that says when to ask again`,
    Effect.gen(function*() {
      const sql = yield* subject.make({ maxSize: 1, acquireTimeout: 200 })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* sql.reserve
        const http = yield* serve(
          sql,
          [
            { method: "GET", path: "/fails", handler: Effect.zipRight(sql.withTransaction(Effect.void), respond(200)) },
            { method: "GET", path: "/dies", handler: Effect.zipRight(Effect.orDie(sql`select 1`), respond(200)) },
            {
              method: "GET",
              path: "/goes-on",
              handler: Effect.catchAll(
                Effect.as(sql`select 1`, respond(200)),
                ({ _tag }) => HttpServerResponse.text(_tag)
              )
            }
          ] as const,
          router,
          server
        )
        for (const path of ["/fails", "/dies"]) {
          const { body, headers, status } = yield* ask(http, "GET", path)
          expect([status, body]).toEqual([503, expect.anything()])
          expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1)
          expect(JSON.parse(body!)).toMatchObject({ _tag: "Unavailable", reason: "Busy" })
        }
        expect(yield* ask(http, "GET", "/goes-on")).toMatchObject({ status: 200, body: "SqlError" })
      }))
      yield* allRests(sql, subject)
    })
  )

  if (subject.deferred !== undefined) {
    const { deferred } = subject
    test(
      `${where} a COMMIT that fails is no 200: it is answered before the head is sent, and the app says what it is`,
      Effect.gen(function*() {
        const sql = yield* subject.make({ maxSize: 1 })
        const name = `deferred_in_request_${deferredTables++}`
        yield* sql.unsafe(deferred.replaceAll("$", name))
        yield* Effect.addFinalizer(() => Effect.ignore(sql`drop table ${sql(name)}`))
        const http = yield* serve(
          sql,
          [{
            method: "POST",
            path: "/",
            handler: Effect.zipRight(sql`insert into ${sql(name)} values (1, 2)`, respond(200))
          }],
          router,
          server
        )
        const { body, status } = yield* ask(http, "POST", "/")
        expect(status).toBe(409)
        expect(JSON.parse(body!)).toEqual({ ...new NotDone({ reason: "Refused" }) })
        yield* allRests(sql, subject)
        expect(yield* sql`select * from ${sql(name)}`).toEqual([])
      })
    )
  }
}
