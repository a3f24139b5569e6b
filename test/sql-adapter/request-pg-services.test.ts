/** What is composed around a request's transaction: services that were made long before, other clients, pools that have nothing to give. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import * as SqlitePool from "@cenote/sql-adapter/SqlitePool"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlResolver from "@effect/sql/SqlResolver"
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { rests } from "./conformance/subject.js"
import { optionsOf, until } from "./harness.js"
import { client } from "./pgClientHarness.js"
import { ask } from "./request/servers.js"
import { serve } from "./request/subject.js"
import { recording } from "./tracing.js"

const made = (options: Parameters<typeof client>[0] = {}) =>
  Effect.map(client(options), (sql) => Object.assign(sql, { pools: [sql.pool] }))

const done = HttpServerResponse.text("done")

/** Where two wait for each other. */
const both = Effect.map(Deferred.make<void>(), (met) => {
  let there = 0
  return Effect.suspend(() => ++there === 2 ? Deferred.succeed(met, undefined) : Deferred.await(met))
})

const given = <A, E, R>(effect: Effect.Effect<A, E, R>, sql: SqlClient.SqlClient) =>
  Effect.provideService(effect, SqlClient.SqlClient, sql)

/** A service that knows nothing of requests, and captures the client when its layer is built. */
class Notes extends Effect.Service<Notes>()("test/Notes", {
  effect: Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const byId = yield* SqlResolver.findById("NoteById", {
      Id: Schema.Number,
      Result: Schema.Struct({ id: Schema.Number, text: Schema.String }),
      ResultId: ({ id }) => id,
      execute: (ids) => sql`select id, text from notes where ${sql.in("id", ids)}`
    })
    return {
      add: (id: number, text: string) => sql`insert into notes values (${id}, ${text})`,
      byId: (id: number) => byId.execute(id)
    }
  })
}) {}

/** One that is made of that, and says that it needs a transaction. */
class Diary extends Effect.Service<Diary>()("test/Diary", {
  effect: Effect.map(Notes, (notes) => ({
    write: (id: number, text: string) => Effect.zipRight(RequestTransaction.RequestTransaction, notes.add(id, text))
  })),
  dependencies: [Notes.Default]
}) {}

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("A request's transaction on PostgreSQL:", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => Effect.provide(run, Logger.remove(Logger.defaultLogger)))

  test(
    "services that captured the client when their layers were built are in it, batches of SqlResolver too",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      yield* sql`create table notes (id int primary key, text text)`
      const services = yield* Layer.build(
        Layer.provide(Layer.merge(Diary.Default, Notes.Default), Layer.succeed(SqlClient.SqlClient, sql))
      )
      const handler = (status: number, first: number) =>
        Effect.gen(function*() {
          yield* (yield* Diary).write(first, "one")
          yield* (yield* Diary).write(first + 1, "two")
          const notes = yield* Notes
          const found = yield* Effect.all([notes.byId(first), notes.byId(first + 1)], {
            batching: true,
            concurrency: "unbounded"
          })
          expect(found.map((note) => note._tag)).toEqual(["Some", "Some"])
          return HttpServerResponse.empty({ status })
        }).pipe(Effect.provide(services))
      const http = yield* serve(sql, [
        { method: "POST", path: "/kept", handler: handler(201, 1) },
        { method: "POST", path: "/undone", handler: handler(409, 3) }
      ])
      expect((yield* ask(http, "POST", "/kept")).status).toBe(201)
      expect((yield* ask(http, "POST", "/undone")).status).toBe(409)
      expect(yield* sql`select id from notes order by id`).toEqual([{ id: 1 }, { id: 2 }])
      yield* rests(sql)
    })
  )

  test(
    "two requests at once have one each, and see nothing of each other",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 2 })
      yield* sql`create table pairs (id int)`
      const bothWrote = yield* both
      const bothRead = yield* both
      const handler = (id: number) =>
        Effect.gen(function*() {
          yield* sql`insert into pairs values (${id})`
          yield* bothWrote
          const seen = yield* sql`select id, pg_current_xact_id()::text as xid from pairs`
          yield* bothRead
          return HttpServerResponse.unsafeJson(seen)
        })
      const http = yield* serve(sql, [
        { method: "POST", path: "/1", handler: handler(1) },
        { method: "POST", path: "/2", handler: handler(2) }
      ])
      const [first, second] = yield* Effect.all([ask(http, "POST", "/1"), ask(http, "POST", "/2")], {
        concurrency: "unbounded"
      })
      const seen = [first, second].map(({ body }) => JSON.parse(body!) as ReadonlyArray<{ id: number; xid: string }>)
      expect(seen.map((rows) => rows.map(({ id }) => id))).toEqual([[1], [2]])
      expect(seen[0]![0]!.xid).not.toBe(seen[1]![0]!.xid)
      expect(yield* sql`select id from pairs order by id`).toEqual([{ id: 1 }, { id: 2 }])
      yield* rests(sql)
    })
  )

  test(
    "isolation, readOnly and deferrable are those that the route asks for",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      const settings = Effect.map(
        sql`select current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as read_only,
              current_setting('transaction_deferrable') as deferrable`,
        HttpServerResponse.unsafeJson
      )
      const http = yield* serve(sql, [
        { method: "GET", path: "/default", handler: settings },
        {
          method: "GET",
          path: "/own",
          handler: RequestTransaction.middleware({ isolation: "serializable", readOnly: true, deferrable: true })(
            settings
          )
        }
      ])
      const got = (path: string) => Effect.map(ask(http, "GET", path), ({ body }) => JSON.parse(body!)[0])
      expect(yield* got("/default")).toEqual({ isolation: "read committed", read_only: "off", deferrable: "off" })
      expect(yield* got("/own")).toEqual({ isolation: "serializable", read_only: "on", deferrable: "on" })
      yield* rests(sql)
    })
  )

  test(
    "withSession's settings are gone after it, though it is a savepoint there",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      const tenant = Effect.map(
        sql<{ tenant: string | null }>`select current_setting('app.tenant', true) as tenant`,
        ([row]) => row?.tenant || "none"
      )
      const as = (name: string) => sql.withSession({ "app.tenant": name })
      const failing = Effect.exit(as("c")(Effect.zipRight(tenant, Effect.fail("no"))))
      const http = yield* serve(sql, [{
        method: "GET",
        path: "/",
        handler: Effect.map(
          Effect.all([
            tenant,
            as("a")(tenant),
            tenant,
            as("a")(Effect.zipRight(as("b")(tenant), tenant)),
            failing,
            tenant
          ]),
          (seen) => HttpServerResponse.text(seen.filter((each) => typeof each === "string").join())
        )
      }])
      expect(yield* ask(http, "GET", "/")).toMatchObject({ status: 200, body: "none,a,none,a,none" })
      yield* rests(sql)
    })
  )

  test(
    "a pool that is closed, and one that cannot connect, are a 503 each, for statements outside of it too",
    Effect.gen(function*() {
      const options = optionsOf(yield* Postgres)
      const scope = yield* Scope.make()
      const closed = yield* Effect.provide(Scope.extend(PgPool.make({ connection: options }), scope), Reactivity.layer)
      yield* Scope.close(scope, Exit.void)
      const down = yield* made({ connection: { host: "127.0.0.1", port: 1 } })
      for (const [sql, reason] of [[closed, "Closed"], [down, "Down"]] as const) {
        const http = yield* serve(Object.assign(sql, { pools: [sql.pool] }), [
          { method: "GET", path: "/", handler: Effect.as(sql`select 1`, done) },
          { method: "GET", path: "/outside", handler: RequestTransaction.outside(Effect.as(sql`select 1`, done)) }
        ])
        for (const path of ["/", "/outside"]) {
          const { body, headers, status } = yield* ask(http, "GET", path)
          expect([path, status, JSON.parse(body!).reason]).toEqual([path, 503, reason])
          expect(headers["retry-after"]).toMatch(/^\d+$/)
          expect(body).not.toContain("127.0.0.1")
        }
      }
    })
  )

  test(
    "a statement's own failure is no 503",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      const http = yield* serve(sql, [{ method: "GET", path: "/", handler: Effect.as(sql`select nonsense`, done) }])
      expect((yield* ask(http, "GET", "/")).status).toBe(500)
      yield* rests(sql)
    })
  )

  test(
    "two databases have one transaction each, of the same request, and a client without one has none",
    Effect.gen(function*() {
      class Local extends Context.Tag("test/Local")<Local, SqlitePool.Client>() {}
      const sql = yield* made({ maxSize: 1 })
      const other = yield* made({ maxSize: 1 })
      const local = yield* Effect.provide(
        SqlitePool.make({ connection: { filename: ":memory:" } }),
        Reactivity.layer
      )
      yield* sql`create table two (id int)`
      yield* local`create table two (id int)`
      const handler = (status: number) =>
        RequestTransaction.middleware({ client: Local })(
          RequestTransaction.middleware()(Effect.gen(function*() {
            yield* sql`insert into two values (1)`
            yield* local`insert into two values (1)`
            expect(yield* other`select * from two`).toEqual([])
            yield* other`insert into two values (2)`
            return HttpServerResponse.empty({ status })
          }))
        ).pipe(Effect.provideService(Local, local), (effect) => given(effect, sql))
      expect((yield* handler(500)).status).toBe(500)
      expect(yield* sql`select id from two`).toEqual([{ id: 2 }])
      expect(yield* local`select id from two`).toEqual([])
      yield* sql`delete from two`
      expect((yield* handler(200)).status).toBe(200)
      expect(yield* sql`select id from two order by id`).toEqual([{ id: 1 }, { id: 2 }])
      expect(yield* local`select id from two`).toEqual([{ id: 1 }])
      yield* rests(sql)
    })
  )

  test(
    "a client of another library is a defect that says so",
    Effect.gen(function*() {
      const foreign = Object.assign(() => {}, {}) as unknown as SqlClient.SqlClient
      const exit = yield* Effect.exit(given(RequestTransaction.middleware()(Effect.succeed(done)), foreign))
      expect(String(exit)).toContain("needs a client of PgPool, MysqlPool or SqlitePool")
    })
  )

  test(
    "it is a span of the request, from BEGIN to its end, beside those of its statements and of the wait",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      const { spans, tracer } = recording()
      const held = yield* Deferred.make<void>()
      let waits: number | undefined
      // Long enough to be seen by a clock of milliseconds.
      const seen = Effect.map(sql.pool.stats, ({ waiting }) => {
        if (waiting === 1) waits ??= performance.now()
        return waits !== undefined && performance.now() - waits > 2
      })
      const holder = yield* Effect.fork(
        sql.withTransaction(Effect.zipRight(Deferred.succeed(held, undefined), until("it has waited", seen)))
      )
      yield* Deferred.await(held)
      const { status } = yield* RequestTransaction.middleware()(
        Effect.as(Effect.withSpan(sql`select 1`, "the handler's own"), done)
      ).pipe((effect) => given(effect, sql), Effect.withSpan("request"), Effect.withTracer(tracer))
      expect(status).toBe(200)
      yield* Fiber.join(holder)
      const named = (name: string) => spans.filter((span) => span.name === name)
      const parentOf = (name: string) => {
        const [span] = named(name)
        return span?.parent._tag === "Some" && span.parent.value._tag === "Span" ? span.parent.value.name : undefined
      }
      expect(named("sql.transaction")).toHaveLength(1)
      expect(named("sql.transaction")[0]?.status._tag).toBe("Ended")
      expect(parentOf("sql.transaction")).toBe("request")
      expect(parentOf("sql.execute")).toBe("the handler's own")
      expect(named("cenote.acquire")).toHaveLength(1)
    })
  )
})
