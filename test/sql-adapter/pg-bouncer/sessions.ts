/** What is left in a session of the server. */
import * as PgActivity from "@cenote/sql-adapter/PgActivity"
import type { PgConnectError } from "@cenote/sql-adapter/PgConnector"
import type { Client } from "@cenote/sql-adapter/PgPool"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { optionsOf, until } from "../harness.js"
import type { Feature } from "./feature.js"
import { failure, value, valueOf } from "./feature.js"
import type { Place } from "./place.js"

let channels = 0

/** Whether what is notified is heard within a second. */
const hears = (listener: Client, notify: (channel: string) => Effect.Effect<unknown, unknown>) =>
  Effect.suspend(() => {
    const channel = `channel_${channels++}`
    const heard = Stream.runHead(listener.heard(channel))
    return Effect.raceFirst(heard, Effect.forever(Effect.delay(notify(channel), 20)))
  })

const byServer = ({ server }: Place) => (channel: string) => server.query("select pg_notify($1, 'news')", [channel])

/** What one client leaves in the session, another one has or not. */
const left = (leave: string, ask: string, found: (answer: unknown) => boolean): Feature["what"] => ({ client }) =>
  Effect.gen(function*() {
    const [one, two] = [yield* client(), yield* client()]
    yield* one.unsafe(leave)
    const exit = yield* Effect.exit(value(two, ask))
    return Exit.isSuccess(exit) && found(exit.value) ? "leaks" : "works"
  })

const isNothing = (value: unknown): boolean => value === null || value === ""

export const sessions: Record<string, Feature> = {
  "`SET`, `connection.setup`": {
    what: left("set app.tenant = 'one'", "select current_setting('app.tenant', true)", (tenant) => tenant === "one"),
    instead: ({ client }) =>
      Effect.gen(function*() {
        const [one, two] = [yield* client(), yield* client()]
        const ask = "select current_setting('app.customer', true)"
        const inside = yield* one.withSession({ "app.customer": "42" })(value(one, ask))
        return inside === "42" && isNothing(yield* value(two, ask))
      })
  },
  "temporary tables": {
    what: left("create temporary table mine as select 1 as n", "select n from mine", () => true),
    instead: ({ client }) =>
      Effect.gen(function*() {
        const [one, two] = [yield* client(), yield* client()]
        const inside = yield* one.withTransaction(Effect.zipRight(
          one`create temporary table hers on commit drop as select 2 as n`,
          value(one, "select n from hers")
        ))
        return inside === 2 && (yield* failure(value(two, "select n from hers"))).sqlState === "42P01"
      })
  },
  "advisory locks of a session": {
    what: left("select pg_advisory_lock(7)", "select pg_try_advisory_lock(7)", (got) => got === true),
    instead: ({ client, server }) =>
      Effect.gen(function*() {
        const sql = yield* client()
        const ask = "select pg_try_advisory_xact_lock(8)"
        const inside = yield* sql.withTransaction(
          Effect.zipRight(sql`select pg_advisory_xact_lock(8)`, valueOf(server, ask))
        )
        return inside === false && (yield* valueOf(server, ask)) === true
      })
  },
  "`connection.resetSession` (DISCARD ALL)": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const [one, two] = [yield* client(), yield* client({ connection: { resetSession: true } })]
        yield* one`set app.tenant = 'one'`
        yield* two`select 1`
        yield* until("it is reset", Effect.map(two.pool.stats, ({ idle }) => idle === 1))
        return (yield* value(one, "select current_setting('app.tenant', true)")) === "one" ? "works" : "leaks"
      })
  },
  "`connection.preparedStatements`": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const connection = { preparedStatements: 10 }
        const [one, two] = [yield* client({ connection }), yield* client({ connection })]
        const ask = (sql: Client) => sql`select ${1}::integer as n`
        const exit = yield* Effect.exit(Effect.all([ask(one), ask(two), ask(one)]))
        if (Exit.isSuccess(exit)) return "works"
        const error = yield* failure(exit)
        expect(error).toMatchObject({ reason: "Server", sqlState: "42P05" })
        expect(error.message).toContain("set preparedStatements to 0")
        return "fails"
      }),
    instead: ({ client }) =>
      Effect.gen(function*() {
        const [one, two] = [yield* client(), yield* client()]
        const ask = (sql: Client) => sql`select ${1}::integer as n`
        return (yield* Effect.all([ask(one), ask(two), ask(one)])).length === 3
      })
  },
  "`sql.listen`, `sql.heard`": {
    what: (here) =>
      Effect.gen(function*() {
        const sql = yield* here.client()
        const exit = yield* Effect.exit(hears(sql, byServer(here)))
        if (Exit.isSuccess(exit)) return "works"
        const error = (yield* failure(exit)) as unknown as PgConnectError
        expect(error.reason).toBe("Unsupported")
        expect(error.message).toContain("Listen with a client of the server's own address")
        return "refused"
      }),
    instead: (here) =>
      Effect.gen(function*() {
        yield* hears(yield* here.client({ to: here.server }), byServer(here))
        return true
      })
  },
  "`sql.notify`": {
    what: (here) =>
      Effect.gen(function*() {
        const sql = yield* here.client()
        const direct = yield* here.client({ to: here.server })
        yield* hears(direct, (channel) => sql.notify(channel, "news"))
        return "works"
      })
  },
  "`connection.applicationName`": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const names = ["one", "two"]
        const found = yield* Effect.forEach(names, (applicationName) =>
          Effect.flatMap(
            client({ connection: { applicationName } }),
            (sql) => value(sql, "select application_name from pg_stat_activity where pid = pg_backend_pid()")
          ))
        return found.join() === names.join() ? "works" : "fails"
      })
  },
  "`PgConnection.processId`": {
    what: ({ client }) =>
      Effect.gen(function*() {
        const sql = yield* client()
        const [is, says] = yield* sql.pool.use((connection) =>
          Effect.map(
            connection.query<{ pid: number }>("select pg_backend_pid() pid"),
            ({ rows: [row] }) => [row!.pid, connection.processId]
          )
        )
        return is === says ? "works" : "made up"
      })
  },
  "`PgActivity`": {
    what: (here) => looks(here, here.bouncer),
    instead: (here) => Effect.map(looks(here, here.server), (what) => what === "works")
  }
}

/** Whether the sessions of an application are shown. */
const looks = ({ client, server }: Place, at: { readonly host: string; readonly port: number }) =>
  Effect.gen(function*() {
    const applicationName = "orders"
    const sql = yield* client({ connection: { applicationName } })
    yield* sql`select 1`
    const activity = yield* PgActivity.make({ ...optionsOf(server), host: at.host, port: at.port, applicationName })
    return (yield* activity).length > 0 ? "works" : "misses them"
  })
