import * as PgPool from "@cenote/sql-adapter/PgPool"
import { layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PgBouncer from "../support/pgbouncer.js"
import { layer as postgres, Postgres } from "../support/postgres.js"
import { describeUnless } from "../support/where.js"
import { conformance } from "./conformance/index.js"
import type { Subject } from "./conformance/subject.js"
import { optionsOf } from "./harness.js"

class Bouncer extends Context.Tag("test/Bouncer")<Bouncer, PgBouncer.PgBouncer>() {}

const live = (mode: PgBouncer.Mode) =>
  Layer.scoped(
    Bouncer,
    Effect.flatMap(Postgres, (server) => PgBouncer.before(server, { mode, poolSize: poolSize[mode] }))
  )
    .pipe(Layer.provideMerge(postgres()))

/** In session mode each connection has a session of the server for itself. Otherwise fewer than the largest pool of the suite has connections. */
const poolSize: Record<PgBouncer.Mode, number> = { session: 40, transaction: 3 }

const subject = (pipeline: boolean): Subject<Bouncer | Postgres> => ({
  make: (options) =>
    Effect.gen(function*() {
      const { host, port } = yield* Bouncer
      const client = yield* PgPool.make({
        ...options,
        pipeline,
        connection: { ...optionsOf(yield* Postgres), host, port }
      })
      return Object.assign(client, { pools: [client.pool] })
    }),
  slow: "select pg_sleep(10)",
  isRunningSlow: () =>
    Effect.map(
      Effect.flatMap(Postgres, (server) =>
        server.query("select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(10)'")),
      ({ length }) =>
        length > 0
    ),
  // The sessions that the server knows of are PgBouncer's.
  server: undefined,
  others: "write",
  deferred: "create table $ (id int primary key, other int references $ deferrable initially deferred)",
  series: (n) => `select n from generate_series(1, ${n}) n`
})

describeUnless(PgBouncer.missing, "PgBouncer", () => {
  for (const mode of ["session", "transaction"] as const) {
    for (const pipeline of [false, true]) {
      layer(live(mode), { excludeTestServices: true, timeout: 60_000 })(
        `PgPool${pipeline ? ", pipelined," : ""} behind PgBouncer in ${mode} mode conforms:`,
        (it) => conformance(it, subject(pipeline))
      )
    }
  }
})
