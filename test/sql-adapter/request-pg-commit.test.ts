/** What becomes of a request whose COMMIT does not go well. */
import * as RequestTransaction from "@cenote/sql-adapter/RequestTransaction"
import { CommitUnknown } from "@cenote/sql-adapter/SqlTransaction"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { expect, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { layer as postgres, Postgres } from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import { rests } from "./conformance/subject.js"
import { until } from "./harness.js"
import { client } from "./pgClientHarness.js"
import { ask } from "./request/servers.js"
import { serve } from "./request/subject.js"

const made = (options: Parameters<typeof client>[0] = {}) =>
  Effect.map(client(options), (sql) => Object.assign(sql, { pools: [sql.pool] }))

const done = HttpServerResponse.text("done")

/** As a route's error channel has it. */
const failureOf = <E>(exit: Exit.Exit<unknown, E>) =>
  Exit.isFailure(exit) ? Cause.squash(exit.cause) as RequestTransaction.CommitFailed : undefined

layer(postgres(), { excludeTestServices: true, timeout: 60_000 })("The COMMIT of a request on PostgreSQL:", (it) => {
  const test = (name: string, run: Effect.Effect<unknown, unknown, Scope.Scope | Postgres>) =>
    it.scoped(name, () => Effect.provide(run, Logger.remove(Logger.defaultLogger)))

  test(
    "one whose answer never comes is Unknown: the handler is not run again, and the connection is nobody's any more",
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(yield* Postgres)
      const sql = yield* made({ maxSize: 1, connection: { host: proxy.host, port: proxy.port } })
      let runs = 0
      const handler = Effect.gen(function*() {
        runs++
        yield* sql`select 1`
        // The next answer, COMMIT's, never comes.
        for (const connection of proxy.connections()) connection.setMode(Proxy.cutAfter(1))
        return done
      })
      const http = yield* serve(sql, [{ method: "POST", path: "/", handler }])
      const { body, status } = yield* ask(http, "POST", "/")
      expect([status, JSON.parse(body!)]).toEqual([409, { _tag: "NotDone", reason: "Unknown" }])
      expect(runs).toBe(1)
      yield* rests(sql)
      expect((yield* sql.pool.stats).idle).toBe(0)
      expect(yield* sql`select 1 as n`).toEqual([{ n: 1 }])
    })
  )

  test(
    "one that loses against another transaction is a Conflict, and says what the database said",
    Effect.gen(function*() {
      const sql = yield* made()
      yield* sql`create table doctors (id int primary key, on_call boolean)`
      yield* sql`insert into doctors values (1, true), (2, true)`
      const bothAsked = yield* Deferred.make<void>()
      const firstIsDone = yield* Deferred.make<void>()
      let asked = 0
      // Each leaves if another one stays: both must not.
      const leave = (id: number) =>
        RequestTransaction.middleware({ isolation: "serializable" })(Effect.gen(function*() {
          yield* sql`select count(*) from doctors where on_call`
          if (++asked === 2) yield* Deferred.succeed(bothAsked, undefined)
          yield* Deferred.await(bothAsked)
          yield* sql`update doctors set on_call = false where id = ${id}`
          if (id === 2) yield* Deferred.await(firstIsDone)
          return done
        })).pipe(
          Effect.provideService(SqlClient.SqlClient, sql as SqlClient.SqlClient),
          Effect.tap(() => id === 1 ? Deferred.succeed(firstIsDone, undefined) : Effect.void),
          Effect.exit
        )
      const second = yield* Effect.fork(leave(2))
      expect(Exit.isSuccess(yield* leave(1))).toBe(true)
      const failed = failureOf(yield* Fiber.join(second))!
      expect(failed).toBeInstanceOf(RequestTransaction.CommitFailed)
      expect(failed).toMatchObject({ _tag: "CommitFailed", reason: "Conflict" })
      expect((failed.cause as SqlError).cause).toMatchObject({ sqlState: "40001" })
      expect(yield* sql`select id from doctors where on_call`).toEqual([{ id: 2 }])
      yield* rests(sql)
    })
  )

  test(
    "one that can only roll back is told so: the handler had swallowed a statement's error",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      yield* sql`create table swallowed (id int primary key)`
      const http = yield* serve(sql, [
        {
          method: "POST",
          path: "/",
          handler: sql`insert into swallowed values (1)`.pipe(
            Effect.zipRight(Effect.exit(sql`select nonsense`)),
            Effect.as(done)
          )
        },
        {
          method: "POST",
          path: "/savepoint",
          handler: sql`insert into swallowed values (2)`.pipe(
            Effect.zipRight(Effect.exit(sql.withTransaction(sql`select nonsense`))),
            Effect.as(done)
          )
        }
      ])
      const { body, status } = yield* ask(http, "POST", "/")
      expect([status, JSON.parse(body!)]).toEqual([409, { _tag: "NotDone", reason: "RolledBack" }])
      expect(yield* ask(http, "POST", "/savepoint")).toMatchObject({ status: 200 })
      expect(yield* sql`select id from swallowed`).toEqual([{ id: 2 }])
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "a client that goes away while it runs leaves nothing open",
    Effect.gen(function*() {
      const server = yield* Postgres
      const sql = yield* made({ maxSize: 1, connection: { applicationName: "slow_commit" } })
      yield* sql`create table slow_commit (id int primary key)`
      yield* sql.unsafe(`
        create function wait_long() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return null; end $$;
        create constraint trigger slow after insert on slow_commit deferrable initially deferred
          for each row execute function wait_long()
      `).unprepared
      const sessions = (where: string) =>
        Effect.map(
          server.query(`select 1 from pg_stat_activity where application_name = 'slow_commit' and ${where}`),
          ({ length }) => length
        )
      const http = yield* serve(sql, [
        { method: "POST", path: "/", handler: Effect.as(sql`insert into slow_commit values (1)`, done) }
      ])
      const { abort } = yield* http.send("POST", "/")
      yield* until("COMMIT runs", Effect.map(sessions("query = 'COMMIT' and state = 'active'"), (n) => n === 1))
      yield* abort
      yield* rests(sql)
      expect(yield* sessions("xact_start is not null")).toBe(0)
      // It was asked for before the client had gone, so it ran on.
      expect(yield* sql`select id from slow_commit`).toEqual([{ id: 1 }])
      expect((yield* sql.pool.stats).opened).toBe(1)
    })
  )

  test(
    "what is not committed is logged with what the database said, which the client does not see",
    Effect.gen(function*() {
      const sql = yield* made({ maxSize: 1 })
      yield* sql`create table logged (id int primary key, other int references logged deferrable initially deferred)`
      const logged: Array<string> = []
      const logger = Logger.map(Logger.logfmtLogger, (line) => void logged.push(line))
      const exit = yield* RequestTransaction.middleware()(Effect.as(sql`insert into logged values (1, 2)`, done)).pipe(
        Effect.provideService(SqlClient.SqlClient, sql as SqlClient.SqlClient),
        Effect.exit,
        Effect.provide(Logger.add(logger))
      )
      const failed = failureOf(exit)!
      expect(failed).toMatchObject({ reason: "Refused" })
      expect(logged.join("\n")).toMatch(/level=WARN.*refused to commit.*violates foreign key constraint/s)
      expect(JSON.stringify(failed)).not.toContain("foreign key")
      expect(failed.cause).not.toBeInstanceOf(CommitUnknown)
      expect((failed.cause as SqlError).cause).toMatchObject({ sqlState: "23503" })
    })
  )
})
