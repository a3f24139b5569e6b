/** Chaos of PostgreSQL. */
import * as PgPool from "@cenote/sql-adapter/PgPool"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import pg from "pg"
import * as Postgres from "../../support/postgres.js"
import { stranger, teller } from "../bank.js"
import { limits } from "../limits.js"
import * as Client from "./client.js"
import type { Database, Server } from "./database.js"
import { noFront } from "./database.js"

const options = {
  maxConnections: limits.maxConnections,
  settings: {
    // What was committed outlives the server's processes. Nothing here has to outlive the machine.
    synchronous_commit: "on",
    idle_in_transaction_session_timeout: String(limits.idleInTransaction),
    // As much log as a standby may miss while it is made.
    wal_keep_size: "128MB",
    max_wal_size: "128MB"
  }
}

/** Seconds. */
const patience = 30

const until = (what: string, server: Postgres.Server, sql: string) =>
  server.query(sql).pipe(
    Effect.repeat({ until: ([row]) => row?.["holds"] === true, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutFail({
      duration: patience * 1000,
      onTimeout: () => new Postgres.PostgresError({ message: `Not in ${patience} s: ${what}` })
    })
  )

/** From then on, nothing is committed that the standby does not have. */
const follow = (primary: Postgres.Server) =>
  Effect.gen(function*() {
    yield* primary.query("alter system set synchronous_standby_names = '*'")
    yield* primary.query("select pg_reload_conf()")
    yield* until(
      "the standby is a synchronous one",
      primary,
      "select coalesce(bool_or(sync_state = 'sync'), false) as holds from pg_stat_replication"
    )
    const [row] = yield* primary.query("select pg_current_wal_lsn()::text as position")
    yield* until(
      "the standby has what was committed before",
      primary,
      `select coalesce(bool_or(flush_lsn >= '${row!["position"]}'), false) as holds from pg_stat_replication`
    )
  })

const ofServer = (server: Postgres.Server, disk: number | undefined): Server => ({
  ...server,
  standby: Postgres.make({ ...options, disk, standbyOf: server }).pipe(
    Effect.tap(() => follow(server)),
    Effect.map((standby) => ofServer(standby, disk))
  ),
  promote: Effect.asVoid(server.query(`select pg_promote(true, ${patience})`))
})

const ids = (rows: ReadonlyArray<Record<string, any>>): ReadonlyArray<number> => rows.map(({ pid }) => pid)

export const postgres: Database = {
  name: "postgres",
  make: (disk) => Effect.map(Postgres.make({ ...options, disk }), (server) => ofServer(server, disk)),
  front: () => Effect.succeed(noFront),
  createRole: (server, role) => Effect.asVoid(server.query(`create role ${role} login`)),
  // As an argument of a function.
  setPassword: (server, role, password) =>
    Effect.zipRight(
      server.query(
        "create or replace function set_password(role text, password text) returns void language plpgsql as $$ begin execute format('alter role %I password %L', role, password); end $$"
      ),
      Effect.asVoid(server.query("select set_password($1, $2)", [role, Redacted.value(password)]))
    ),
  client: (address, password) =>
    Client.build(PgPool.layer(Client.options(address, "postgres", password)), PgPool.PgPool),
  sessions: (server) =>
    Effect.map(
      server.query("select pid from pg_stat_activity where usename = $1 order by pid", [teller]),
      ids
    ),
  busy: (server) =>
    Effect.map(
      server.query("select pid from pg_stat_activity where usename = $1 and xact_start is not null", [teller]),
      ids
    ),
  terminate: (server, sessions) =>
    Effect.asVoid(server.query("select pg_terminate_backend(id) from unnest($1::integer[]) id", [sessions])),
  occupy: ({ host, port }, password) =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.tryPromise(async () => {
        const client = new pg.Client({
          host,
          port,
          database: "postgres",
          user: stranger,
          password: Redacted.value(password)
        })
        client.on("error", () => {})
        await client.connect()
        return client
      }),
      (client) => Effect.promise(() => client.end().catch(() => {}))
    ))
}
