/** One run: a server, the way to it, a pool, callers, faults; then the reckoning. */
import { PgPool } from "@cenote/sql-adapter/PgPool"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Postgres from "../support/postgres.js"
import * as Proxy from "../support/proxy.js"
import * as bank from "./bank.js"
import type { Fault, World } from "./faults/fault.js"
import type { Finding } from "./judge.js"
import { judge } from "./judge.js"
import { limits } from "./limits.js"
import { atRest, ends, isGone } from "./rest.js"
import type { Occurrence } from "./timeline.js"
import { isRecovered, run as strike } from "./timeline.js"
import type { Ended } from "./workload.js"
import * as Workload from "./workload.js"

export interface Plan {
  readonly seed: number
  readonly millis: number
  readonly faults: ReadonlyArray<Fault>
  /** What goes on now. */
  readonly onFault: (name: string) => void
}

export interface Result {
  readonly calls: ReadonlyArray<Ended>
  readonly occurrences: ReadonlyArray<Occurrence>
  readonly findings: ReadonlyArray<Finding>
  /** Broken promises besides the findings, as sentences. */
  readonly problems: ReadonlyArray<string>
}

const options = {
  maxConnections: 40,
  settings: {
    // What was committed outlives the server's processes. Nothing here has to outlive the machine.
    synchronous_commit: "on",
    idle_in_transaction_session_timeout: String(limits.idleInTransaction),
    // As much log as a standby may miss while it is made.
    wal_keep_size: "512MB"
  }
}

/** A server, and the way to it. */
const build: Effect.Effect<World, Postgres.PostgresError, Scope.Scope> = Effect.gen(function*() {
  const root = yield* Effect.scope
  const scope = yield* Scope.fork(root, ExecutionStrategy.sequential)
  const server = yield* Scope.extend(Postgres.make(options), scope)
  return {
    server,
    scope,
    root,
    standby: (of) => Postgres.make({ ...options, standbyOf: of }),
    proxy: yield* Proxy.make(server),
    secret: { current: bank.newPassword() }
  }
})

/** What would have ended the process, or is nobody's. */
const uncaught = Effect.acquireRelease(
  Effect.sync(() => {
    const errors: Array<string> = []
    const note = (error: unknown) => void errors.push(`Uncaught: ${error instanceof Error ? error.stack : error}`)
    process.on("uncaughtException", note)
    process.on("unhandledRejection", note)
    return { errors, note }
  }),
  ({ note }) =>
    Effect.sync(() => {
      process.off("uncaughtException", note)
      process.off("unhandledRejection", note)
    })
)

const unexpected = (calls: ReadonlyArray<Ended>): ReadonlyArray<string> =>
  calls.flatMap(({ id, outcome, period }) =>
    outcome._tag === "Unexpected" ? [`Transfer ${id} (${period}) ended with ${outcome.what}`] : []
  )

const late = (occurrences: ReadonlyArray<Occurrence>): ReadonlyArray<string> =>
  occurrences.filter((occurrence) => !isRecovered(occurrence)).map(({ at, bound, fault, recovery }) =>
    `${fault} (at ${(at / 1000).toFixed(1)} s) was felt for ${
      recovery === undefined ? "ever" : `${recovery} ms`
    } after its end; its bound is ${bound} ms.`
  )

export const run = ({ faults, millis, onFault, seed }: Plan): Effect.Effect<Result, Postgres.PostgresError> =>
  Effect.gen(function*() {
    const { errors } = yield* uncaught
    const world = yield* build
    const { proxy, secret } = world
    yield* bank.open(world.server, secret.current)

    const poolScope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const context = yield* Effect.orDie(Layer.buildWithScope(bank.client(proxy, () => secret.current), poolScope))
    const pool = Context.get(context, PgPool)
    const workload = yield* Workload.start(Context.get(context, SqlClient), seed)

    const occurrences = yield* Effect.withRandom(
      strike(world, workload, faults, millis, onFault),
      Random.make(seed)
    )

    const unended = yield* ends("A call", workload.stop)
    const unrest = yield* atRest(pool)
    const unclosed = yield* ends("The close of the pool", Scope.close(poolScope, Exit.void))
    // Of what the last fault has killed and the pool has given up since, the server has not been told either.
    proxy.reap()
    const sessions = yield* isGone(world.server)
    const books = yield* bank.books(world.server)
    return {
      calls: workload.calls,
      occurrences,
      findings: judge(workload.calls, books),
      problems: [
        ...late(occurrences),
        ...unended,
        ...unrest,
        ...unclosed,
        ...sessions,
        ...unexpected(workload.calls),
        ...errors
      ]
    }
  }).pipe(Effect.scoped)
