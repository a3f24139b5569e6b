/** The server dies, and another one takes its place at the same address. */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { PostgresError } from "../../support/postgres.js"
import type { Server } from "../../support/postgres.js"
import type { Fault, World } from "./fault.js"

const seconds = 30

const until = (what: string, server: Server, sql: string) =>
  server.query(sql).pipe(
    Effect.repeat({ until: ([row]) => row?.["holds"] === true, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutFail({
      duration: seconds * 1000,
      onTimeout: () => new PostgresError({ message: `Not in ${seconds} s: ${what}` })
    })
  )

/** From then on, nothing is committed that the standby does not have. */
const follow = (primary: Server) =>
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

/** The first is killed, and its files are deleted; the address leads to the second. */
const replace = (world: World, standby: Server, scope: Scope.CloseableScope) =>
  Effect.gen(function*() {
    yield* world.server.kill
    world.proxy.setTarget(standby)
    const old = world.scope
    world.server = standby
    world.scope = scope
    yield* Scope.close(old, Exit.void)
  })

export const failover: Fault = {
  name: "failover",
  what: "The server is killed, and its address leads to a synchronous standby, which only reads until it is promoted.",
  leaves: ["FailedOpenings"],
  begin: (world) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(world.root, ExecutionStrategy.sequential)
      const standby = yield* Scope.extend(world.standby(world.server), scope)
      yield* follow(world.server)
      yield* replace(world, standby, scope)
    }),
  end: ({ server }) => Effect.asVoid(server.query(`select pg_promote(true, ${seconds})`))
}
